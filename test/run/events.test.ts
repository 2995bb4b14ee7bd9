/** Watching a run: every entry once, in order, from any cursor on. */
import { expect, test } from 'vitest'
import { flow, type RunEvent, type RunReference } from 'everloop'
import { testRuntime } from 'everloop/testing'

const counting = flow('counting', async (run, turns: number) => {
  const counted = await run.loop('count', { state: 0 }, async (turn, n) => {
    await turn.step('one', () => n)
    return n === turns ? turn.done(n) : turn.next(n + 1)
  })
  await run.ask('Done?')
  return counted
})

/** Reads events in the background until `count` have come, or the run has ended. */
function collect(
  run: RunReference<unknown>,
  { from = 0, count = Infinity }: { readonly from?: number; readonly count?: number } = {},
): { readonly seqs: number[]; readonly done: Promise<void> } {
  const seqs: number[] = []
  const done = (async () => {
    for await (const { seq } of run.events({ from })) {
      seqs.push(seq)
      if (seqs.length >= count) return
    }
  })()
  return { seqs, done }
}

const upTo = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i + 1)

test('events come without gap or repeat, across crashes, and end with the run', async () => {
  await using runtime = await testRuntime({ flows: [counting] })
  const run = await runtime.ever.start(counting, 20)
  const all = collect(run)
  await runtime.runUntil(() => all.seqs.length > 10)
  runtime.crash()
  await runtime.settle()
  await runtime.answer('Done?', true)
  await runtime.runUntil(all.done)
  const { entries } = await run.status()
  expect(all.seqs).toEqual(upTo(0, entries))
})

test('a cursor goes on where it stopped, whatever was written meanwhile', async () => {
  await using runtime = await testRuntime({ flows: [counting] })
  const run = await runtime.ever.start(counting, 10)
  const seen: number[] = []
  for (let from = 0; from < 18; from = seen.at(-1) ?? 0) {
    const part = collect(run, { from, count: 3 })
    await runtime.runUntil(part.done)
    seen.push(...part.seqs)
  }
  expect(seen).toEqual(upTo(0, seen.length))
})

test('events of a run that has ended are all there, and more than a page of them', async () => {
  const many = flow('many', async (run) => {
    for (let i = 0; i < 700; i++) await run.note(`line ${i}`)
  })
  await using runtime = await testRuntime({ flows: [many] })
  const run = await runtime.start(many, undefined)
  const { seqs, done } = collect(run)
  await runtime.runUntil(done)
  expect(seqs).toEqual(upTo(0, 702))
})

test('a watcher of an idle run wakes up when it goes on', async () => {
  await using runtime = await testRuntime({ flows: [counting] })
  const run = await runtime.start(counting, 1)
  const { entries } = await run.status()
  const tail = collect(run, { from: entries })
  await runtime.advance('30d')
  expect(tail.seqs).toEqual([])
  await runtime.answer('Done?', true)
  await runtime.runUntil(tail.done)
  expect(tail.seqs).toEqual([entries + 1, entries + 2])
})

test('an event tells the operation, the time and the data', async () => {
  await using runtime = await testRuntime({ flows: [counting], start: 1000 })
  const run = await runtime.start(counting, 0, { id: 'r' })
  const [, first] = await runtime.ledger(run)
  expect(first).toEqual<RunEvent>({
    run: 'r',
    seq: 2,
    time: 1000,
    kind: 'step.completed',
    path: 'count/1/one',
    data: { value: 0 },
  })
})

test('a cursor that is none is refused', async () => {
  await using runtime = await testRuntime({ flows: [counting] })
  const run = await runtime.start(counting, 0)
  for (const from of [-1, 1.5, Number.NaN, '3' as never]) {
    await expect(run.events({ from }).next()).rejects.toMatchObject({ code: 'BAD_OPTION' })
  }
})
