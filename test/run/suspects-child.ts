/**
 * A process with a run that kills it and runs that do not: `node suspects-child.ts STORE LOG`. It is killed when those
 * beside the killer have begun; where nobody may, it waits for them in vain.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { flow, open } from '../../src/index.ts'

const [, , store = '', log = ''] = process.argv

/** In the third process the killer is executed by itself, and then all others are. */
const isAlone = existsSync(log) && readFileSync(log, 'utf8').split('killer').length > 2

const besides = Promise.withResolvers<void>()
let begun = 0

const killer = flow('killer', (run) =>
  run.step('deadly', async () => {
    appendFileSync(log, 'killer\n')
    await Promise.race([besides.promise, setTimeout(isAlone ? 300 : 20_000)])
    process.kill(process.pid, 'SIGKILL')
    return new Promise<string>(() => {})
  }),
)

const innocent = flow('innocent', (run, name: string) =>
  run.step('long', async () => {
    appendFileSync(log, `${name}\n`)
    if (++begun === 2) besides.resolve()
    if (!isAlone) await new Promise<never>(() => {})
    return name
  }),
)

await using ever = await open({ store, flows: [killer, innocent], lease: '60s' })
await ever.start(killer, undefined, { id: 'killer' })
await ever.start(innocent, 'one', { id: 'innocent-1' })
await ever.start(innocent, 'two', { id: 'innocent-2' })
await ever.work({ until: 'idle' })
