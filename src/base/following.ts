/**
 * Aborts a controller together with a signal, as AbortSignal.any does with the signal that it makes. That is not used:
 * Node 22 keeps each signal of its making that anybody has listened to until the process ends, with all that the
 * listener holds, and a little of all others for as long as there is the signal that they follow.
 */
import { getEventListeners } from 'node:events'

/** Who is aborted with one signal. */
interface Followers {
  /** Also where nobody else has them any more: somebody may listen. */
  readonly held: Set<AbortController>
  /** For as long as somebody has them. */
  readonly loose: Set<WeakRef<AbortSignal>>
  /** At so many, those that nobody has any more are swept out. */
  sweepAt: number
  readonly onAbort: () => void
}

const sweepAtMin = 64

const followersOf = new WeakMap<AbortSignal, Followers>()
/** A signal does not keep its controller. */
const controllers = new WeakMap<AbortSignal, AbortController>()

export class Following {
  readonly #outer: AbortSignal
  readonly #controller: AbortController
  #loose: WeakRef<AbortSignal> | undefined

  /** Begins. Where the signal is aborted already, so is the controller. */
  constructor(outer: AbortSignal, controller: AbortController) {
    this.#outer = outer
    this.#controller = controller
    if (outer.aborted) controller.abort(outer.reason)
    else followers(outer).held.add(controller)
  }

  /** From now on it is only for whoever has the controller's signal, or listens to it already. */
  loosen(): void {
    const { signal } = this.#controller
    if (!signal.aborted && getEventListeners(signal, 'abort').length > 0) return
    const all = followersOf.get(this.#outer)
    if (all?.held.delete(this.#controller) !== true || signal.aborted) return
    controllers.set(signal, this.#controller)
    this.#loose = new WeakRef(signal)
    all.loose.add(this.#loose)
    if (all.loose.size >= all.sweepAt) sweep(all)
  }

  /** Ends. */
  end(): void {
    const all = followersOf.get(this.#outer)
    if (!all) return
    all.held.delete(this.#controller)
    if (this.#loose) all.loose.delete(this.#loose)
    if (all.held.size + all.loose.size > 0) return
    followersOf.delete(this.#outer)
    this.#outer.removeEventListener('abort', all.onAbort)
  }
}

function followers(outer: AbortSignal): Followers {
  const before = followersOf.get(outer)
  if (before) return before
  const all: Followers = {
    held: new Set(),
    loose: new Set(),
    sweepAt: sweepAtMin,
    onAbort: () => {
      for (const controller of all.held) controller.abort(outer.reason)
      for (const one of all.loose) {
        const signal = one.deref()
        if (signal) controllers.get(signal)?.abort(outer.reason)
      }
    },
  }
  followersOf.set(outer, all)
  outer.addEventListener('abort', all.onAbort, { once: true })
  return all
}

function sweep(all: Followers): void {
  for (const one of all.loose) if (!one.deref()) all.loose.delete(one)
  all.sweepAt = Math.max(sweepAtMin, 2 * all.loose.size)
}
