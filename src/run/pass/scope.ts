/**
 * A scope of a run in memory: it hands out keys, derives chance, and aborts what is left in it.
 *
 * Keys are given synchronously, in the order in which operations are asked for, per name: two
 * branches that run at different speeds never share a scope, so they cannot swap keys.
 */
import { hash } from 'node:crypto'
import { EverloopError, untraced } from '../../base/errors.ts'
import { LateMap } from '../../base/late-map.ts'
import { LateSet } from '../../base/late-set.ts'
import { childPath, explicitKey, laterKey, nameKey } from '../../ledger/index.ts'
import { HandedValues } from '../replay/handed-values.ts'

export class Scope {
  readonly run: string
  readonly path: string
  readonly parent: Scope | undefined
  /** Operations in here are not rejected by a cancel. */
  readonly shielded: boolean
  readonly children: LateSet<Scope> = new LateSet()
  /** Time of the last entry handed over in here: what `run.now()` tells. */
  time: number
  /** Large values that were handed over in here, for referring to them when the scope closes. */
  readonly values: HandedValues = new HandedValues()
  /** What chance derives from. */
  #seed: string
  /** How often each name was used, and the key of its first use: names are checked and escaped once. */
  readonly #names = new LateMap<string, { readonly first: string; count: number }>()
  readonly #explicit = new LateSet<string>()
  #drawn = 0
  #controller: AbortController | undefined
  #aborted: (() => unknown) | undefined
  #state: 'open' | 'leaving' | 'closed'
  #loopName: string | undefined

  /** `time` is that of the entry after which the scope began. */
  constructor(run: string, path: string, time: number, parent?: Scope, shielded?: boolean) {
    this.run = run
    this.#seed = parent ? parent.#seed : run
    this.path = path
    this.time = time
    this.parent = parent
    this.shielded = shielded ?? parent?.shielded ?? false
    // Code that has not noticed yet that the scope around has ended opens nothing new in it.
    this.#state = parent?.isLeaving ? 'closed' : 'open'
    if (parent?.shielded === this.shielded) this.#aborted = parent.#aborted
    parent?.children.add(this)
  }

  /** The scope of a run itself. */
  static root(run: string, seed: string, time: number): Scope {
    const root = new Scope(run, '', time)
    root.#seed = seed
    return root
  }

  /** The scope of a turn of this loop, which has this name. */
  static turn(loop: Scope, name: string, number: number): Scope {
    loop.#loopName = name
    return new Scope(loop.run, childPath(loop.path, number), loop.time, loop)
  }

  /** The loops in here that have not ended. */
  *loops(): Iterable<{ readonly scope: Scope; readonly name: string }> {
    if (this.#loopName !== undefined) yield { scope: this, name: this.#loopName }
    for (const inner of this.children) yield* inner.loops()
  }

  /** True when the scope has ended. */
  get closed(): boolean {
    return this.#state === 'closed'
  }

  /** True when its code has ended: it takes no more operations, and closes as soon as it may. */
  get isLeaving(): boolean {
    return this.#state !== 'open'
  }

  /** Made when first asked for: most scopes never are. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#aborted())
    }
    return this.#controller.signal
  }

  /**
   * With the scopes inside, but for those that are shielded from this one. The reason is asked for only
   * when somebody has the signal: an error may cost a stack trace.
   */
  abort(reason: () => unknown): void {
    if (this.#aborted) return
    this.#aborted = reason
    this.#controller?.abort(reason())
    for (const inner of this.children) {
      if (inner.shielded === this.shielded) inner.abort(reason)
    }
  }

  /** What signals are aborted with when their scope ends. */
  #hasEnded(): EverloopError {
    const run = this.run
    return untraced(() => new EverloopError('CANCELLED', 'The scope has ended.', { run }))
  }

  /** Begins to end the scope and those inside. What still runs in them sees its signal aborted. */
  leave(): void {
    if (this.#state === 'open') this.#state = 'leaving'
    for (const inner of this.children) inner.leave()
    this.abort(() => this.#hasEnded())
  }

  /** Ends the scope. What still runs in it sees its signal aborted. */
  close(): void {
    this.#state = 'closed'
    this.parent?.children.delete(this)
    this.abort(() => this.#hasEnded())
  }

  /** Remembers what an outcome handed over, for what this scope will leave behind. */
  handed(seq: number, record: object, text: string): void {
    if (this.path !== '') this.values.add(seq, record, text)
  }

  /** The key of the next operation of this name, or of the explicit key. */
  key(name: string, explicit?: string): string {
    if (explicit !== undefined) {
      const key = explicitKey(explicit)
      if (this.#explicit.has(key)) {
        throw new EverloopError(
          'DUPLICATE_KEY',
          `The key "${explicit}" is used twice in one scope of run "${this.run}". Give each operation its own key, or none.`,
          { run: this.run, step: key },
        )
      }
      this.#explicit.add(key)
      return key
    }
    const used = this.#names.get(name)
    if (used) return laterKey(used.first, ++used.count)
    const first = nameKey(name, 1)
    this.#names.set(name, { first, count: 1 })
    return first
  }

  /** 32 bytes that depend on the seed, the scope and how many were drawn before, and nothing else. */
  draw(): Uint8Array {
    this.#drawn++
    return hash('sha256', `random\n${this.#seed}\n${this.path}\n${this.#drawn}`, 'buffer')
  }
}
