/**
 * What people and programs are told about a run: its status in one word, what it waits for, its
 * events. Made from the row and the ledger; nothing here changes anything.
 */
import type { ErrorData } from '../../base/errors.ts'
import {
  checkLinks,
  decode,
  effectOf,
  emptyState,
  fold,
  isEnd,
  operationPath,
  questionId,
  unescape,
} from '../../ledger/index.ts'
import type { Entry, RunState, RunStatus, Wait } from '../../ledger/index.ts'
import type { RunRow, Store } from '../../store/store.ts'
import { largeIn, largeOf } from '../replay/large.ts'

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

/** What a waiting run waits for. */
export interface WaitInfo {
  readonly kind:
    | 'timer'
    | 'signal'
    | 'question'
    | 'child'
    | 'retry'
    | 'approval'
    | 'effect'
    | 'undo'
  /** The operation, as its path in the run. */
  readonly path: string
  /**
   * Signal: its name. Question and approval: the prompt. Child: its id. Retry and undo: the error of
   * the last attempt. Effect: the prompt, or what is known of a call whose outcome is not.
   */
  readonly what: string
  /** What a person is asked: the id to answer under. */
  readonly question?: string
  readonly since: number
  readonly due: number | undefined
}

/** Where a run has come to rest. */
export type Settled<Output = unknown> =
  | { readonly status: 'completed'; readonly output: Output }
  | { readonly status: 'failed'; readonly error: ErrorData }
  | { readonly status: 'cancelled'; readonly reason: string }
  | { readonly status: 'paused'; readonly code: string; readonly message: string }
  | { readonly status: 'waiting'; readonly on: readonly WaitInfo[] }

/** One entry, as `events` tells it. */
export interface RunEvent {
  readonly run: string
  /** Its number: the cursor to go on from. */
  readonly seq: number
  readonly time: number
  readonly kind: Entry['kind']
  /** The operation, as its path in the run; "" for what concerns the run as a whole. */
  readonly path: string
  /** The decoded payload; undefined when erased. */
  readonly data: unknown
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

function wordOf(row: RunRow, now: number): StatusWord {
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
const isReopening = ({ status, session, wake }: RunRow, now: number): boolean =>
  (status === 'failed' || status === 'paused') &&
  (session !== undefined || (wake !== undefined && wake <= now))

/** The fold of what a resume would read. Throws BROKEN_CHAIN. */
export async function stateOf(store: Store, run: string): Promise<RunState> {
  const entries = await store.openEntries(run)
  checkLinks(entries)
  return fold(emptyState, entries)
}

/** How the run has ended, or why it is paused; undefined while it moves. Reads one entry. */
export async function endOf(
  store: Store,
  row: RunRow,
): Promise<Exclude<Settled, { readonly status: 'waiting' }> | undefined> {
  if (row.status === 'active' || isReopening(row, store.clock.now())) return undefined
  // What gave a run its status is the last thing that was written, or nearly so.
  const entries = await store.entriesAt(row.id, [row.seq])
  checkLinks(entries)
  const [entry] = entries
  if (!entry) return undefined
  const large = await largeIn(store, row.id, entry.payload)
  const record = decode(entry.payload ?? '{}', {
    resolve: (ref) => large.get(largeOf(ref) ?? ''),
  })
  const { status } = effectOf(entry, record)
  // What an operator undoes or says afterwards stands behind the end.
  const isBehind = status === undefined && row.status !== 'paused'
  return settledAs(isBehind ? (await stateOf(store, row.id)).status : status)
}

function settledAs(
  status: RunStatus | undefined,
): Exclude<Settled, { readonly status: 'waiting' }> | undefined {
  switch (status?.is) {
    case 'active':
    case undefined:
      return undefined
    case 'paused':
      return { status: 'paused', code: status.code, message: status.message }
    case 'completed':
      return { status: 'completed', output: status.output }
    case 'failed':
      return { status: 'failed', error: status.error }
    case 'cancelled':
      return { status: 'cancelled', reason: status.reason }
  }
}

/** Where the run rests, or undefined while it is moving. */
export async function settledOf(store: Store, row: RunRow): Promise<Settled | undefined> {
  const end = await endOf(store, row)
  if (end || wordOf(row, store.clock.now()) !== 'waiting') return end
  const { waits } = await stateOf(store, row.id)
  return { status: 'waiting', on: Array.from(waits.values(), (wait) => waitInfoOf(row.id, wait)) }
}

export function waitInfoOf(
  run: string,
  { kind, scope, key, seq, since, due, record }: Wait,
): WaitInfo {
  const path = unescape(operationPath(scope, key))
  const rest = { path, since, due }
  switch (kind) {
    case 'timer.set':
      return { kind: 'timer', what: 'a date', ...rest }
    case 'signal.awaited':
      return { kind: 'signal', what: 'name' in record ? record.name : '', ...rest }
    case 'question.asked':
    case 'approval.requested':
      return {
        kind: kind === 'question.asked' ? 'question' : 'approval',
        what: textIn(record, 'prompt'),
        question: questionId(run, seq),
        ...rest,
      }
    case 'effect.intended':
      return { kind: 'effect', what: 'a call that has begun', ...rest }
    case 'effect.resolved':
      return { kind: 'effect', what: 'a call that did not happen', ...rest }
    case 'effect.doubted': {
      const prompt = textIn(record, 'prompt')
      const asked = prompt === '' ? {} : { question: questionId(run, seq) }
      return { kind: 'effect', what: prompt || 'a call that may have happened', ...asked, ...rest }
    }
    case 'undo.retrying':
      return { kind: 'undo', what: 'error' in record ? errorText(record.error) : '', ...rest }
    case 'child.started':
      return { kind: 'child', what: 'run' in record ? record.run : '', ...rest }
    case 'step.retrying':
      return { kind: 'retry', what: 'error' in record ? errorText(record.error) : '', ...rest }
  }
}

const errorText = (error: ErrorData | undefined): string => error?.message ?? ''

/** A text of a record; "" when it has none of this name, or was erased. */
function textIn(record: object, field: string): string {
  const value = (record as Readonly<Record<string, unknown>>)[field]
  return typeof value === 'string' ? value : ''
}

export const eventOf = ({ run, seq, time, kind, scope, key, payload }: Entry): RunEvent => ({
  run,
  seq,
  time,
  kind,
  path: operationPath(scope, key),
  // References are shown as they are: following them is the reader's business.
  data: payload === null ? undefined : decode(payload, { resolve: (ref) => ({ ref }) }),
})
