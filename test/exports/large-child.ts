/**
 * Exports and imports a run of 100 megabytes in a process that may not have so much memory, and tells how
 * much of it was alive at most. V8 is told when to collect: by itself it takes for alive what dies while it
 * looks, which is more than the limit where the processor is shared.
 * Usage: node --expose-gc large-child.ts FOLDER
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { open } from '../../src/index.ts'
import { ChainBuilder, runDrafts, step, turn } from '../../src/testing/chain-builder.ts'

const [folder = ''] = process.argv.slice(2)
const at = (name: string): string => `sqlite:${join(folder, name)}?durability=process`

await using source = await open({ store: at('source.db') })
await using target = await open({ store: at('target.db') })
const { store } = source
const chain = new ChainBuilder('large')
await store.createRun(chain.start())
await store.openSession({ token: 's', leaseMs: 1e9, name: 's' })
await store.claim({ session: 's', flows: [], limit: 1, run: 'large' })
const held = { session: 's', epoch: 1 }
for (let n = 1; n <= 2000; n++) {
  const drafts = [step('s', 'x'.repeat(50_000), `loop/${n}`), turn('loop', n, n === 1)]
  await store.append(chain.append(held, drafts))
  chain.entries.length = 0
  if (n % 200 === 0) globalThis.gc?.()
}
await store.append(chain.append(held, [runDrafts.completed]))

/** The export, and what it comes to. */
async function* watched(of: typeof source, sum = createHash('sha256')) {
  for await (const line of of.export('large')) {
    sum.update(line)
    units += line.length
    if (++lines % 200 === 0) note()
    yield line
  }
  digests.push(sum.digest('hex'))
}
/** How much is alive. */
function note(): void {
  globalThis.gc?.()
  alive.push(process.memoryUsage().heapUsed)
}
const alive: number[] = []
let [units, lines] = [0, 0]
note()
const digests: string[] = []
const [imported] = await target.import(watched(source))
const megabytes = Math.floor(units / 1e6)
for await (const _ of watched(target)) continue
const same = digests[0] === digests[1]
const grown = Math.round((Math.max(...alive) - (alive[0] ?? 0)) / 1e6)
process.stdout.write(JSON.stringify({ megabytes, created: imported?.created, same, grown }))
