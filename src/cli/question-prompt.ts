/** Puts a run's question to the person at the terminal, until it is answered here or elsewhere. */
import { createInterface } from 'node:readline/promises'
import { EverloopError } from '../base/errors.ts'
import type { Ever, Question } from '../run/index.ts'
import { clean, cleanLine } from './clean.ts'
import { lastRefusal } from './refusal.ts'

/** How often is looked whether somebody else has answered. */
const pollMs = 300

/** True when the question is closed, by whomever; false when the person left it with Ctrl-D. */
export async function askPerson(
  ever: Ever,
  id: string,
  { signal, by = 'terminal' }: { readonly signal: AbortSignal; readonly by?: string | undefined },
): Promise<boolean> {
  for (let complaint = ''; ;) {
    const question = await openQuestion(ever, id)
    if (!question) return true
    if (complaint === '') complaint = (await lastRefusal(ever, question)) ?? ''
    if (complaint !== '') process.stderr.write(`${clean(complaint)}\n`)
    const typed = await promptUntilClosed(ever, question, signal)
    if (typed.is !== 'text') return typed.is === 'closed'
    const result = await answerWith(ever, question, { text: typed.text, by })
    if (result === undefined) return true
    complaint = result
  }
}

async function openQuestion(ever: Ever, id: string): Promise<Question | undefined> {
  const run = id.slice(0, id.lastIndexOf('/'))
  return (await ever.questions({ run })).find((question) => question.id === id)
}

type Typed =
  | { readonly is: 'text'; readonly text: string }
  /** The question was closed meanwhile. */
  | { readonly is: 'closed' }
  /** Nothing more can be typed. */
  | { readonly is: 'left' }

async function promptUntilClosed(
  ever: Ever,
  { id, kind, prompt, schema }: Question,
  signal: AbortSignal,
): Promise<Typed> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const closed = new AbortController()
  const left = new AbortController()
  const watch = setInterval(() => {
    openQuestion(ever, id).then(
      (question) => question ?? closed.abort(),
      () => closed.abort(),
    )
  }, pollMs)
  // In raw mode Ctrl-C is a key, not a signal.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  lines.on('close', () => left.abort())
  try {
    const hint = kind === 'approval' ? await approvalHint(ever, id) : hintOf(schema)
    const any = AbortSignal.any([signal, closed.signal, left.signal])
    const words = `${clean(prompt)}${hint === '' ? '' : ` (${hint})`} `
    return { is: 'text', text: await lines.question(words, { signal: any }) }
  } catch (error) {
    signal.throwIfAborted()
    if (closed.signal.aborted) return { is: 'closed' }
    if (left.signal.aborted) return { is: 'left' }
    throw error
  } finally {
    clearInterval(watch)
    lines.removeAllListeners('close')
    lines.close()
  }
}

/** A yes is not offered where nobody can say it. */
async function approvalHint(ever: Ever, id: string): Promise<string> {
  const run = id.slice(0, id.lastIndexOf('/'))
  const approval = (await ever.approvals.list({ run })).find((one) => one.id === id)
  return approval?.isDenyOnly ? 'no, no WHY' : 'yes, no, no WHY'
}

/** What may be typed, where the schema says it briefly. */
export function hintOf(schema: unknown): string {
  if (typeof schema !== 'object' || schema === null) return ''
  if ('enum' in schema && Array.isArray(schema.enum))
    return schema.enum.map((value) => cleanLine(String(value), 40)).join(', ')
  const verdicts = verdictsOf(schema)
  if (verdicts.length > 0) return `${verdicts.join(', ')}, or JSON`
  if (!('type' in schema)) return 'JSON'
  if (schema.type === 'boolean') return 'yes, no'
  return schema.type === 'string' ? '' : schema.type === 'number' ? 'a number' : 'JSON'
}

/** Tries the readings of what was typed. Returns the complaint when none fits. */
async function answerWith(
  ever: Ever,
  question: Question,
  { text, by }: { readonly text: string; readonly by: string },
): Promise<string | undefined> {
  const { id } = question
  let complaint = ''
  for (const value of readingsOf(text, question)) {
    try {
      await ever.answer(id, value, { by })
      return undefined
    } catch (error) {
      if (!EverloopError.is(error)) throw error
      if (error.code === 'QUESTION_CLOSED') return undefined
      if (error.code !== 'BAD_INPUT' && error.code !== 'APPROVAL_REFUSED') throw error
      complaint = error.message
    }
  }
  return complaint
}

/** The values that a typed text may mean: JSON first, then a yes or no, then the text itself. */
export function readingsOf(text: string, { kind, schema }: Question): unknown[] {
  const typed = text.trim()
  const readings: unknown[] = []
  try {
    readings.push(JSON.parse(typed))
  } catch {
    // No JSON: a text, most likely.
  }
  const [, yes, no, why = ''] = /^(?:(y|yes)|(n|no)\b[\s,:]*(.*))$/i.exec(typed) ?? []
  if (kind === 'approval') {
    const reason = why === '' ? {} : { reason: why }
    if (yes !== undefined) readings.push({ verdict: 'approve', channel: 'terminal' })
    if (no !== undefined) readings.push({ verdict: 'deny', channel: 'terminal', ...reason })
    return readings
  }
  if (yes !== undefined) readings.push(true)
  if (no !== undefined && why === '') readings.push(false)
  if (verdictsOf(schema).includes(typed)) readings.push({ verdict: typed })
  readings.push(typed)
  return readings
}

/** The verdicts among which everloop's own questions have people choose. */
function verdictsOf(schema: unknown): readonly string[] {
  const { verdict } = (schema as { properties?: { verdict?: { enum?: unknown } } }).properties ?? {}
  return Array.isArray(verdict?.enum) ? verdict.enum.map(String) : []
}
