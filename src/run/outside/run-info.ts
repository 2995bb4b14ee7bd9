/** A run in a list: what its row says, with its status in one word. */
import { isEnd } from '../../ledger/index.ts'
import type { RunRow } from '../../store/store.ts'

/** One word for where a run stands. */
export type StatusWord =
  /** Due, and no worker has taken it yet. */
  | 'ready'
  /** A worker holds it. */
  | 'running'
  /** It waits for time, a message or a person; no process holds it. */
  | 'waiting'
  | 'paused'
  | 'completed'
  | 'failed'
  | 'cancelled'

/** A run as `get` and `list` show it. Times in milliseconds since 1970. */
export interface RunInfo {
  readonly id: string
  readonly flow: string
  readonly version: string
  readonly status: StatusWord
  /** The code it is paused or failed with. */
  readonly code: string | undefined
  /** What people call it: the last that `run.title` said. */
  readonly title: string | undefined
  readonly queue: string
  readonly labels: Readonly<Record<string, string>>
  readonly parent: string | undefined
  readonly created: number
  readonly updated: number
  /** How many entries its ledger has. */
  readonly entries: number
  /** When it goes on by itself. */
  readonly due: number | undefined
  /** How often it lost its worker, by the death of the process and by a lease that ran out. */
  readonly crashes: number
  readonly overtakes: number
}

export function infoOf(row: RunRow, now: number): RunInfo {
  const { id, flow, version, code, title, queue, labels, parent, created, updated } = row
  const { crashes, overtakes } = row
  return {
    id,
    flow,
    version,
    status: wordOf(row, now),
    code,
    title,
    queue,
    labels,
    parent,
    created,
    updated,
    entries: row.seq,
    due: row.wake,
    crashes,
    overtakes,
  }
}

export function wordOf(row: RunRow, now: number): StatusWord {
  const { status, session, wake } = row
  // A retry or a resume has been asked for, and a worker takes it.
  if (status !== 'active' && !isReopening(row, now)) return status
  if (session !== undefined) return 'running'
  return wake !== undefined && wake <= now ? 'ready' : 'waiting'
}

/** True when nothing more will happen in the run, unless somebody tells it to go on. */
export const hasEnded = (row: RunRow, now: number): boolean =>
  isEnd(row.status) && !isReopening(row, now)

/** A failed or paused run that was told to go on: what comes of that is still to be seen. */
export const isReopening = ({ status, session, wake }: RunRow, now: number): boolean =>
  (status === 'failed' || status === 'paused') &&
  (session !== undefined || (wake !== undefined && wake <= now))
