/**
 * A worker with a run whose step goes on until there is a file: `node overload-child.ts STORE LOG GO HOW`.
 * The step only waits, or keeps the event loop from everything else.
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

await using ever = await open({ store, flows: [work], lease, onTrouble: () => {} })
await ever.start(work, undefined, { id: 'work' })
await ever.work({ until: 'idle' })
