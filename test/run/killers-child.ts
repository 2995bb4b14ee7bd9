/**
 * A process with runs that kill it and runs that do not, each with one step of a while:
 * `node killers-child.ts STORE KILLER… INNOCENT…`, ids that begin with `killer` or with anything else.
 */
import { setTimeout } from 'node:timers/promises'
import { flow, open } from '../../src/index.ts'

const [, , store = '', ...ids] = process.argv

const killer = flow('killer', (run) =>
  run.step('deadly', async () => {
    await setTimeout(300)
    process.kill(process.pid, 'SIGKILL')
    return new Promise<string>(() => {})
  }),
)

const innocent = flow('innocent', (run) =>
  run.step('long', () => setTimeout(ids.length > 9 ? 30 : 1500)),
)

await using ever = await open({ store, flows: [killer, innocent], lease: '60s' })
for (const id of ids) {
  await (id.startsWith('killer')
    ? ever.start(killer, undefined, { id })
    : ever.start(innocent, undefined, { id }))
}
await ever.work({ until: 'idle', concurrency: 256 })
