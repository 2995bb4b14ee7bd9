/**
 * A story of a store beside the memory store: acts that nobody would think of, in an order that nobody would choose,
 * each done to both and compared, and the same every time. What the contract promises needs no second wording here:
 * the simulator has executed hundreds of thousands of runs on the memory store.
 */
import type { Append, ImportPart, NewMessage, Store } from '../../store/store.ts'
import type { ChainBuilder } from '../chain-builder.ts'
import type { StoreClock } from '../store-bed.ts'
import { Both } from './both.ts'
import { Cast, flows, type Newcomer, queues, signals } from './cast.ts'
import type { Choose } from './dice.ts'
import { Reads } from './reads.ts'

const waits = [1, 1, 10, 700, 4000, 11_000, 11_000]

export interface StoryOptions {
  /** Several are on the same ledger. */
  readonly subject: readonly Store[]
  readonly memory: Store
  /** That of all of them. */
  readonly clock: StoreClock
  readonly pick: Choose
  readonly acts: number
}

/** Rejects at the first difference, with the acts before it. */
export async function tellStory(options: StoryOptions): Promise<void> {
  const { subject, memory, clock, pick, acts } = options
  const cast = new Cast(clock, pick)
  const both = new Both(subject, memory)
  const story = new Story(both, cast)
  const reads = new Reads(both, cast)
  for (let i = 0; i < acts; i++) {
    await story.act()
    await reads.compareSome()
  }
  await reads.compareAll()
}

class Story {
  readonly #both: Both
  readonly #cast: Cast
  /** Each as often as it is to be drawn. */
  readonly #acts: readonly (() => Promise<void>)[]

  constructor(both: Both, cast: Cast) {
    this.#both = both
    this.#cast = cast
    const often: readonly (readonly [times: number, act: () => Promise<void>])[] = [
      [5, () => this.#openSession()],
      [2, () => this.#renewSession()],
      [1, () => this.#closeSession()],
      [4, () => this.#wait()],
      [3, () => this.#create()],
      [8, () => this.#claim()],
      [24, () => this.#append()],
      [8, () => this.#deliver()],
      [4, () => this.#publish()],
      [1, () => this.#limit()],
      [1, () => this.#import()],
    ]
    this.#acts = often.flatMap(([times, act]) => Array.from({ length: times }, () => act))
  }

  async act(): Promise<void> {
    await this.#cast.dice.one(this.#acts)()
  }

  async #openSession(): Promise<void> {
    const token = this.#cast.newSession()
    const leaseMs = 500 + this.#cast.dice.pick(3) * 4000
    const options = { token, leaseMs, name: `worker ${token}` }
    await this.#both.do(`open ${token}`, ({ first }) => first.openSession(options))
  }

  async #renewSession(): Promise<void> {
    const token = this.#cast.session()
    await this.#both.do(`renew ${token}`, ({ first }) => first.renewSession(token))
  }

  async #closeSession(): Promise<void> {
    const token = this.#cast.session()
    await this.#both.do(`close ${token}`, ({ first }) => first.closeSession(token))
  }

  async #wait(): Promise<void> {
    const ms = this.#cast.dice.one(waits)
    this.#both.note(`wait ${ms}`)
    this.#cast.clock.advance(ms)
  }

  async #create(): Promise<void> {
    const { dice, chains } = this.#cast
    const { id, chain, given } = this.#cast.newRun(dice.chance(10) ? this.#cast.run() : undefined)
    const made = await this.#both.do(
      `create ${id}`,
      ({ store }) => store.createRun(given),
      ({ created, run }, side) => ({ created, run: side.row(run) }),
    )
    if (made?.created) chains.set(id, chain)
  }

  async #claim(): Promise<void> {
    const { dice, holds } = this.#cast
    const session = this.#cast.session()
    const request = {
      session,
      flows: dice.some(flows, 80),
      limit: dice.chance(50) ? dice.pick(4) : 1000,
      ...(dice.chance(50) && { suspects: dice.pick(2) }),
      ...(dice.chance(15) && { run: this.#cast.run() ?? 'none' }),
    }
    const claimed = await this.#both.do(
      `claim ${JSON.stringify(request)}`,
      ({ first }) => first.claim(request),
      ({ runs, nextDue }, side) => ({ nextDue, runs: runs.map((row) => side.row(row)) }),
    )
    for (const { id, epoch } of claimed?.runs ?? []) holds.set(id, { session, epoch })
  }

  async #append(): Promise<void> {
    const { dice, chains, holds } = this.#cast
    const held = dice.oneIfAny([...holds])
    if (!held) return
    const [id, hold] = held
    const next = (chains.get(id) as ChainBuilder).fork()
    const { memory } = this.#both
    const newest = memory.rank((await memory.store.run(id))?.newest ?? 0)
    const inbox = await memory.store.messages(id, signals)
    const taken = dice.some(inbox, 60).map(({ number }) => memory.rank(number))
    const open = await memory.store.questions({ run: id })
    const drafts = this.#cast.drafts(open)
    const children: readonly Newcomer[] = dice.chance(10) ? [this.#cast.newRun()] : []
    const sent = dice.chance(10) ? [await this.#message()] : []
    const unlessNewerThan = dice.chance(10) ? dice.pick(newest + 1) : undefined
    const release = dice.chance(35)
      ? { wake: dice.chance(70) ? this.#cast.soon() : undefined, seen: dice.pick(newest + 1) }
      : undefined
    const { after, ...given } = next.append(this.#cast.holder(hold), drafts, {
      artifacts: this.#cast.newArtifacts(),
      create: children.map((child) => child.given),
    })
    const place = { ...given, after: dice.chance(4) ? { ...after, hash: 'another' } : after }
    const what = drafts.map(({ scope, kind, key }) => `${kind} ${scope}:${key}`).join(', ')
    const rest = JSON.stringify({ taken, unlessNewerThan, release, sent, new: children.length })
    const result = await this.#both.do(
      `append to ${id}: ${what} ${rest}`,
      (side) => {
        const append: Append = {
          ...place,
          taken: taken.map((rank) => side.number(rank)),
          deliver: sent.map((one) => side.addressed(one)),
          ...(unlessNewerThan !== undefined && { unlessNewerThan: side.number(unlessNewerThan) }),
          ...(release && { release: { ...release, seen: side.number(release.seen) } }),
        }
        return side.store.append(append)
      },
      (reply) => ('newest' in reply ? reply.is : reply), // what was delivered here is not learned yet
    )
    if (result?.is !== 'committed') return
    chains.set(id, next)
    for (const child of children) chains.set(child.id, child.chain)
    if (release) holds.delete(id)
    for (const { run } of sent) await this.#both.learn(run)
  }

  async #deliver(): Promise<void> {
    const sent = await this.#message()
    await this.#both.do(
      `deliver ${JSON.stringify(sent)}`,
      (side) => side.store.deliver(side.addressed(sent)),
      (reply) => (reply.is === 'delivered' || reply.is === 'news' ? reply.is : reply),
    )
    await this.#both.learn(sent.run)
  }

  async #message(): Promise<NewMessage> {
    const { memory } = this.#both
    return this.#cast.message(memory.delivered, await memory.store.questions({}))
  }

  async #publish(): Promise<void> {
    const { dice, holds } = this.#cast
    const held = dice.oneIfAny([...holds])
    if (!held) return
    const [run, hold] = held
    const chunks = Array.from({ length: 1 + dice.pick(3) }, () => this.#cast.chunk(run, hold))
    const publication = { run, ...this.#cast.holder(hold), chunks }
    await this.#both.do(`publish ${JSON.stringify(publication)}`, ({ store }) =>
      store.publish(publication),
    )
  }

  async #limit(): Promise<void> {
    const { dice } = this.#cast
    const name = dice.chance(10) ? this.#cast.name('queue ') : dice.one(queues)
    const concurrency = dice.chance(30) ? null : dice.pick(4)
    await this.#both.do(`limit ${name} to ${concurrency}`, ({ store }) =>
      store.limitQueue(name, concurrency),
    )
  }

  /** A run of its own, or the beginning of one that is here. */
  async #import(): Promise<void> {
    const { dice, chains } = this.#cast
    const known = dice.chance(30) ? this.#cast.run() : undefined
    const id = known ?? this.#cast.name('i')
    const chain = chains.get(id) ?? this.#cast.importedRun(id)
    const entries = known === undefined ? chain.entries : chain.entries.slice(0, 1 + dice.pick(5))
    const { name: flow, version } = dice.one(flows)
    const about = { id, flow, version, queue: dice.one(queues), labels: { team: 'z' } }
    const parts: ImportPart[] = [
      { is: 'run', ...about, parent: this.#cast.run() },
      ...entries.map((entry): ImportPart => ({ is: 'entry', entry })),
      ...(this.#cast.newArtifacts() ?? []).map((artifact): ImportPart => ({
        is: 'artifact',
        artifact,
      })),
    ]
    const what = entries.map(({ scope, kind, key }) => `${kind} ${scope}:${key}`).join(', ')
    const result = await this.#both.do(
      `import ${id}: ${what}`,
      ({ store }) => store.importRuns(coming(parts)),
      (reply, side) => (reply.is === 'exists' ? { is: reply.is, run: side.row(reply.run) } : reply),
    )
    if (result?.is === 'imported') chains.set(id, chain)
  }
}

async function* coming(parts: readonly ImportPart[]): AsyncGenerator<ImportPart, void> {
  for (const part of parts) yield await Promise.resolve(part)
}
