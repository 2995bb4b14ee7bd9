/** Puts a run's question to the person at the terminal, until it is answered here or elsewhere. */
import { createInterface } from 'node:readline/promises'
import { EverloopError } from '../base/errors.ts'
import type { Approval, Ever, Question } from '../run/index.ts'
import { hintOf, readingsOf } from './answer-words.ts'
import { clean, cleanLine } from './clean.ts'
import { jsonText } from './json-text.ts'
import { openQuestion } from './open-question.ts'
import { lastRefusal } from './refusal.ts'
import { userName } from './user-name.ts'

/** How often is looked whether somebody else has answered. */
const pollMs = 300

interface Terminal {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
}

interface PromptOptions {
  readonly signal: AbortSignal
  /** Who answers, for the record; else it is the user. */
  readonly by?: string | undefined
  /** The digest of a call that is in front of them already. */
  readonly shown?: string
  readonly terminal?: Terminal
}

/** True when the question is closed, by whomever; false when the person left it with Ctrl-D. */
export async function askPerson(
  ever: Ever,
  id: string,
  {
    signal,
    by = userName(),
    shown: before,
    terminal = { input: process.stdin, output: process.stderr },
  }: PromptOptions,
): Promise<boolean> {
  let shown = before
  for (let complaint = ''; ;) {
    const question = await openQuestion(ever, id)
    if (!question) return true
    const approval = await approvalOf(ever, question)
    // Nobody is to allow what they have not seen.
    if (approval && approval.digest !== shown) terminal.output.write(`${callText(approval)}\n`)
    shown = approval?.digest
    if (complaint === '') complaint = (await lastRefusal(ever, question)) ?? ''
    if (complaint !== '') terminal.output.write(`${clean(complaint)}\n`)
    const hint = question.kind === 'approval' ? approvalHint(approval) : hintOf(question)
    const typed = await promptUntilClosed(ever, { ...question, hint }, { signal, terminal })
    if (typed.is !== 'text') return typed.is === 'closed'
    const { text } = typed
    const result = await answerWith(ever, question, { text, by, shown })
    if (result === undefined) return true
    complaint = result || `"${text.trim()}" is no answer to this. Type one of: ${hint}`
  }
}

type Typed =
  | { readonly is: 'text'; readonly text: string }
  /** The question was closed meanwhile. */
  | { readonly is: 'closed' }
  /** Nothing more can be typed. */
  | { readonly is: 'left' }

async function promptUntilClosed(
  ever: Ever,
  { id, prompt, hint }: Question & { readonly hint: string },
  { signal, terminal }: { readonly signal: AbortSignal; readonly terminal: Terminal },
): Promise<Typed> {
  const lines = createInterface(terminal)
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
  const leave = (): void => left.abort()
  lines.on('close', leave)
  try {
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
    // This one alone: readline's own take its hands off the keys.
    lines.off('close', leave)
    lines.close()
  }
}

async function approvalOf(ever: Ever, { id, run, kind }: Question): Promise<Approval | undefined> {
  if (kind !== 'approval') return undefined
  return (await ever.approvals.list({ run })).find((approval) => approval.id === id)
}

/** All of the call, which the prompt may have cut, and why it is asked about. */
function callText({ tool, args, reason }: Approval): string {
  const call = `${cleanLine(tool)} ${jsonText(args)}`
  return reason === undefined ? call : `${call}\nBecause: ${clean(reason)}`
}

/** A yes is not offered where nobody can say it. */
const approvalHint = (approval: Approval | undefined): string =>
  approval?.isDenyOnly ? 'no, no WHY' : 'yes, no, no WHY'

/** Tries the readings of what was typed. Returns the complaint when none fits. */
async function answerWith(
  ever: Ever,
  question: Question,
  {
    text,
    by,
    shown,
  }: { readonly text: string; readonly by: string; readonly shown: string | undefined },
): Promise<string | undefined> {
  const { id } = question
  let complaint = ''
  for (const value of readingsOf(text, question, shown)) {
    try {
      await ever.answer(id, value, { by })
      return undefined
    } catch (error) {
      if (!EverloopError.is(error)) throw error
      if (error.code === 'QUESTION_CLOSED') return undefined
      if (error.code !== 'BAD_INPUT' && error.code !== 'APPROVAL_REFUSED') throw error
      // The first reading is the one that was meant, most likely.
      complaint ||= error.message
    }
  }
  return complaint
}
