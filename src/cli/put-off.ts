/** A run that was started for later. Whatever was asked of it meanwhile, a pause and a resume say, its code has not begun. */
import { checkLinks, decode, type Payloads } from '../ledger/index.ts'
import type { Ever } from '../run/index.ts'
import { putOffUntil } from '../run/work/early.ts'

/** Until when its code does not begin; undefined once it may. Throws BROKEN_CHAIN. */
export async function putOff(ever: Ever, run: string): Promise<number | undefined> {
  const open = await ever.store.openEntries(run)
  checkLinks(open)
  const payload = open[0]?.payload ?? '{}'
  // Its input may be a large value, and is not looked at.
  const started = decode(payload, { resolve: () => undefined }) as Payloads['run.started']
  return putOffUntil(started, open, ever.store.clock)
}
