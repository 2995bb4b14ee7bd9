/** Group commit: what shares a batch, what happens when the writer dies, and stopping. */
import { expect, test } from 'vitest'
import { EverloopError } from '../../src/base/errors.ts'
import { systemPorts } from '../../src/base/system.ts'
import type { Batch, BatchResult } from '../../src/store/sqlite/command.ts'
import { WriteQueue } from '../../src/store/sqlite/write-queue.ts'
import type { Change } from '../../src/store/store.ts'

interface Call {
  readonly batch: Batch
  readonly finish: (result: BatchResult) => void
  readonly fail: (error: unknown) => void
}

/** A queue whose writer is the test, and whose time this clock tells. */
function newQueue(clock = { ms: 0 }): {
  readonly queue: WriteQueue
  readonly calls: Call[]
  readonly changes: Change[]
  readonly breaks: EverloopError[]
} {
  const calls: Call[] = []
  const changes: Change[] = []
  const breaks: EverloopError[] = []
  const queue = new WriteQueue({
    ports: { ...systemPorts, monotonic: () => clock.ms },
    execute: (batch) =>
      new Promise((finish, fail) => {
        calls.push({ batch, finish, fail })
      }),
    onChange: (change) => changes.push(change),
    onBreak: (error) => breaks.push(error),
  })
  return { queue, calls, changes, breaks }
}

const turns = async (count = 3): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

const renewals = (queue: WriteQueue, ...tokens: readonly string[]): Promise<boolean>[] =>
  tokens.map((token) => queue.submit('renewSession', token))

const tokens = (call: Call | undefined): unknown[] =>
  call?.batch.commands.map((command) => command.with) ?? []

const allTrue = (call: Call | undefined): void =>
  call?.finish({
    outcomes: call.batch.commands.map(() => ({ is: 'done', reply: true })),
    broken: undefined,
  })

test('what one turn brings shares a batch, and what comes meanwhile makes the next', async () => {
  const { queue, calls } = newQueue()
  const first = renewals(queue, 'a', 'b')
  await Promise.resolve()
  first.push(...renewals(queue, 'c'))
  await turns()
  const second = renewals(queue, 'd')
  await turns()
  second.push(...renewals(queue, 'e'))
  await turns()
  expect(calls.map(tokens)).toEqual([['a', 'b', 'c']])
  allTrue(calls[0])
  expect(await Promise.all(first)).toEqual([true, true, true])
  await turns()
  expect(calls.map(tokens)).toEqual([
    ['a', 'b', 'c'],
    ['d', 'e'],
  ])
  allTrue(calls[1])
  await Promise.all(second)
})

test('a failure of one command is its own', async () => {
  const { queue, calls, breaks } = newQueue()
  const [good, bad] = renewals(queue, 'a', 'b')
  await turns()
  calls[0]?.finish({
    outcomes: [
      { is: 'done', reply: true },
      { is: 'failed', failure: { code: 'STORE_FULL', message: 'Full.' } },
    ],
    broken: undefined,
  })
  await expect(bad).rejects.toMatchObject({ code: 'STORE_FULL', message: 'Full.' })
  expect(await good).toBe(true)
  const [again] = renewals(queue, 'c')
  await turns()
  allTrue(calls[1])
  expect(await again).toBe(true)
  expect(breaks).toEqual([])
})

test('when the writer dies, what was out is unclear and the rest was not written', async () => {
  const { queue, calls, breaks } = newQueue()
  const [out] = renewals(queue, 'a')
  await turns()
  const [waiting] = renewals(queue, 'b')
  calls[0]?.fail(new EverloopError('STORE_UNAVAILABLE', 'The thread ended.'))
  await expect(out).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  await expect(waiting).rejects.toMatchObject({ code: 'STORE_FAILED' })
  await expect(queue.submit('renewSession', 'c')).rejects.toMatchObject({ code: 'STORE_FAILED' })
  expect(breaks).toHaveLength(1)
  expect(calls).toHaveLength(1)
})

test('a broken store refuses everything after the batch that broke it', async () => {
  const { queue, calls, breaks } = newQueue()
  const [out] = renewals(queue, 'a')
  await turns()
  calls[0]?.finish({
    outcomes: [{ is: 'failed', failure: { code: 'STORE_UNAVAILABLE', message: 'Unclear.' } }],
    broken: { code: 'STORE_FAILED', message: 'The disk failed.' },
  })
  await expect(out).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  await expect(queue.submit('renewSession', 'b')).rejects.toMatchObject({ code: 'STORE_FAILED' })
  expect(breaks.map(({ code }) => code)).toEqual(['STORE_FAILED'])
})

test('stopping waits for what was taken', async () => {
  const { queue, calls } = newQueue()
  const [first] = renewals(queue, 'a')
  await turns()
  const [second] = renewals(queue, 'b')
  let stopped = false
  const stop = queue.stop(new EverloopError('STORE_CLOSED', 'Closed.')).then(() => (stopped = true))
  await turns()
  expect(stopped).toBe(false)
  allTrue(calls[0])
  await turns()
  allTrue(calls[1])
  await stop
  expect(await Promise.all([first, second])).toEqual([true, true])
  await expect(queue.submit('renewSession', 'c')).rejects.toMatchObject({ code: 'STORE_CLOSED' })
})

/** A queue that knows from one batch that they take 10 ms, with the next one out since then. */
async function whileOneIsOut(): Promise<
  ReturnType<typeof newQueue> & {
    readonly clock: { ms: number }
    readonly out: readonly Promise<boolean>[]
  }
> {
  const clock = { ms: 100 }
  const made = newQueue(clock)
  const first = renewals(made.queue, 'first')
  await turns()
  clock.ms += 10
  const out = renewals(made.queue, 'out')
  allTrue(made.calls[0])
  await Promise.all(first)
  await turns()
  expect(made.calls.slice(1).map(tokens)).toEqual([['out']])
  return { ...made, clock, out }
}

test('a batch goes ahead when the one before is half done, and no third', async () => {
  const { queue, calls, clock, out } = await whileOneIsOut()
  const ahead = renewals(queue, 'a')
  clock.ms += 4
  ahead.push(...renewals(queue, 'b'))
  await turns()
  expect(calls).toHaveLength(2)
  clock.ms += 1
  ahead.push(...renewals(queue, 'c'))
  await turns()
  expect(calls.slice(2).map(tokens)).toEqual([['a', 'b', 'c']])
  clock.ms += 100
  const later = renewals(queue, 'd')
  await turns()
  expect(calls).toHaveLength(3)
  const told: string[] = []
  void Promise.all(out).then(() => told.push('out'))
  void Promise.all(ahead).then(() => told.push('ahead'))
  allTrue(calls[1])
  await turns()
  // The writer has just begun with what was sent ahead.
  expect(calls).toHaveLength(3)
  allTrue(calls[2])
  await turns()
  expect(calls.slice(3).map(tokens)).toEqual([['d']])
  allTrue(calls[3])
  expect(await Promise.all(later)).toEqual([true])
  expect(told).toEqual(['out', 'ahead'])
})

test('when the writer dies, what was sent ahead is unclear too, and the store fails once', async () => {
  const { queue, calls, clock, breaks, out } = await whileOneIsOut()
  clock.ms += 10
  const ahead = renewals(queue, 'ahead')
  await turns()
  const [waiting] = renewals(queue, 'waiting')
  let hasStopped = false
  const stop = queue
    .stop(new EverloopError('STORE_CLOSED', 'Closed.'))
    .then(() => (hasStopped = true))
  const death = new EverloopError('STORE_UNAVAILABLE', 'The thread ended.')
  calls[1]?.fail(death)
  await expect(out[0]).rejects.toBe(death)
  await expect(waiting).rejects.toMatchObject({ code: 'STORE_FAILED' })
  await turns()
  expect(hasStopped).toBe(false)
  calls[2]?.fail(death)
  await expect(ahead[0]).rejects.toBe(death)
  await stop
  expect(calls).toHaveLength(3)
  expect(breaks.map(({ code }) => code)).toEqual(['STORE_FAILED'])
})

test('code of a caller is alone with the writer', async () => {
  const { queue, calls, clock, out } = await whileOneIsOut()
  clock.ms += 10
  const place = { run: 'r', session: 's', epoch: 1, after: { seq: 1, hash: '' } }
  const code = queue.submit('transact', { place, write: () => ({ entries: [] }) })
  await turns()
  expect(calls).toHaveLength(2)
  allTrue(calls[1])
  await Promise.all(out)
  await turns()
  expect(calls[2]?.batch.commands.map(({ is }) => is)).toEqual(['transact'])
  clock.ms += 10
  const behind = renewals(queue, 'behind')
  await turns()
  expect(calls).toHaveLength(3)
  calls[2]?.finish({ outcomes: [{ is: 'done', reply: { is: 'fenced' } }], broken: undefined })
  expect(await code).toEqual({ is: 'fenced' })
  await turns()
  allTrue(calls[3])
  expect(await Promise.all(behind)).toEqual([true])
})

test('a queue that is being stopped comes to its end though the store fails meanwhile', async () => {
  const { queue, calls } = newQueue()
  const [out] = renewals(queue, 'a')
  await turns()
  const stop = queue.stop(new EverloopError('STORE_CLOSED', 'Closed.'))
  calls[0]?.finish({
    outcomes: [{ is: 'failed', failure: { code: 'STORE_UNAVAILABLE', message: 'Unclear.' } }],
    broken: { code: 'STORE_FAILED', message: 'The disk failed.' },
  })
  await expect(out).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  await stop
})

test('callers are told in the order of their batches, also when the next one is written at once', async () => {
  const calls: { readonly batch: Batch; readonly finish: (result: BatchResult) => void }[] = []
  const done = ({ commands }: Batch): BatchResult => ({
    outcomes: commands.map(() => ({ is: 'done', reply: true })),
    broken: undefined,
  })
  const queue = new WriteQueue({
    ports: systemPorts,
    execute: (batch) =>
      calls.length === 0 ? new Promise((finish) => calls.push({ batch, finish })) : done(batch),
    onChange: () => {},
    onBreak: () => {},
  })
  const told: string[] = []
  const first = renewals(queue, 'first')
  await turns()
  const both = [...first, ...renewals(queue, 'second')]
  const all = both.map((one, i) => one.then(() => told.push(`${i}`)))
  const [out] = calls
  out?.finish(done(out.batch))
  await Promise.all(all)
  expect(told).toEqual(['0', '1'])
})
