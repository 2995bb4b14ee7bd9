/** Which runs and open questions are listed: checked here once, not by each store in its own way. */
import { EverloopError } from '../../base/errors.ts'
import { checkOptions, meant } from '../../base/options.ts'
import { shown } from '../../base/shown.ts'
import type { RunFilter, RunRow } from '../../store/store.ts'
import type { StatusWord } from './run-info.ts'

/** Which runs `ever.list` tells of: those that all of it holds for. */
export interface ListOptions {
  /** `active` runs are those that are ready, running or waiting: the `status` of each says which. */
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

const statuses: readonly string[] = Object.keys({
  active: true,
  paused: true,
  completed: true,
  failed: true,
  cancelled: true,
} satisfies Record<RunRow['status'], true>)

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
  if (labels !== undefined && (typeof labels !== 'object' || labels === null)) {
    throw bad('list({ labels })', 'an object of texts', labels)
  }
  for (const [name, text] of Object.entries(labels ?? {})) {
    if (typeof text !== 'string') throw bad(`list({ labels }): label "${name}"`, 'a text', text)
  }
  const wanted = typeof status === 'string' ? [status] : status
  if (wanted !== undefined && !Array.isArray(wanted)) {
    throw bad('list({ status })', 'a status or a list of them', wanted)
  }
  const strange = wanted?.find((one) => !statuses.includes(one))
  if (strange !== undefined) throw unlisted(strange)
  return { ...rest, labels, limit, createdSince: since, status: wanted }
}

/** To list these, all active runs would have to be read. */
const amongActive: readonly string[] = Object.keys({
  ready: true,
  running: true,
  waiting: true,
} satisfies Record<Exclude<StatusWord, RunRow['status']>, true>)

function unlisted(status: string): EverloopError {
  const known = statuses.join(', ')
  const hint = amongActive.includes(status)
    ? `list({ status }) takes ${known}. Runs that are "${status}" are among the active ones: list those, and choose by the \`status\` of each.`
    : `list({ status }): no run has status "${status}".${meant(status, statuses)} There are: ${known}.`
  return new EverloopError('BAD_OPTION', hint)
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
