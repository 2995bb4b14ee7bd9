/**
 * Runs that were started for later. Whatever is sent to one meanwhile, its code does not begin before:
 * what it can take then waits in its inbox, and what concerns the run itself is done without its code.
 */
import type { Clock } from '../../base/ports.ts'
import type { EntryKind, Payloads } from '../../ledger/index.ts'
import type { Reader } from '../replay/reader.ts'

/** When a run is due that has not begun. One whose time is over before it may begin ends then. */
export const firstDueOf = (
  { notBefore, deadline }: Pick<Payloads['run.started'], 'notBefore' | 'deadline'>,
  time: number,
): number => Math.min(notBefore ?? time, deadline ?? Infinity)

/** What is written of a run without its code. */
const codeless: ReadonlySet<EntryKind> = new Set<EntryKind>([
  'run.started',
  'run.paused',
  'run.resumed',
  'run.overtaken',
])

/**
 * Until when the code of a run with these entries is not begun; undefined once it may be. What builds before
 * this one have begun too early goes on.
 */
export function putOffUntil(
  { notBefore = 0 }: Pick<Payloads['run.started'], 'notBefore'>,
  open: readonly { readonly kind: EntryKind }[],
  clock: Clock,
): number | undefined {
  const isEarly = notBefore > clock.now() && open.every(({ kind }) => codeless.has(kind))
  return isEarly ? notBefore : undefined
}

/** When the run is due, while its time has not come; undefined once its code may be executed. */
export function earlyUntil({ beginning, open }: Reader, clock: Clock): number | undefined {
  const { record } = beginning
  const until = putOffUntil(record, open, clock)
  return until === undefined ? undefined : firstDueOf(record, until)
}
