/** A process whose only step kills it: `node poison-child.ts STORE LOG`. */
import { appendFileSync } from 'node:fs'
import { flow, open } from '../../src/index.ts'

const [, , store = '', log = ''] = process.argv

const poison = flow('poison', async (run) => {
  await run.step('fine', () => 'fine')
  return run.step('deadly', () => {
    appendFileSync(log, 'executed\n')
    process.kill(process.pid, 'SIGKILL')
    return new Promise<string>(() => {})
  })
})

await using ever = await open({ store, flows: [poison], lease: '5s' })
await ever.start(poison, undefined, { id: 'poison' })
await ever.work({ until: 'idle' })
