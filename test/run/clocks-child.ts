/**
 * A worker whose clock is ahead of that of the system by as many milliseconds as a file says, and by none
 * while there is no such file: `node clocks-child.ts FOLDER NAME`. Its runs go on until there is a file.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { flow, open } from '../../src/index.ts'

const [, , folder = '', name = ''] = process.argv
const ahead = join(folder, `${name}-ahead`)
const now = Date.now
Date.now = () => now() + (existsSync(ahead) ? Number(readFileSync(ahead, 'utf8')) : 0)

const work = flow('work', (run) =>
  run.step('long', async ({ signal }) => {
    appendFileSync(join(folder, 'log'), `${run.id} in ${name}\n`)
    while (!existsSync(join(folder, run.id))) await setTimeout(20, undefined, { signal })
  }),
)

const store = `sqlite:${join(folder, 'ledger.db')}`
await using ever = await open({ store, flows: [work], lease: '3s', name, onTrouble: () => {} })
await ever.start(work, undefined, { id: `run-${name}` })
await ever.work({ until: 'idle', concurrency: 4 })
