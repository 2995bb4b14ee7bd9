/**
 * Many runs at once: how much of group commit's speed is left, and whether the event loop breathes.
 *
 * Measured: 200 runs of 20 steps, from the first `start` to the last result, in rows a second (a
 * run has 22: its beginning, its steps, its end); against 200 callers who append the same number of
 * rows of the same bytes, each awaiting its last, through a group commit on bare node:sqlite.
 * Rounds alternate. The delay of the event loop is the interval of a timer of 1 ms, so that 1 is
 * the least that can be seen; it is measured over the same time.
 * Processor time is that of all threads together; it hardly depends on what else the machine does.
 * Not measured: what steps do; several processes on one store.
 */
import { join } from 'node:path'
import { BareLedger, textOf } from './bare.ts'
import { delayFigures, figure, type Figure, ratios } from './figure.ts'
import { load } from './load.ts'
import { drop, newFolder } from './place.ts'
import { flow, open } from './subject.ts'
import { type Timed, timed } from './timed.ts'

const runs = load(200, 10)
const steps = 20
const rows = runs * (steps + 2)
/** Rounds that are not counted: code is compiled, the files get their size. */
const warming = load(8, 1)

export const name = 'many-runs'
export const says = `${runs} runs of ${steps} steps at once`

async function measure({ rounds }: { readonly rounds: number }): Promise<readonly Figure[]> {
  return [...(await measureWith(200, rounds)), ...(await measureWith(10_000, rounds))]
}

async function measureWith(bytes: number, rounds: number): Promise<readonly Figure[]> {
  const folder = newFolder()
  const bare = new BareLedger(join(folder, 'bare.db'))
  const several = flow('several', async (run, first: number) => {
    for (let i = 0; i < steps; i++) await run.step('step', () => textOf(first + i, bytes))
  })
  const ever = await open({
    store: `sqlite:${join(folder, 'ledger.db')}`,
    flows: [several],
    work: { concurrency: runs },
  })
  const callRuns = async (): Promise<void> => {
    await Promise.all(
      Array.from({ length: runs }, async (_, i) => {
        const reference = await ever.start(several, i * steps)
        await reference.result()
      }),
    )
  }
  const own: Timed[] = []
  const limit: Timed[] = []
  for (let round = -warming; round < rounds; round++) {
    const bareTime = await timed(() => appendAll(bare, (round + warming) * runs, bytes))
    const ownTime = await timed(callRuns)
    if (round < 0) continue
    limit.push(bareTime)
    own.push(ownTime)
  }
  await ever.close()
  bare.close()
  drop(folder)
  const ownRate = own.map(({ ms }) => (rows / ms) * 1000)
  const bareRate = limit.map(({ ms }) => (rows / ms) * 1000)
  const kind = bytes === 200 ? '200 bytes' : `${bytes / 1000} KB`
  return [
    figure(`${kind}: rows`, '/s', ownRate),
    figure(`${kind}: bare group commit, rows`, '/s', bareRate),
    figure(`${kind}: rows, of bare group commit`, 'x', ratios(ownRate, bareRate), { least: 0.3 }),
    figure(
      `${kind}: processor time of a row`,
      'µs',
      own.map(({ cpuMs }) => (cpuMs / rows) * 1000),
    ),
    figure(
      `${kind}: bare processor time of a row`,
      'µs',
      limit.map(({ cpuMs }) => (cpuMs / rows) * 1000),
    ),
    ...delayFigures(kind, own, limit),
  ]
}

async function appendAll(bare: BareLedger, firstRun: number, bytes: number): Promise<void> {
  await Promise.all(
    Array.from({ length: runs }, async (_, i) => {
      for (let seq = 1; seq <= steps + 2; seq++) {
        // The first and last row of a run are small.
        const value = textOf(seq, seq === 1 || seq === steps + 2 ? 50 : bytes)
        await bare.append({ run: firstRun + i, seq, payload: JSON.stringify({ value }) })
      }
    }),
  )
}

export { measure as run }
