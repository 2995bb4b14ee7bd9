/** What two stores hold, compared by reading it. */
import { strict as assert } from 'node:assert'
import type { RunRow, Store } from '../../store/store.ts'
import type { Both } from './both.ts'
import { type Cast, flows, queues, signals } from './cast.ts'

const statuses: readonly RunRow['status'][] = [
  'active',
  'paused',
  'completed',
  'failed',
  'cancelled',
]

export class Reads {
  readonly #both: Both
  readonly #cast: Cast

  constructor(both: Both, cast: Cast) {
    this.#both = both
    this.#cast = cast
  }

  /** Some of it. */
  async compareSome(): Promise<void> {
    const run = this.#cast.run() ?? 'none'
    const reads = [
      () => this.#run(run),
      () => this.#entries(run),
      () => this.#inbox(run),
      () => this.#runs(),
      () => this.#rest(),
    ]
    await this.#cast.dice.one(reads)()
  }

  async compareAll(): Promise<void> {
    for (const run of this.#cast.chains.keys()) {
      await this.#run(run)
      await this.#entries(run)
      await this.#inbox(run)
    }
    for (let i = 0; i < 10; i++) await this.#runs()
    await this.#rest()
  }

  async #run(run: string): Promise<void> {
    await this.#both.do(
      `read ${run}`,
      ({ store }) => store.run(run),
      (row, side) => row && side.row(row),
    )
    await this.#both.do(`scopes of ${run}`, ({ store }) => store.openScopes(run))
    await this.#both.do(`questions of ${run}`, ({ store }) => store.questions({ run }))
    await this.#account(run)
  }

  async #entries(run: string): Promise<void> {
    const { dice, chains } = this.#cast
    const count = chains.get(run)?.entries.length ?? 0
    const range = {
      ...(dice.chance(50) && { after: dice.pick(count + 2) }),
      ...(dice.chance(50) && { limit: dice.pick(count + 2) }),
      ...(dice.chance(30) && { units: 1 + dice.pick(5000) }),
    }
    const seqs = Array.from({ length: dice.pick(6) }, () => 1 + dice.pick(count + 3))
    await this.#both.do(`entries of ${run} ${JSON.stringify(range)}`, ({ store }) =>
      store.entries(run, range),
    )
    await this.#both.do(`open entries of ${run}`, ({ store }) => store.openEntries(run))
    await this.#both.do(`entries of ${run} at ${seqs.join(' ')}`, ({ store }) =>
      store.entriesAt(run, seqs),
    )
  }

  async #inbox(run: string): Promise<void> {
    const names = this.#cast.dice.some(signals, 70)
    await this.#both.do(
      `messages of ${run} ${names.join(' ')}`,
      ({ store }) => store.messages(run, names),
      (messages, side) => messages.map((one) => ({ ...one, number: side.rank(one.number) })),
    )
    const limit = 1 + this.#cast.dice.pick(3)
    await this.#both.do(`untaken signals of ${run} ${limit}`, ({ store }) =>
      store.untakenSignals(run, limit),
    )
    await this.#both.do(
      `chunks of ${run}`,
      ({ store }) => store.chunks(run, 0, 1000),
      (chunks) => chunks.map((chunk) => ({ ...chunk, number: 0 })),
    )
  }

  async #runs(): Promise<void> {
    const { dice, clock } = this.#cast
    const filter = {
      ...(dice.chance(40) && { status: dice.some(statuses, 50) }),
      ...(dice.chance(20) && { flow: dice.one(flows).name }),
      ...(dice.chance(20) && { queue: dice.one(queues) }),
      ...(dice.chance(20) && { labels: { team: dice.one(['x', 'y', 'z']) } }),
      ...(dice.chance(20) && { id: dice.one(['r', 'r1', 'i', '', 'x']) }),
      ...(dice.chance(10) && { parent: this.#cast.run() }),
      ...(dice.chance(10) && { session: this.#cast.session() }),
      ...(dice.chance(20) && { createdSince: clock.now() - dice.pick(50_000) }),
      ...(dice.chance(40) && { limit: dice.pick(6) }),
      ...(dice.chance(30) && { before: this.#cast.run() }),
    }
    await this.#both.do(
      `runs ${JSON.stringify(filter)}`,
      ({ store }) => store.runs(filter),
      (rows, side) => rows.map((row) => side.row(row)),
    )
  }

  async #rest(): Promise<void> {
    const { dice } = this.#cast
    const token = this.#cast.session()
    await this.#both.do(
      `news of ${token}`,
      ({ store }) => store.news(token),
      (news, side) => news.map(({ run, newest }) => ({ run, newest: side.rank(newest) })),
    )
    const filter = {
      ...(dice.chance(50) && { id: `${this.#cast.run() ?? 'none'}${dice.one(['', '/', '/1'])}` }),
      ...(dice.chance(30) && { limit: dice.pick(4) }),
    }
    await this.#both.do(`questions ${JSON.stringify(filter)}`, ({ store }) =>
      store.questions(filter),
    )
    await this.#both.do('sessions', async ({ first }) => (await first.sessions()).toSorted(byToken))
    await this.#both.do('queues', ({ store }) => store.queues())
    await this.#account('elsewhere')
    const hash = this.#cast.artifact()
    await this.#both.do(
      `artifact ${hash}`,
      ({ store }) => store.artifact(hash),
      (bytes) => bytes && Array.from(bytes),
    )
    const pages = [1 + dice.pick(50), 1 + dice.pick(50)]
    await this.#both.do(`follow ${pages.join(' ')}`, ({ store }) => followed(store, pages))
  }

  /** In whatever order a store has its amounts. */
  async #account(run: string): Promise<void> {
    await this.#both.do(
      `account of ${run}`,
      ({ store }) => store.account(run),
      (amounts) => Object.entries(amounts).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    )
  }
}

/** The first entries of all, a page at a time. */
async function followed(store: Store, pages: readonly number[]): Promise<unknown[]> {
  const entries: unknown[] = []
  let after = 0
  for (const limit of pages) {
    for (const { position, ...entry } of await store.follow(after, limit)) {
      assert.ok(position > after, 'Positions must grow.')
      after = position
      entries.push(entry)
    }
  }
  return entries
}

const byToken = (a: { readonly token: string }, b: { readonly token: string }): number =>
  a.token < b.token ? -1 : 1
