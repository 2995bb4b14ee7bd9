/**
 * Somebody who decides about every approval of a store, as soon as a line comes in. Arguments: the
 * store, "approve" or "deny", who it is, and "now" or how long before the deadline the first is decided
 * about, in milliseconds; each further one a moment later. Prints for each run whether the decision
 * was taken, or the code of the error.
 */
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { EverloopError, open } from '../../src/index.ts'

const [store = '', verdict = '', by = '', early = 'now'] = process.argv.slice(2)
await using ever = await open({ store, work: false })
const asked = await ever.approvals.list({ limit: 1000 })
console.log('ready')
await once(process.stdin, 'data')
const ends = await Promise.all(
  asked.map(async ({ id, run, digest: shown, due = 0 }, i) => {
    if (early !== 'now') await setTimeout(due - Date.now() - Number(early) + i * 5)
    try {
      await ever.approvals[verdict === 'approve' ? 'approve' : 'deny'](id, { by, shown })
      return [run, 'taken']
    } catch (error) {
      return [run, EverloopError.is(error) ? error.code : String(error)]
    }
  }),
)
console.log(JSON.stringify(Object.fromEntries(ends)))
process.stdin.unref()
