/**
 * The demo's balance: what the ledger says was done, against what the side file says was executed.
 * Nothing here is taken on trust: a step counts as executed once when the side file has one line.
 */
import type { Entry } from '../../ledger/index.ts'
import { operationPath } from '../../ledger/index.ts'
import type { Execution } from './executions.ts'

/** What the tally needs of an entry. */
type Line = Pick<Entry, 'seq' | 'hash' | 'kind' | 'scope' | 'key'>

/** What was in the ledger at the moment of the kill. */
export interface Snapshot {
  /** The process that was killed. */
  readonly pid: number
  readonly entries: readonly Pick<Entry, 'seq' | 'hash'>[]
  readonly steps: ReadonlySet<string>
}

export interface Tally {
  /** Steps with a body, in the finished ledger. */
  readonly steps: number
  readonly recordedBeforeKill: number
  /** Recorded before the kill, and not executed by any later process. */
  readonly replayed: number
  readonly executedAfterKill: number
  readonly executedOnce: number
  /** Executed to the end but not recorded when the kill came: done again, as promised. */
  readonly cutOff: number
  /** Executed again although recorded. Must be none. */
  readonly repeated: readonly string[]
  /** Recorded and gone, or never executed. Must be none. */
  readonly lost: readonly string[]
}

/** The paths of completed steps that have a body: keeping an artifact has none. */
export function stepsOf(entries: readonly Line[]): Set<string> {
  const steps = entries.filter(
    ({ kind, key }) => kind === 'step.completed' && !key.startsWith('artifact '),
  )
  return new Set(steps.map(({ scope, key }) => operationPath(scope, key)))
}

export function tallyOf(
  before: Snapshot,
  entries: readonly Line[],
  executions: readonly Execution[],
): Tally {
  const steps = stepsOf(entries)
  const runs = new Map<string, number[]>()
  for (const { step, pid } of executions) runs.set(step, [...(runs.get(step) ?? []), pid])
  const later = (step: string): number[] =>
    (runs.get(step) ?? []).filter((pid) => pid !== before.pid)

  const recorded = [...before.steps]
  const again = [...runs].filter(([, pids]) => pids.length > 1).map(([step]) => step)
  // Recorded, or executed twice by processes that were not killed.
  const repeated = again.filter((step) => before.steps.has(step) || later(step).length > 1)
  const hashes = new Map(entries.map(({ seq, hash }) => [seq, hash]))
  const gone = before.entries.filter(({ seq, hash }) => hashes.get(seq) !== hash)
  return {
    steps: steps.size,
    recordedBeforeKill: recorded.length,
    replayed: recorded.filter((step) => steps.has(step) && later(step).length === 0).length,
    executedAfterKill: [...steps].filter((step) => later(step).length > 0).length,
    executedOnce: [...steps].filter((step) => runs.get(step)?.length === 1).length,
    cutOff: again.length - repeated.length,
    repeated,
    lost: [
      ...gone.map(({ seq }) => `entry ${seq}`),
      ...recorded.filter((step) => !steps.has(step)),
      ...[...steps].filter((step) => !runs.has(step)),
    ],
  }
}
