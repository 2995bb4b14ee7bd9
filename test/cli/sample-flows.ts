/** Flows for the tests of the CLI: one for each way a run can rest or end. */
import { appendFileSync } from 'node:fs'
import { oneOf } from '../../src/cli/demo/one-of.ts'
import { flow } from '../../src/index.ts'

export const hello = flow('hello', (run, name: string) => run.step('greet', () => `Hello ${name}`))

export const chat = flow('chat', (run) => {
  console.log('the flow prints')
  return run.step('say', () => ({ at: new Date(0), text: 'a\u001b[31mb\u202ec' }))
})

export const fails = flow('fails', (run) =>
  run.step('explode', () => {
    throw new RangeError('too \u001b[2Jhot')
  }),
)

export const asks = flow('asks', (run) =>
  run.ask('Which \u001b]0;title\u0007color?', { schema: oneOf('red', 'green') }),
)

export const waits = flow('waits', (run) => run.signal('go'))

export const naps = flow('naps', async (run) => {
  await run.sleep('200ms')
  return 'awake'
})

export const sleeps = flow('sleeps', (run) => run.sleep('2h'))

export const retries = flow('retries', (run) =>
  run.step('call', { retry: { attempts: 5, delay: '1h', maxDelay: '2h' } }, () => {
    throw new Error('the line was busy')
  }),
)

export const parent = flow('parent', (run) => run.child(waits, undefined))

/** Writes a line for each execution, and hangs in the second step when the process is told to. */
export const steady = flow('steady', async (run, file: string) => {
  for (const name of ['one', 'two', 'three']) {
    await run.step(name, async () => {
      appendFileSync(file, `${name} ${process.pid}\n`)
      if (name === 'two' && process.env['HANG'] !== undefined) {
        console.error('hanging')
        await new Promise(() => {})
      }
    })
  }
  return 'steady'
})
