/** Fills stores with many runs through the store's own interface, in large groups. */
import type { AnyDraft } from '../src/ledger/index.ts'
import type { Store } from '../src/store/store.ts'
import { internals } from './subject.ts'

/** Runs that are begun, claimed and given back together. */
const group = 1000

export interface Seed {
  readonly flow: string
  readonly count: number
  readonly id: (number: number) => string
  /** What stands in the ledger behind the genesis. */
  readonly last: (number: number) => AnyDraft
  /** When the run is due; undefined when only a message wakes it, or nothing. */
  readonly wake: (number: number) => number | undefined
}

export async function seed(location: string, wanted: Seed): Promise<void> {
  const { openStore, systemPorts } = await internals()
  const store = await openStore(`sqlite:${location}`)
  const session = `seed-${Buffer.from(systemPorts.randomBytes(12)).toString('hex')}`
  await store.openSession({ token: session, leaseMs: 600_000, name: 'seed' })
  for (let from = 0; from < wanted.count; from += group) {
    await create(store, wanted, from)
    await settle(store, wanted, session)
  }
  await store.close()
}

async function create(store: Store, { flow, count, id }: Seed, from: number): Promise<void> {
  const { newRun, systemPorts } = await internals()
  const definition = { name: flow, version: '1', input: undefined, output: undefined, run: () => 0 }
  const numbers = Array.from({ length: Math.min(group, count - from) }, (_, i) => from + i)
  await Promise.all(
    numbers.map((number) =>
      store.createRun(
        newRun({ store, ports: systemPorts }, { id: id(number), flow: definition, input: number }),
      ),
    ),
  )
}

async function settle(store: Store, { flow, last, wake }: Seed, session: string): Promise<void> {
  const { seal } = await internals()
  const flows = [{ name: flow, version: '1' }]
  const { runs } = await store.claim({ session, flows, limit: group })
  await Promise.all(
    runs.map(async ({ id: run, epoch, seq, hash, updated }) => {
      const number = Number(run.slice(run.lastIndexOf('-') + 1))
      const head = { seq, hash, time: updated }
      const place = { run, epoch, head, time: store.clock.now(), salt: 'seeded-runs-salt' }
      const { is } = await store.append({
        run,
        session,
        epoch,
        after: head,
        entries: [seal(last(number), place)],
        release: { wake: wake(number), seen: 0 },
      })
      if (is !== 'committed') throw new Error(`Run ${run} could not be seeded: ${is}.`)
    }),
  )
}
