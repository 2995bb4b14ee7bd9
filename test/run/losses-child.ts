/** A worker with a run of two steps, each of which goes on until there is a file: `node losses-child.ts FOLDER`. */
import { appendFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { flow, open } from '../../src/index.ts'
import { lease } from './overload.ts'

const [, , folder = ''] = process.argv

const work = flow('work', async (run) => {
  for (const name of ['one', 'two']) {
    await run.step(name, async ({ signal }) => {
      appendFileSync(join(folder, 'log'), `${name}\n`)
      while (!existsSync(join(folder, name))) await setTimeout(20, undefined, { signal })
    })
  }
})

const store = `sqlite:${join(folder, 'ledger.db')}`
await using ever = await open({ store, flows: [work], lease, onTrouble: () => {} })
await ever.start(work, undefined, { id: 'work' })
await ever.work({ until: 'idle' })
