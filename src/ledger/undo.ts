/**
 * What a run would have to undo: the pure fold of its registrations, over all of its entries, those
 * of closed scopes too.
 *
 * A registration is an `undo.registered`, or an `effect.intended` with an `undo`: the latter counts
 * as soon as the effect is known to have happened or may have. What a retry of the run has forgotten
 * stays registered, since it has happened all the same.
 */
import type { ErrorData } from '../base/errors.ts'
import { decode } from './codec.ts'
import type { Entry, Payloads, Undo } from './entry.ts'
import { operationPath } from './path.ts'

/** Something that can be undone, and how far that has got. */
export interface Undoable {
  /** Number of the entry that registered it. */
  readonly of: number
  /** The operation that registered it. */
  readonly path: string
  readonly action: string
  readonly input: unknown
  /** Number of the operation's outcome; of its last entry, where it has none: the higher, the earlier it is undone. */
  readonly order: number
  /** Number of the entry with the step's value, when it is known to have happened. */
  readonly result: number | undefined
  readonly state: 'registered' | 'undone' | 'failed' | 'skipped'
  /** Why it failed, or the last attempt did. */
  readonly error: ErrorData | undefined
  /** How many outcomes failed: the next attempts have a key of their own. */
  readonly failures: number
  /** Attempts that have failed since. */
  readonly attempts: number
  /** When the next attempt is due. */
  readonly due: number | undefined
}

/** The key of a compensation: no operation of a flow's code can have it. */
export const undoKey = (of: number, failures = 0): string =>
  failures === 0 ? `undo=${of}` : `undo=${of}~${failures + 1}`

interface Registration {
  undoable: Undoable
  /** Of an effect: what is known of it. A call of it is open, may have happened, or surely has. */
  effect:
    | { isOpen: boolean; mayHave: boolean; isOnce: boolean; due: number | undefined }
    | undefined
}

export class Undoables {
  readonly #byPath = new Map<string, Registration>()
  readonly #byNumber = new Map<number, Registration>()

  /** True when nothing was ever registered. */
  get isEmpty(): boolean {
    return this.#byPath.size === 0
  }

  /** Takes one more entry in, in order of seq. `record`: its decoded payload, when it is at hand. */
  see(entry: Entry, record?: object): void {
    const { kind, payload, seq } = entry
    const read = <K extends keyof Payloads>(_kind: K): Partial<Payloads[K]> =>
      record ?? (decode(payload ?? '{}', { resolve: () => undefined }) as object)
    switch (kind) {
      case 'undo.registered':
        this.#register(entry, read(kind))
        return
      case 'effect.intended': {
        const isKnown = !this.isEmpty && this.#byPath.has(pathOf(entry))
        if (!isKnown && !payload?.includes('"undo":')) return
        const { undo, effect, due } = read(kind)
        if (undo) this.#register(entry, undo)
        const registered = this.#byPath.get(pathOf(entry))
        if (!registered) return
        const { mayHave = false } = registered.effect ?? {}
        registered.effect = { isOpen: true, mayHave, isOnce: effect === 'once', due }
        touch(registered, seq)
        return
      }
      case 'undo.retrying': {
        const { of = 0, attempt = 0, error, due } = read(kind)
        this.#advance(of, { attempts: attempt, error, due })
        return
      }
      case 'undo.completed':
        this.#advance(read(kind).of ?? 0, { state: 'undone', error: undefined, due: undefined })
        return
      case 'undo.skipped':
        this.#advance(read(kind).of ?? 0, { state: 'skipped', due: undefined })
        return
      case 'undo.failed': {
        const { of = 0, error } = read(kind)
        const failures = (this.#byNumber.get(of)?.undoable.failures ?? 0) + 1
        this.#advance(of, { state: 'failed', error, failures, attempts: 0, due: undefined })
        return
      }
      default:
        if (!this.isEmpty) this.#learn(entry, read)
    }
  }

  /** What is registered under this number, whether its effect has happened or not. */
  get(of: number): Undoable | undefined {
    return this.#byNumber.get(of)?.undoable
  }

  /** What has happened, or may have, in the order in which it is undone. */
  list(): readonly Undoable[] {
    return Array.from(this.#byPath.values())
      .filter(({ undoable, effect }) => {
        if (!effect || undoable.result !== undefined) return true
        return effect.isOpen || effect.mayHave
      })
      .map(({ undoable, effect }) =>
        // A request may still be on its way: what undoes it must not come before it.
        effect?.isOpen ? { ...undoable, due: undoable.due ?? effect.due } : undoable,
      )
      .toSorted((a, b) => b.order - a.order)
  }

  /** One operation registers one thing, however often it is tried or written down again. */
  #register(entry: Entry, { action = '', input }: Partial<Undo>): void {
    const { seq } = entry
    const path = pathOf(entry)
    const known = this.#byPath.get(path)
    if (known) {
      // Another attempt may be given something else. What has happened stays what it was.
      const isOver = !known.effect || known.undoable.result !== undefined
      if (!isOver) known.undoable = { ...known.undoable, action, input }
      return
    }
    const undoable: Undoable = {
      of: seq,
      path,
      action,
      input,
      order: seq,
      result: undefined,
      state: 'registered',
      error: undefined,
      failures: 0,
      attempts: 0,
      due: undefined,
    }
    const registration = { undoable, effect: undefined }
    this.#byPath.set(path, registration)
    this.#byNumber.set(seq, registration)
  }

  #advance(of: number, news: Partial<Undoable>): void {
    const registration = this.#byNumber.get(of)
    if (registration) registration.undoable = { ...registration.undoable, ...news }
  }

  /** What an entry of a step says about its effect. */
  #learn(entry: Entry, read: <K extends keyof Payloads>(kind: K) => Partial<Payloads[K]>): void {
    const { kind, seq } = entry
    if (!kind.startsWith('step.') && !kind.startsWith('effect.')) return
    const registered = this.#byPath.get(pathOf(entry))
    const effect = registered?.effect
    if (!effect || registered.undoable.result !== undefined) return
    touch(registered, seq)
    switch (kind) {
      case 'step.completed':
        registered.undoable = { ...registered.undoable, result: seq }
        effect.isOpen = false
        return
      case 'effect.resolved':
        effect.mayHave ||= read(kind).verdict !== 'notDone'
        effect.isOpen = false
        return
      case 'step.retrying':
      case 'step.failed':
        effect.mayHave ||= effect.isOpen && read(kind).error?.code !== 'NOT_DONE'
        // The next attempt of a call that may be repeated need not be announced.
        effect.isOpen = kind === 'step.retrying' && !effect.isOnce
    }
  }
}

function touch(registration: Registration, seq: number): void {
  registration.undoable = { ...registration.undoable, order: seq }
}

const pathOf = ({ scope, key }: Entry): string => operationPath(scope, key)
