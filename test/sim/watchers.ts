/** Those who watch runs from outside, as they happen, however often they have to begin again where they stopped. */
import { EverloopError } from '../../src/base/errors.ts'
import { Chance } from './chance.ts'
import type { Watched } from './watched.ts'
import { WatchedConversation } from './watched-conversation.ts'
import { WatchedRun } from './watched-run.ts'
import type { Node, World } from './world.ts'

/** What may be told without anything being wrong: then it is tried again. */
const passing: readonly string[] = ['STORE_UNAVAILABLE', 'UNKNOWN_RUN']

/** How long after the last end everybody may be told of it, in milliseconds and in events. */
const tellingMsMax = 60_000
const tellingEventsMax = 5000

/** How many follow conversations at most. */
const followersMax = 3

export class Watchers {
  readonly #world: World
  readonly #chance: Chance
  readonly #watching = new Set<{ readonly run: string; readonly isGone: boolean }>()
  #followers = 0

  constructor(world: World) {
    this.#world = world
    this.#chance = new Chance(world.seed, 'watchers')
  }

  /** Somebody watches the run through one of these processes, until it has ended. */
  watch(run: string, nodes: readonly Node[]): void {
    this.#begin(new Watcher(this.#world, this.#chance, nodes, new WatchedRun(this.#world, run)))
  }

  /** Somebody follows the conversation of an agent's run, until it has ended. */
  follow(run: string, nodes: readonly Node[]): void {
    if (++this.#followers > followersMax) return
    const conversation = new WatchedConversation(this.#world, run)
    this.#begin(new Watcher(this.#world, this.#chance, nodes, conversation))
  }

  #begin<Item extends { readonly cursor: string }>(watcher: Watcher<Item>): void {
    this.#watching.add(watcher)
    void watcher.watch().then(() => this.#watching.delete(watcher))
  }

  /** All runs have ended: everybody who watches is told so. */
  async end(): Promise<void> {
    const { scheduler, report, clients, living } = this.#world
    // Notifications may have been lost while there were faults.
    for (const { store } of [...clients, ...living]) store.tell(0, 'work')
    const last = scheduler.elapsed + tellingMsMax
    const isOver = (): boolean => Array.from(this.#watching).every(({ isGone }) => isGone)
    const until = (): boolean => report.hasFailed || isOver() || scheduler.elapsed > last
    await scheduler.run(until, tellingEventsMax)
    for (const { run, isGone } of this.#watching) {
      report.check(isGone, 'watching', () => `whoever watches run ${run} is not told of its end`)
    }
  }
}

class Watcher<Item extends { readonly cursor: string }> {
  readonly #world: World
  readonly #chance: Chance
  readonly #nodes: readonly Node[]
  readonly #watched: Watched<Item>
  #node: Node | undefined
  #cursor: string | undefined

  constructor(world: World, chance: Chance, nodes: readonly Node[], watched: Watched<Item>) {
    this.#world = world
    this.#chance = chance
    this.#nodes = nodes
    this.#watched = watched
  }

  get run(): string {
    return this.#watched.run
  }

  /** It was in a process that is no more. */
  get isGone(): boolean {
    return this.#node === undefined || this.#node.process.isDead || this.#node.closed !== undefined
  }

  async watch(): Promise<void> {
    for (;;) {
      const node = this.#chance.pick(this.#nodes)
      this.#node = node
      const from = this.#cursor === undefined ? {} : { from: this.#cursor }
      try {
        if (await this.#follow(this.#watched.open(node.ever, from))) break
      } catch (error) {
        const code = EverloopError.is(error) ? error.code : 'none'
        if (code === 'STORE_CLOSED') return
        if (!passing.includes(code)) {
          this.#world.report.break('watching', `run ${this.run}: ${String(error)}`)
          return
        }
        await node.process.sleep(this.#chance.between(20, 2000), 'watcher tries again')
      }
    }
    this.#watched.end()
  }

  /** True when it was watched to its end; false when whoever watches has left before. */
  async #follow(items: AsyncIterable<Item>): Promise<boolean> {
    for await (const item of items) {
      this.#cursor = item.cursor
      this.#watched.see(item)
      if (this.#chance.roll(0.05)) return false
    }
    return true
  }
}
