/** The event loop belongs to others too, however many runs are executed at once. */
import { expect, test } from 'vitest'
import { flow, open } from 'everloop'
import { testFolder } from '../test-folder.ts'

/** Longer than the passes of a worker may go on in one turn of the event loop. */
const busyMs = 3

function work(): void {
  const end = Date.now() + busyMs
  while (Date.now() < end);
}

test('code of many runs that goes on at the same time is spread over turns of the event loop', async () => {
  // Again and again: once the engine has compiled them, many outcomes are there in one microtask.
  for (let round = 0; round < 12; round++) expect(await mostInOneTurn(24)).toBeLessThanOrEqual(4)
})

/** So many runs' code goes on in one turn of the event loop, at most, when all may go on at once. */
async function mostInOneTurn(runs: number): Promise<number> {
  const gate = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  let waiting = 0
  let inTurn = 0
  let most = 0
  const busy = flow('busy', async (run) => {
    await run.step('wait', () => {
      if (++waiting === runs) arrived.resolve()
      return gate.promise
    })
    work()
    most = Math.max(most, ++inTurn)
  })
  await using ever = await open({ store: 'memory:', flows: [busy], work: { concurrency: runs } })
  const results = Promise.all(
    Array.from({ length: runs }, async () => (await ever.start(busy, undefined)).result()),
  )
  await arrived.promise
  let isOver = false
  const turns = (): void => {
    inTurn = 0
    if (!isOver) setImmediate(turns)
  }
  turns()
  gate.resolve()
  await results
  isOver = true
  return most
}

test('reads of hundreds that wait for one another are spread over turns of the event loop', async () => {
  const folder = testFolder()
  const one = flow('one', () => 'done')
  await using ever = await open({ store: `sqlite:${folder}/ledger.db`, flows: [one], work: {} })
  await (await ever.start(one, undefined, { id: 'read' })).result()
  const read = (): Promise<unknown> => ever.store.entries('read', { after: 0, limit: 10 })
  expect(await mostToldInOneTurn(300, read)).toBeLessThanOrEqual(60)
})

// Twice what is told at a time: it need not begin where the test's turns do.
test.each([
  { brings: 'little', text: 'x', atMost: 2 * 16 },
  { brings: 'much', text: 'x'.repeat(12_000), atMost: 2 * 6 },
])(
  'callers whose writes share a commit are told over turns of the event loop: each brings $brings',
  async ({ text, atMost }) => {
    const folder = testFolder()
    const waiting = flow('waiting', (run) => run.signal('go'))
    await using ever = await open({ store: `sqlite:${folder}/ledger.db`, flows: [waiting] })
    await ever.start(waiting, undefined, { id: 'one' })
    const send = (): Promise<unknown> => ever.signal('one', 'note', text)
    expect(await mostToldInOneTurn(300, send)).toBeLessThanOrEqual(atMost)
  },
)

/** So many callers go on in one turn of the event loop, at most, of those that call at once. */
async function mostToldInOneTurn(callers: number, call: () => Promise<unknown>): Promise<number> {
  let inTurn = 0
  let most = 0
  let isOver = false
  const turns = (): void => {
    inTurn = 0
    if (!isOver) setImmediate(turns)
  }
  turns()
  await Promise.all(
    Array.from({ length: callers }, async () => {
      await call()
      most = Math.max(most, ++inTurn)
    }),
  )
  isOver = true
  return most
}

test('in a long replay microtasks drain before each outcome, and turns of the event loop stay short', async () => {
  const handed: string[][] = []
  let inTurn = 0
  let most = 0
  const long = flow('long', async (run) => {
    const log: string[] = []
    handed.push(log)
    const branch = async (name: string, microtasks: number): Promise<void> => {
      for (let i = 0; i < 200; i++) {
        await run.step(name, () => i)
        most = Math.max(most, ++inTurn)
        // Whoever goes on sooner would be the first to ask for what comes next.
        for (let left = microtasks; left > 0; left--) await Promise.resolve()
        log.push(name)
      }
    }
    await Promise.all([branch('slow', 50), branch('quick', 0)])
    await run.signal('end')
  })
  const store = `sqlite:${testFolder()}/ledger.db`
  const first = await open({ store, flows: [long], work: {} })
  await (await first.start(long, undefined, { id: 'long' })).settled()
  await first.close()
  most = 0
  let isOver = false
  const turns = (): void => {
    inTurn = 0
    if (!isOver) setImmediate(turns)
  }
  turns()
  await using ever = await open({ store, flows: [long], work: {} })
  await ever.signal('long', 'end')
  await (await ever.get('long')).result()
  isOver = true
  const entries = await ever.store.entries('long')
  const steps = entries.filter(({ kind }) => kind === 'step.completed')
  const recorded = steps.map(({ key }) => key.split('~')[0])
  expect(recorded).toHaveLength(400)
  expect(handed).toEqual([recorded, recorded])
  expect(most).toBeLessThanOrEqual(2 * 64)
})
