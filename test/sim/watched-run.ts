/** A run as whoever watches it is shown it: every entry once and in order, and the text of steps under way. */
import { isOutcome } from '../../src/ledger/index.ts'
import type { Ever } from '../../src/run/index.ts'
import type { StreamItem } from '../../src/run/outside/stream.ts'
import { endKinds } from './mirror.ts'
import { secretIn } from './secret-words.ts'
import type { Watched } from './watched.ts'
import type { World } from './world.ts'

export class WatchedRun implements Watched<StreamItem> {
  readonly run: string
  readonly #world: World
  /** The entry that was seen last. */
  #seq = 0
  #hasSeenEnd = false
  /** Text of steps under way, by path. */
  readonly #texts = new Map<string, string>()
  /** Steps that are over: no text of theirs comes any more. */
  readonly #over = new Set<string>()

  constructor(world: World, run: string) {
    this.#world = world
    this.run = run
  }

  open(ever: Ever, from: { readonly from?: string }): AsyncIterable<StreamItem> {
    return ever.stream(this.run, from)
  }

  end(): void {
    this.#must(this.#hasSeenEnd, `it is over behind entry ${this.#seq}, which is no end`)
  }

  see(item: StreamItem): void {
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
