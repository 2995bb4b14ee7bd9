/**
 * The balance of the agent demo: what the ledger says was called, against the lines that the calls
 * themselves have left behind. Nothing here is taken on trust: a call counts as made once when it has
 * left one line at its end.
 */
import { callOf } from '../../agent/conversation/recorded.ts'
import type { Entry } from '../../ledger/index.ts'
import type { Execution } from './executions.ts'

/** What the tally needs of an entry. */
export type Line = Pick<Entry, 'kind' | 'key'>

/** The lines that were left outside of the ledger. */
export interface Lines {
  /** Each time that the model was asked. */
  readonly asked: readonly Execution[]
  readonly begun: readonly Execution[]
  readonly done: readonly Execution[]
}

export interface AuditTally {
  /** Answers of the model in the ledger, and how often it was asked. */
  readonly answers: number
  readonly asked: number
  /** Calls in the ledger. */
  readonly calls: number
  readonly madeOnce: number
  /** Begun and cut off by a kill: begun again by the next process. */
  readonly cutOff: readonly string[]
  /** Calls that have done their work more than once. Must be none. */
  readonly repeated: readonly string[]
  /** Calls that are recorded and were never done. Must be none. */
  readonly lost: readonly string[]
}

/** The ids of the calls that are recorded as done. */
export const callsOf = (entries: readonly Line[]): string[] => callsThat('step.completed', entries)

/** The ids of the calls that are recorded as failed. */
export const failedCallsOf = (entries: readonly Line[]): string[] =>
  callsThat('step.failed', entries)

const callsThat = (kind: Line['kind'], entries: readonly Line[]): string[] =>
  entries.flatMap((line) => (line.kind === kind ? (callOf(line.key) ?? []) : []))

/** True for the entry of an answer of the model. */
export const isAnswer = ({ kind, key }: Line): boolean =>
  kind === 'step.completed' && key === '=model'

/** How many answers of the model are recorded. */
export const answersOf = (entries: readonly Line[]): number => entries.filter(isAnswer).length

/** Calls that this process has begun and not done. */
export function underWay(pid: number, { begun, done }: Omit<Lines, 'asked'>): string[] {
  const ended = new Set(done.filter((line) => line.pid === pid).map(({ step }) => step))
  return begun.filter((line) => line.pid === pid && !ended.has(line.step)).map(({ step }) => step)
}

export function auditTally(entries: readonly Line[], { asked, begun, done }: Lines): AuditTally {
  const calls = callsOf(entries)
  const times = countsOf(done)
  const failed = new Set(failedCallsOf(entries)) // they leave no line at their end
  const pids = new Set(begun.map(({ pid }) => pid))
  return {
    answers: answersOf(entries),
    asked: asked.length,
    calls: calls.length,
    madeOnce: calls.filter((call) => times.get(call) === 1).length,
    cutOff: [...pids].flatMap((pid) =>
      underWay(pid, { begun, done }).filter((call) => !failed.has(call)),
    ),
    repeated: [...times].filter(([, count]) => count > 1).map(([call]) => call),
    lost: calls.filter((call) => !times.has(call)),
  }
}

function countsOf(lines: readonly Execution[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { step } of lines) counts.set(step, (counts.get(step) ?? 0) + 1)
  return counts
}
