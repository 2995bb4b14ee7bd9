/** What `everloop signal` says of a name that the run does not wait for, misspelt perhaps. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { agent, flow, open } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/index.ts'
import { everloop, everloopJson } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

const approves = flow('approves', async (run) => {
  await run.signal('approved')
  return await run.ask('Sure?')
})
const several = flow('several', (run) =>
  run.all(
    'several',
    ['evil\u001b[2J "a"', 'b', 'b', 'c', 'd'].map((name, i) => (one) => {
      return one.scope(`wait ${i}`, (inner) => inner.signal(name))
    }),
  ),
)
const talker = agent({
  name: 'talker',
  model: scriptedModel([{ text: 'Hm?' }], { by: 'turn' }),
  conversation: true,
})

const flows = [approves, several, talker]

/** A store in which a run of each flow rests, and nobody works. */
async function resting() {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const work = async (): Promise<void> => {
    await using ever = await open({ store, flows, work: {} })
    await ever.work({ until: 'idle' })
  }
  {
    await using ever = await open({ store, flows })
    await ever.start(approves, undefined, { id: 'approves-1' })
    await ever.start(several, undefined, { id: 'several-1' })
    await ever.start(talker, { prompt: 'Go.' }, { id: 'talker-1' })
  }
  await work()
  const env = { EVERLOOP_STORE: store }
  return {
    store,
    work,
    send: async (...args: string[]) => (await everloop(['signal', ...args], { env })).stdout,
    json: async (...args: string[]) => (await everloopJson(['signal', ...args], { env })).document,
  }
}

test('of a signal that nothing awaits it is said which ones are awaited, and it is kept', async () => {
  const { store, work, send, json } = await resting()
  const instead = ' Nothing awaits it so far: at present the run waits for the signal "approved".\n'
  expect(await send('approves-1', 'aproved')).toBe(
    `Sent signal "aproved" to run approves-1.${instead}`,
  )
  expect(await json('approves-1', 'aproved', '--id', 'one')).toEqual({
    run: 'approves-1',
    signal: 'aproved',
    sent: true,
    awaited: ['approved'],
  })
  expect(await json('approves-1', 'aproved', '--id', 'one')).toEqual({
    run: 'approves-1',
    signal: 'aproved',
    sent: false,
  })
  // Nor by a worker that has looked at the run meanwhile, and while it is paused.
  await work()
  expect(await send('approves-1', 'Approved')).toContain(instead)
  {
    await using ever = await open({ store })
    await ever.pause('approves-1')
  }
  await work()
  expect(await send('approves-1', 'approve')).toContain(instead)
  await using ever = await open({ store })
  expect(await ever.store.untakenSignals('approves-1', 9)).toEqual([
    { name: 'aproved', count: 2 },
    { name: 'Approved', count: 1 },
    { name: 'approve', count: 1 },
  ])
})

test('of one that is awaited, has come already, or may be awaited later nothing more is said', async () => {
  const { work, send, json } = await resting()
  expect(await send('approves-1', 'approved')).toBe('Sent signal "approved" to run approves-1.\n')
  // No worker has taken that one: behind it, the run may wait for anything.
  expect(await json('approves-1', 'approved')).toEqual({
    run: 'approves-1',
    signal: 'approved',
    sent: true,
  })
  expect(await send('approves-1', 'aproved')).toBe('Sent signal "aproved" to run approves-1.\n')
  await work()
  expect(await send('approves-1', 'more')).toBe('Sent signal "more" to run approves-1.\n')
})

test('several that are awaited are told once each, the first of them, and what an agent waits for', async () => {
  const { send, json } = await resting()
  expect(await send('several-1', 'B')).toBe(
    'Sent signal "B" to run several-1. Nothing awaits it so far: at present the run waits for the signals “evil "a"”, "b", "c" and more.\n',
  )
  expect(await json('several-1', 'B')).toMatchObject({
    awaited: ['evil\u001b[2J "a"', 'b', 'c', 'd'],
  })
  expect(await send('several-1', 'b')).toBe('Sent signal "b" to run several-1.\n')
  // One of two has come.
  expect(await json('several-1', 'B')).toMatchObject({
    awaited: ['evil\u001b[2J "a"', 'b', 'c', 'd'],
  })
  expect(await send('talker-1', 'mesage', '"Hello?"')).toBe(
    'Sent signal "mesage" to run talker-1. Nothing awaits it so far: at present the run waits for the next message of its conversation (the signal "message").\n',
  )
})
