/**
 * 300,000 runs that have ended: what a worker with nothing to do costs.
 *
 * Measured: one `claim` that finds nothing, through the store and its thread; against the same on an
 * empty store. And the processor time of a process with an idle worker.
 * Not measured: stores with many flows, versions and queues: a claim reads one row for each.
 */
import { join } from 'node:path'
import { figure, median, type Figure } from './figure.ts'
import { load } from './load.ts'
import { newFolder } from './place.ts'
import { seed } from './seed.ts'
import { flow, internals, open } from './subject.ts'

const finished = load(300_000, 1000)
const pollsPerRound = 40
const idleMs = load(1000, 100)

export const name = 'idle-poll'
export const says = `an idle worker beside ${finished} finished runs`

async function measure({ rounds }: { readonly rounds: number }): Promise<readonly Figure[]> {
  const full = join(newFolder(), 'ledger.db')
  await seed(full, {
    count: finished,
    flow: 'done',
    id: (number) => `done-${number}`,
    last: (number) => ({
      scope: '',
      kind: 'run.completed',
      key: '',
      record: { output: number },
    }),
    wake: () => undefined,
  })
  const empty = join(newFolder(), 'ledger.db')
  const polls = { full: await poller(full), empty: await poller(empty) }
  const times: { full: number[]; empty: number[] } = { full: [], empty: [] }
  for (let round = -1; round < rounds; round++) {
    for (const store of ['full', 'empty'] as const) {
      const ms = await polls[store]()
      if (round >= 0) times[store].push(ms)
    }
  }
  return [
    figure(`a poll beside ${finished} finished runs`, 'ms', times.full, { most: 2 }),
    figure('a poll of an empty store', 'ms', times.empty),
    figure('processor time of an idle worker, of one second', 'ms', await idle(full, rounds)),
  ]
}

/** Polls so often in a row; the figure is the median. */
async function poller(location: string): Promise<() => Promise<number>> {
  const { openStore } = await internals()
  const store = await openStore(`sqlite:${location}`)
  await store.openSession({ token: 'poller', leaseMs: 600_000, name: 'poller' })
  const flows = [{ name: 'done', version: '1' }]
  return async () => {
    const times: number[] = []
    for (let i = 0; i < pollsPerRound; i++) {
      const start = performance.now()
      const { runs } = await store.claim({ session: 'poller', flows, limit: 16 })
      times.push(performance.now() - start)
      if (runs.length > 0) throw new Error('A finished run was claimed.')
    }
    return median(times)
  }
}

async function idle(location: string, rounds: number): Promise<number[]> {
  const ever = await open({
    store: `sqlite:${location}`,
    flows: [flow('done', () => null)],
    work: {},
  })
  const times: number[] = []
  for (let round = -1; round < rounds; round++) {
    const before = process.cpuUsage()
    await new Promise((resolve) => setTimeout(resolve, idleMs))
    const { user, system } = process.cpuUsage(before)
    if (round >= 0) times.push((user + system) / 1000)
  }
  await ever.close()
  return times
}

export { measure as run }
