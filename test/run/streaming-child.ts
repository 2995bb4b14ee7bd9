/**
 * A worker whose flow types a text and says where it is: `node streaming-child.ts STORE TEXT`.
 * The step ends when the process is told so, by a line on its stdin.
 */
import { once } from 'node:events'
import { flow, open } from '../../src/index.ts'
import { innerStep } from './inner-step.ts'

const [, , store = '', text = ''] = process.argv
const told = once(process.stdin, 'data')

const typing = flow('typing', async (run) => {
  await run.step('before', () => 0)
  return innerStep('type', async (context) => {
    for (const word of text.split(/(?<= )/)) context.publish(word)
    await told
    return text
  })
})

// Long, so that a busy machine takes no run away from a worker that lives; a death is known without it.
await using ever = await open({ store, flows: [typing], lease: '1m' })
await ever.start(typing, undefined, { id: 'typing' })
await ever.work({ until: 'idle' })
process.stdin.destroy()
