/**
 * 100,000 runs that wait, half of them for an answer and half for a date: what they cost the
 * process, how fast a worker starts beside them, and how fast an answer gets one of them going.
 *
 * Memory: runs are executed by a worker until they wait; heap and timers of the process before and
 * after, both after a collection. Fewer runs than 100,000, but really executed.
 * Start: a fresh process from its first line to the first step of a run that was due, on the store
 * with 100,000 waiting runs; and its heap, against the same on an empty store.
 * Answers: from the call of `answer` to the beginning of the step behind the question, one after
 * another; in the worker's process, and from another process on the same machine.
 * Not measured: many answers at once; people.
 */
import { join } from 'node:path'
import { lines, start } from './child.ts'
import { figure, type Figure } from './figure.ts'
import { load } from './load.ts'
import { newFolder } from './place.ts'
import { seed } from './seed.ts'
import { soon } from './soon.ts'
import { flow, open } from './subject.ts'
import { memory } from './memory.ts'
import { asked, asking, sleeping, slept } from './waiting-flows.ts'

const waiting = load(100_000, 200)
const executed = load(20_000, 500)
const answersPerRound = 20

export const name = 'waiting-runs'
export const says = `${waiting} waiting runs`

async function measure({ rounds }: { readonly rounds: number }): Promise<readonly Figure[]> {
  const folder = newFolder()
  const location = join(folder, 'ledger.db')
  const due = Date.now() + 30 * 86_400_000
  const half = { count: waiting / 2 }
  await seed(location, {
    ...half,
    flow: 'asking',
    id: (number) => `asking-${number}`,
    last: () => asked,
    wake: () => undefined,
  })
  await seed(location, {
    ...half,
    flow: 'sleeping',
    id: (number) => `sleeping-${number}`,
    last: (number) => slept(due + number),
    wake: (number) => due + number,
  })
  return [
    ...(await memoryFigures()),
    ...(await startFigures(location, rounds)),
    ...(await nearAnswers(location, rounds)),
    ...(await farAnswers(location, rounds)),
  ]
}

async function memoryFigures(): Promise<Figure[]> {
  const location = join(newFolder(), 'ledger.db')
  const asks = asking(() => {})
  const ever = await open({
    store: `sqlite:${location}`,
    flows: [asks, sleeping],
    work: { concurrency: 200 },
  })
  const execute = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left -= 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_, i) => ever.start(i % 2 === 0 ? asks : sleeping, i)),
      )
    }
    // Both count what moves; waiting runs are neither held nor due.
    for (;;) {
      const queues = await ever.store.queues()
      if (queues.every(({ held, due }) => held + due === 0)) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  await execute(1000)
  const before = await memory()
  await execute(executed)
  const after = await memory()
  await ever.close()
  return [
    figure('heap for each waiting run', 'bytes', [(after.heap - before.heap) / executed], {
      most: 16,
    }),
    figure('timers, more than before', 'count', [after.timers - before.timers], { most: 0 }),
  ]
}

interface Started {
  readonly ms: number
  readonly heap: number
}

async function startFigures(location: string, rounds: number): Promise<Figure[]> {
  const empty = join(newFolder(), 'ledger.db')
  const beside: Started[] = []
  const alone: Started[] = []
  for (let round = -1; round < rounds; round++) {
    const among = await startWorker(location)
    const without = await startWorker(empty)
    if (round < 0) continue
    beside.push(among)
    alone.push(without)
  }
  const bytes = beside.map(({ heap }, i) => (heap - (alone[i]?.heap ?? 0)) / waiting)
  return [
    figure(
      'worker start beside them',
      'ms',
      beside.map(({ ms }) => ms),
      { most: 2000 },
    ),
    figure(
      'worker start on an empty store',
      'ms',
      alone.map(({ ms }) => ms),
    ),
    figure('heap of the worker for each waiting run', 'bytes', bytes, { most: 16 }),
  ]
}

/** Starts a run that is due, then a process that works. */
async function startWorker(location: string): Promise<Started> {
  const ping = flow('ping', async (_run, _input: null) => null)
  const ever = await open({ store: `sqlite:${location}`, flows: [ping] })
  await ever.start(ping, null)
  await ever.close()
  const child = start('05-worker', [location, 'start'])
  for await (const told of lines<Started>(child)) return told
  throw new Error('The worker told nothing.')
}

/** Numbers of questions that nobody has answered yet; each is answered once. */
let nextQuestion = 0
const question = (): { readonly run: string; readonly id: string } => {
  const run = `asking-${nextQuestion++}`
  return { run, id: `${run}/2` }
}

async function nearAnswers(location: string, rounds: number): Promise<Figure[]> {
  let begun: (() => void) | undefined
  const ever = await open({
    store: `sqlite:${location}`,
    flows: [asking(() => begun?.()), sleeping],
    work: {},
  })
  const times: number[] = []
  for (let i = -answersPerRound; i < rounds * answersPerRound; i++) {
    const began = new Promise<void>((resolve) => (begun = resolve))
    const called = performance.now()
    await ever.answer(question().id, i)
    await soon('The step behind the answer', began)
    if (i >= 0) times.push(performance.now() - called)
  }
  await ever.close()
  return [figure('answer to next step, same process', 'ms', times, { most: 5 })]
}

async function farAnswers(location: string, rounds: number): Promise<Figure[]> {
  const child = start('05-worker', [location, 'answers'])
  const told = lines<{ readonly at: string }>(child)
  await told.next() // it works
  const ever = await open({ store: `sqlite:${location}` })
  const times: number[] = []
  for (let i = -answersPerRound; i < rounds * answersPerRound; i++) {
    // One clock for all processes of the machine.
    const called = process.hrtime.bigint()
    await ever.answer(question().id, i)
    const { value } = await soon('The step behind the answer', told.next())
    if (!value) throw new Error('The worker has gone.')
    if (i >= 0) times.push(Number(BigInt(value.at) - called) / 1e6)
  }
  await ever.close()
  child.kill('SIGKILL')
  return [figure('answer to next step, another process', 'ms', times, { most: 50 })]
}

export { measure as run }
