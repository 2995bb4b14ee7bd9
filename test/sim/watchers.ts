/**
 * Those who watch runs from outside, as they happen: each sees every entry once and in order, and the text
 * of steps under way, however often it has to begin again where it stopped.
 */
import { EverloopError } from '../../src/base/errors.ts'
import { isOutcome } from '../../src/ledger/index.ts'
import type { StreamItem } from '../../src/run/outside/stream.ts'
import { Chance } from './chance.ts'
import { endKinds } from './mirror.ts'
import { secretIn } from './secret-words.ts'
import type { Node, World } from './world.ts'

/** What may be told without anything being wrong: then it is tried again. */
const passing: readonly string[] = ['STORE_UNAVAILABLE', 'UNKNOWN_RUN']

/** How long after the last end everybody may be told of it, in milliseconds and in events. */
const tellingMsMax = 60_000
const tellingEventsMax = 5000

export class Watchers {
  readonly #world: World
  readonly #chance: Chance
  readonly #watching = new Set<Watcher>()

  constructor(world: World) {
    this.#world = world
    this.#chance = new Chance(world.seed, 'watchers')
  }

  /** Somebody watches the run through one of these processes, until it has ended. */
  watch(run: string, nodes: readonly Node[]): void {
    const watcher = new Watcher(this.#world, this.#chance, { run, nodes })
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

class Watcher {
  readonly run: string
  readonly #world: World
  readonly #chance: Chance
  readonly #nodes: readonly Node[]
  #node: Node | undefined
  #cursor: string | undefined
  /** The entry that was seen last. */
  #seq = 0
  #hasSeenEnd = false
  /** Text of steps under way, by path. */
  readonly #texts = new Map<string, string>()
  /** Steps that are over: no text of theirs comes any more. */
  readonly #over = new Set<string>()

  constructor(
    world: World,
    chance: Chance,
    { run, nodes }: { readonly run: string; readonly nodes: readonly Node[] },
  ) {
    this.#world = world
    this.#chance = chance
    this.#nodes = nodes
    this.run = run
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
        if (await this.#follow(node.ever.stream(this.run, from))) break
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
    this.#must(this.#hasSeenEnd, `it is over behind entry ${this.#seq}, which is no end`)
  }

  /** True when it was watched to its end; false when whoever watches has left before. */
  async #follow(items: AsyncIterable<StreamItem>): Promise<boolean> {
    for await (const item of items) {
      this.#cursor = item.cursor
      this.#see(item)
      if (this.#chance.roll(0.05)) return false
    }
    return true
  }

  #see(item: StreamItem): void {
    const { report, observer } = this.#world
    if (item.type === 'entry') {
      const { seq, kind, path } = item.event
      const entry = observer.run(this.run).entries[seq - 1]
      this.#must(seq === this.#seq + 1, `entry ${seq} comes behind entry ${this.#seq}`)
      this.#must(entry?.kind === kind, `entry ${seq} is ${entry?.kind}, and shown as ${kind}`)
      this.#seq = seq
      this.#hasSeenEnd ||= endKinds.includes(kind)
      if (kind === 'run.retried') this.#over.clear()
      if (isOutcome(kind)) this.#over.add(path)
      if (isOutcome(kind)) this.#texts.delete(path)
      return
    }
    const { path } = item
    this.#must(!this.#over.has(path), `text of "${path}" comes behind its outcome`)
    if (item.type === 'restarted') {
      if (this.#texts.has(path)) report.reach('text of a step that began anew watched')
      this.#texts.delete(path)
      return
    }
    report.reach('text of a step watched')
    const isInTime = observer
      .run(this.run)
      .shown.some((one) => one.path === path && one.text === item.text && one.seq <= this.#seq)
    this.#must(isInTime, `text of "${path}" comes before entries that stand before it`)
    const text = (this.#texts.get(path) ?? '') + item.text
    this.#texts.set(path, text)
    const secret = observer.isRedacted ? secretIn(text) : undefined
    this.#must(secret === undefined, `"${secret}" is shown`)
    const begin = `${path} begins. `
    const isOfModel = path.endsWith('/=model')
    const isWhole = isOfModel
      ? this.#world.attempts.isOfOne(this.run, path, text)
      : text.startsWith(begin.slice(0, text.length))
    this.#must(isWhole, `"${path}" is shown as ${text}`)
  }

  #must(condition: boolean, what: string): void {
    this.#world.report.check(condition, 'watching', () => `run ${this.run}: ${what}`)
  }
}
