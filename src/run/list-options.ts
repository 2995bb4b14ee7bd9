/** Which runs are listed. */
import { EverloopError } from '../base/errors.ts'
import { checkOptions, meant } from '../base/options.ts'
import type { RunFilter, RunRow } from '../store/store.ts'

export interface ListOptions {
  readonly status?: RunRow['status'] | readonly RunRow['status'][]
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

const statuses: readonly RunRow['status'][] = [
  'active',
  'paused',
  'completed',
  'failed',
  'cancelled',
]

/** What the store is asked for. Throws BAD_OPTION. */
export function filterOf(options: ListOptions): RunFilter {
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
  const { status, since, limit = 100, ...rest } = options
  const wanted = typeof status === 'string' ? [status] : status
  const strange = wanted?.find((one) => !statuses.includes(one))
  if (strange !== undefined) {
    throw new EverloopError(
      'BAD_OPTION',
      `list({ status }): no run has status "${strange}".${meant(strange, statuses)} There are: ${statuses.join(', ')}.`,
    )
  }
  return { ...rest, limit, createdSince: since, status: wanted }
}
