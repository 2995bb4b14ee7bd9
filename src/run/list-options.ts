/** Which runs are listed. */
import type { RunRow } from '../store/store.ts'

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
