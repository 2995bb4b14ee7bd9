/** A process with a run that kills it and runs that do not: `node suspects-child.ts STORE LOG`. */
import { appendFileSync } from 'node:fs'
import { flow, open } from '../../src/index.ts'

const [, , store = '', log = ''] = process.argv

const killer = flow('killer', (run) =>
  run.step('deadly', async () => {
    appendFileSync(log, 'killer\n')
    await new Promise((resolve) => void setTimeout(resolve, 300))
    process.kill(process.pid, 'SIGKILL')
    return new Promise<string>(() => {})
  }),
)

const innocent = flow('innocent', (run, name: string) =>
  run.step('long', async () => {
    appendFileSync(log, `${name}\n`)
    await new Promise((resolve) => void setTimeout(resolve, 1500))
    return name
  }),
)

await using ever = await open({ store, flows: [killer, innocent], lease: '60s' })
await ever.start(killer, undefined, { id: 'killer' })
await ever.start(innocent, 'one', { id: 'innocent-1' })
await ever.start(innocent, 'two', { id: 'innocent-2' })
await ever.work({ until: 'idle' })
