/**
 * A conversation of an agent as text for people: who said what, and below each answer of the model its
 * calls, with what was decided about them and what came of them. All of it is text from outside.
 */
import type { Conversation } from '../agent/conversation/conversation.ts'
import type { ConversationItem } from '../agent/conversation/conversation-item.ts'
import { counted } from '../base/counted.ts'
import type { Escalation } from '../run/approvals/escalation.ts'
import { clean, cleanLine } from './clean.ts'
import { jsonLine } from './json-text.ts'
import type { Output } from './output.ts'
import { dateTime } from './times.ts'

type Of<K extends ConversationItem['is']> = Extract<ConversationItem, { readonly is: K }>
type Answer = Of<'assistant'>
/** What is told below the call that it is about. */
type OfCall = Of<
  | 'asked'
  | 'escalated'
  | 'child'
  | 'result'
  | 'error'
  | 'unmade'
  | 'vote'
  | 'approval'
  | 'doubt'
  | 'undo'
  | 'guard'
>

const argsMax = 160
const resultMax = 160
const nameWidth = 9

/** The conversation as lines. */
export function conversationLines({ items }: Conversation, out: Output): string[] {
  const ended = items.findLastIndex(({ is }) => is === 'failed' || is === 'cancelled')
  const open = new Set(items.slice(ended + 1))
  return groupsOf(items).flatMap(({ item, about }) => {
    switch (item.is) {
      case 'user':
        return speech(out, cleanLine(item.by ?? 'user', 40), item.text)
      case 'assistant':
        return [
          ...speech(
            out,
            'model',
            item.text === '' && item.calls.length > 0 ? '(calls)' : item.text,
          ),
          ...(item.isCut ? ['  (cut off at a limit of tokens)'] : []),
          ...item.calls.flatMap(({ id, tool, args }) => [
            `  ${out.style('cyan', cleanLine(tool, 64))} ${valueLine(args, argsMax)}`,
            ...about
              .filter(({ call }) => call === id)
              .filter(isOpenOrDone)
              .map(
                (one, _, all) => `    ${aboutText(one, out, open.has(one), isHandedOn(one, all))}`,
              ),
          ]),
        ]
      case 'guard':
        return speech(out, 'guard', guardText(item))
      case 'question':
        return speech(out, 'question', `${item.prompt} → ${valueLine(item.answer, argsMax)}`)
      case 'summary':
        return speech(out, 'summary', item.text)
      case 'failed':
        return speech(out, 'failed', `${codeText(item.code)}${item.error}`)
      case 'cancelled':
        return speech(out, 'cancelled', `${item.reason}${byText(item.by)}`)
      case 'asked':
        return open.has(item) && isUnanswered(items, item)
          ? speech(out, 'question', `${item.prompt} → waits for somebody (${item.question})`)
          : []
      default:
        return [`    ${aboutText(item, out, open.has(item), false)}`]
    }
  })
}

function speech(out: Output, name: string, text: string): string[] {
  const [first = '', ...rest] = clean(text).split('\n')
  const label = out.style('dim', name.padEnd(nameWidth))
  return [`${label} ${first}`, ...rest.map((line) => ' '.repeat(nameWidth + 1) + line)]
}

/** What it has cost, in a sentence. */
export function costText({ items, spent }: Conversation): string {
  const answers = items.filter(({ is }) => is === 'assistant').length
  const calls = items.filter(
    (item) => item.is === 'result' || (item.is === 'error' && item.wasMade),
  ).length
  const { tokens = 0, microUsd } = spent
  const money =
    microUsd === undefined
      ? tokens === 0
        ? ''
        : ' for a price that is not known'
      : ` for ${usdText(microUsd)}`
  return `${counted(answers, 'answer')} of the model, ${counted(calls, 'call')}, ${counted(tokens, 'token')}${money}.`
}

export const usdText = (microUsd: number): string =>
  microUsd === 0 ? '$0' : `$${(microUsd / 1e6).toFixed(microUsd < 10_000 ? 6 : 4)}`

/** An answer on one line: what was said, and what is called. */
export function callsText({ text, calls }: Answer): string {
  const counts = new Map<string, number>()
  for (const { tool } of calls) counts.set(tool, (counts.get(tool) ?? 0) + 1)
  const called = [...counts].map(([tool, count]) => (count === 1 ? tool : `${tool} ×${count}`))
  const said = text === '' ? [] : [`"${cleanLine(text, 90)}"`]
  return cleanLine([...said, ...(called.length > 0 ? [called.join(', ')] : [])].join(' → '))
}

interface Group {
  readonly item: ConversationItem
  readonly about: OfCall[]
}

/** Each item, and below an answer what is about its calls. */
function groupsOf(items: readonly ConversationItem[]): readonly Group[] {
  const groups: Group[] = []
  for (const item of items) {
    const answer =
      'call' in item ? groups.findLast((group) => makes(group.item, item.call)) : undefined
    if (answer) answer.about.push(item as OfCall)
    else groups.push({ item, about: [] })
  }
  return groups
}

/** What was asked is told as long as nobody has decided, and a child until something has come of it. */
const isOpenOrDone = (one: OfCall, i: number, all: readonly OfCall[]): boolean =>
  (one.is !== 'asked' && one.is !== 'child') ||
  all.slice(i + 1).every(({ is }) => is === 'vote' || is === 'escalated')

/** Whether what was asked has gone to whom it was to go. */
const isHandedOn = (one: OfCall, all: readonly OfCall[]): boolean =>
  all.slice(all.indexOf(one)).some(({ is }) => is === 'escalated')

/** Something that is no call's was asked, and nothing has come of it: what comes of it stands behind it. */
const isUnanswered = (items: readonly ConversationItem[], asked: Of<'asked'>): boolean =>
  items.slice(items.indexOf(asked) + 1).every(({ is }) => is === 'asked' || is === 'vote')

const makes = (item: ConversationItem, call: string | undefined): boolean =>
  item.is === 'assistant' && item.calls.some(({ id }) => id === call)

/** `isOpen`: the run has not ended since. */
function aboutText(item: OfCall, out: Output, isOpen: boolean, hasGoneOn: boolean): string {
  switch (item.is) {
    case 'asked': {
      if (!isOpen) return `nobody had answered when the run ended (${cleanLine(item.question)})`
      const next = hasGoneOn || !item.escalation ? '' : `; ${escalationText(item.escalation)}`
      return `${out.style('yellow', `waits for somebody (${cleanLine(item.question)})`)}${next}`
    }
    case 'escalated':
      return `${out.style('yellow', `handed on to ${cleanLine(item.to, 60)}`)}${byText(item.by)}: nobody had decided in time`
    case 'child':
      return isOpen
        ? out.style('yellow', `still under way (run ${cleanLine(item.run)})`)
        : `had not ended when the run did (run ${cleanLine(item.run)})`
    case 'guard':
      return `${out.style('yellow', 'guard')} ${cleanLine(guardText(item))}`
    case 'result':
      return out.style(
        'dim',
        item.value === undefined ? '= (nothing)' : `= ${valueLine(item.value, resultMax)}`,
      )
    case 'error':
      return `${out.style('red', 'error')} ${cleanLine(item.error, resultMax)}`
    case 'unmade':
      return `${out.style('yellow', 'not made')}${reasonText(item.reason)}`
    case 'vote':
    case 'approval': {
      const args = item.args === undefined ? '' : ` with ${valueLine(item.args, argsMax)}`
      const via = item.channel === undefined ? '' : ` via ${cleanLine(item.channel, 40)}`
      const color = item.verdict === 'approved' ? 'green' : 'yellow'
      const verdict = item.is === 'vote' ? `a vote: ${item.verdict}` : verdictText(item)
      return `${out.style(color, verdict)}${byText(item.by)}${via}${args}${reasonText(item.reason)}`
    }
    case 'undo':
      return `${out.style('yellow', undos[item.state])}${byText(item.by)}${reasonText(item.reason)}`
    case 'doubt': {
      const told = item.by === undefined ? (item.via ? vias[item.via] : '') : byText(item.by)
      const why = item.why === undefined ? '' : ` (${whys[item.why]})`
      return `${out.style('yellow', doubts[item.verdict])}${why}${told}${reasonText(item.reason)}`
    }
  }
}

/** A name that is left empty names nobody. */
const byText = (by: string | undefined): string =>
  by === undefined || by === '' ? '' : ` by ${cleanLine(by, 60)}`

const escalationText = ({ to, due }: Escalation): string =>
  `goes to ${cleanLine(to, 60)} if nobody has decided by ${dateTime(due)}`

const guardText = ({ guard, position, verdict, reason }: Of<'guard'>): string =>
  `${guard} at ${position}: ${verdict}${reasonText(reason)}`

const codeText = (code: string | undefined): string =>
  code === undefined ? '' : `${cleanLine(code, 60)}: `

/** What an approval came to; of one that expired also what that meant for the call. */
function verdictText({ verdict, otherwise }: Of<'approval'>): string {
  if (otherwise === undefined) return verdict
  return `${verdict}: nobody decided in time, so it was ${otherwise === 'approve' ? 'approved' : 'denied'}`
}

const undos: Readonly<Record<Of<'undo'>['state'], string>> = {
  undone: 'undone',
  failed: 'not undone',
  skipped: 'left as it is',
}

const doubts: Readonly<Record<Of<'doubt'>['verdict'], string>> = {
  open: 'in doubt: it is not known whether it happened',
  done: 'the doubt is resolved: it happened, told',
  notDone: 'the doubt is resolved: it did not happen, told',
  failed: 'the doubt is resolved: the call failed, told',
}

const whys: Readonly<Record<NonNullable<Of<'doubt'>['why']>, string>> = {
  crashed: 'its process died or stood still',
  'timed-out': 'it took too long',
  aborted: 'it was aborted',
  threw: 'it threw',
}

const vias: Readonly<Record<NonNullable<Of<'doubt'>['via']>, string>> = {
  call: ' by the call itself',
  reconcile: ' by its `reconcile`',
  person: ' by a person',
}

const reasonText = (reason: string | undefined): string =>
  reason === undefined ? '' : `: ${cleanLine(reason)}`

/** A text as it is, everything else as JSON. */
const valueLine = (value: unknown, unitsMax: number): string =>
  typeof value === 'string' ? cleanLine(value, unitsMax) : jsonLine(value, unitsMax)
