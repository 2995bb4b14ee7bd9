/**
 * A worker with a run whose step goes on until there is a file: `node overload-child.ts STORE LOG GO HOW`.
 * The step only waits, or keeps the event loop from everything else; or it waits and the process looks for work again and again.
 */
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { flow, open } from '../../src/index.ts'
import { lease } from './overload.ts'

const [, , store = '', log = '', go = '', how = ''] = process.argv

const work = flow('work', (run) =>
  run.step('long', async ({ signal }) => {
    appendFileSync(log, `${process.pid}\n`)
    if (how === 'blocks') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500)
    while (!existsSync(go)) await setTimeout(20, undefined, { signal })
    return 'done'
  }),
)

/** Served by nobody. */
const others = flow('others', async () => {})

await using ever = await open({ store, flows: [work], lease, onTrouble: () => {} })
await ever.start(work, undefined, { id: 'work' })
const look = (): void => void ever.start(others, undefined)
const looking = how === 'looks' ? setInterval(look, 20) : undefined
if (looking) appendFileSync(log, `${process.pid} looks\n`)
await ever.work({ until: 'idle' })
clearInterval(looking)
