/** Which runs and open questions are listed: checked here once, not by each store in its own way. */
import { EverloopError } from '../../base/errors.ts'
import { isRecord } from '../../base/is-object.ts'
import { checkOptions, meant } from '../../base/options.ts'
import { shown } from '../../base/shown.ts'
import type { RunFilter, RunRow } from '../../store/store.ts'
import type { StatusWord } from './run-info.ts'

/** What `status` of a run says, or `active` for the three words of runs that are neither paused nor at their end. */
export type ListedStatus = StatusWord | RunRow['status']

/** Which runs `ever.list` tells of: those that all of it holds for. */
export interface ListOptions {
  /**
   * `active` runs are those that are ready, running or waiting. A failed or paused run that was told to go on is
   * listed by what it was and by what it is, until a worker has got further with it.
   */
  readonly status?: ListedStatus | readonly ListedStatus[]
  readonly flow?: string
  readonly queue?: string
  readonly labels?: Readonly<Record<string, string>>
  /** An id, or the beginning of one. */
  readonly id?: string
  readonly parent?: string
  /** Only runs created at this time or later, in milliseconds since 1970. */
  readonly since?: number
  /** Default 100. */
  readonly limit?: number
  /** Only runs that come after this one in the list: for paging. */
  readonly before?: string
}

/** All words that `status` takes. */
export const listedStatuses: readonly ListedStatus[] = [
  'active',
  'ready',
  'running',
  'waiting',
  'paused',
  'completed',
  'failed',
  'cancelled',
]

/** Runs that are to be listed. */
export interface Listing {
  readonly filter: Omit<RunFilter, 'status' | 'limit' | 'before'>
  /** Undefined: whatever it is. */
  readonly statuses: readonly ListedStatus[] | undefined
  readonly limit: number
  readonly before: string | undefined
}

/** Throws BAD_OPTION. */
export function listingOf(options: ListOptions): Listing {
  checkOptions('list', options, [
    'status',
    'flow',
    'queue',
    'labels',
    'id',
    'parent',
    'since',
    'limit',
    'before',
  ])
  const { status, since, limit = 100, labels, ...rest } = options
  for (const [name, text] of Object.entries(rest)) {
    if (text !== undefined && typeof text !== 'string') {
      throw bad(`list({ ${name} })`, 'a text', text)
    }
  }
  checkLimit('list', limit)
  if (since !== undefined && (typeof since !== 'number' || Number.isNaN(since))) {
    throw bad('list({ since })', 'a time in milliseconds since 1970', since)
  }
  if (labels !== undefined && !isRecord(labels)) {
    throw bad('list({ labels })', 'an object of texts', labels)
  }
  for (const [name, text] of Object.entries(labels ?? {})) {
    if (typeof text !== 'string') throw bad(`list({ labels }): label "${name}"`, 'a text', text)
  }
  const wanted = typeof status === 'string' ? [status] : status
  if (wanted !== undefined && !Array.isArray(wanted)) {
    throw bad('list({ status })', 'a status or a list of them', wanted)
  }
  const strange = wanted?.find((one) => !listedStatuses.includes(one))
  if (strange !== undefined) {
    throw new EverloopError(
      'BAD_OPTION',
      `list({ status }): no run has status ${shown(strange)}.${meant(String(strange), listedStatuses)} There are: ${listedStatuses.join(', ')}.`,
    )
  }
  const { before, ...filter } = rest
  return { filter: { ...filter, labels, createdSince: since }, statuses: wanted, limit, before }
}

/** Throws BAD_OPTION unless so many can be listed. */
export function checkLimit(where: string, limit: unknown = Infinity): void {
  const isCount = Number.isInteger(limit) || limit === Infinity
  if (!isCount || Number(limit) < 0) {
    throw bad(`${where}({ limit })`, 'a whole number of at least 0', limit)
  }
}

function bad(what: string, wanted: string, given: unknown): EverloopError {
  return new EverloopError('BAD_OPTION', `${what} must be ${wanted}, but this is ${shown(given)}.`)
}
