/**
 * Steps of one run, one after another: what a step costs an agent that waits for each.
 *
 * Measured: from `run.step` to its outcome, inside the flow, for 100 steps with results of 200
 * bytes; between two steps, the commit of a row of the same bytes on bare node:sqlite, so that what
 * disturbs the one disturbs the other. The figure of a run is the median of its steps. The limit is for
 * a process that has worked for some seconds; what it takes in its first seconds stands beside it.
 * Not measured: starting, claiming and ending the run; what the steps themselves do.
 */
import { join } from 'node:path'
import { BareLedger, textOf } from './bare.ts'
import { figure, median, ratios, type Figure } from './figure.ts'
import { load } from './load.ts'
import { newFolder } from './place.ts'
import { flow, open } from './subject.ts'

const steps = load(100, 10)
const bytes = 200
/** Runs after which the code is compiled and the files have their size: 5,000 steps, some seconds. */
const warming = load(50, 5)
/** A run takes a tenth of a second, so there can be many. */
const runsPerRound = 4
/** The first runs show what a process that has just started takes. Not these: they load the code. */
const loading = 5

export const name = 'sequential-steps'
export const says = `${steps} steps of one run, results of ${bytes} bytes`

interface Times {
  readonly own: number[]
  readonly bare: number[]
}

async function measure({ rounds }: { readonly rounds: number }): Promise<readonly Figure[]> {
  const folder = newFolder()
  const bare = new BareLedger(join(folder, 'bare.db'))
  let times: Times = { own: [], bare: [] }
  const sequence = flow('sequence', async (run, number: number) => {
    times = { own: [], bare: [] }
    for (let i = 1; i <= steps; i++) {
      const value = textOf(i, bytes)
      const start = performance.now()
      await run.step('step', () => value)
      times.own.push(performance.now() - start)
      times.bare.push(commit(bare, number, i, value))
    }
  })
  const ever = await open({
    store: `sqlite:${join(folder, 'ledger.db')}`,
    flows: [sequence],
    work: {},
  })
  const all: Times[] = []
  for (let number = 1; number <= warming + rounds * runsPerRound; number++) {
    const reference = await ever.start(sequence, number)
    await reference.result()
    all.push(times)
  }
  await ever.close()
  bare.close()
  const { own, limit } = medians(all.slice(warming))
  const young = medians(all.slice(loading, loading + rounds * runsPerRound))
  return [
    figure('a step', 'ms', own),
    figure('bare: a commit of the same bytes', 'ms', limit),
    figure('a step, of a bare commit', 'x', ratios(own, limit), { most: 2 }),
    figure('the same in the first seconds', 'x', ratios(young.own, young.limit)),
  ]
}

const medians = (runs: readonly Times[]): { own: readonly number[]; limit: readonly number[] } => ({
  own: runs.map(({ own }) => median(own)),
  limit: runs.map(({ bare }) => median(bare)),
})

function commit(bare: BareLedger, run: number, seq: number, value: string): number {
  const start = performance.now()
  bare.commit({ run, seq, payload: JSON.stringify({ value }) })
  return performance.now() - start
}

export { measure as run }
