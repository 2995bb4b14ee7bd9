/**
 * The gate between a process that is only played and the world: its ports and its store lead
 * through here, so that it can be frozen or killed like a real one.
 *
 * - Z1 Nothing of a killed process gets through any more: its calls reach nobody, and what it waits
 *   for never comes. It is not told.
 * - Z2 Nothing gets through while a process is frozen; all of it does, in its order, when it thaws.
 *
 * What a killed process has in its hands (the body of a step, say) cannot be stopped inside one
 * real process; it just leads nowhere.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Ports, Timer } from '../base/ports.ts'
import type { Store } from '../store/store.ts'
import type { VirtualTime } from './virtual-time.ts'

/** A call of a process to its store. */
export interface StoreCall {
  readonly method: keyof Store
  readonly args: readonly unknown[]
}

/** Stands between a process and its store: calls `proceed`, or does something worse. */
export type Interceptor = (call: StoreCall, proceed: () => Promise<unknown>) => Promise<unknown>

type Passage = 'open' | 'frozen' | 'dead'

export class Gate {
  readonly ports: Ports
  readonly #time: VirtualTime
  /** Numbers of the timers that are set, by their callbacks. */
  readonly #timers = new Set<number>()
  #passage: Passage = 'open'
  #held: (() => void)[] = []

  constructor(time: VirtualTime) {
    this.#time = time
    this.ports = {
      clock: time.clock,
      monotonic: () => time.monotonic(),
      busy: () => time.busy(),
      setTimer: (ms, callback) => this.#setTimer(ms, callback),
      afterMicrotasks: (callback) => time.afterMicrotasks(this.#gated(callback)),
      nextTurn: (callback) => time.nextTurn(this.#gated(callback)),
      randomBytes: (count) => time.randomBytes(count),
    }
  }

  /** True unless the process is frozen or dead. */
  get isOpen(): boolean {
    return this.#passage === 'open'
  }

  /** True when this timer belongs to the process. */
  has(timer: { readonly order: number }): boolean {
    return this.#timers.has(timer.order)
  }

  freeze(): void {
    if (this.#passage === 'open') this.#passage = 'frozen'
  }

  thaw(): void {
    if (this.#passage !== 'frozen') return
    this.#passage = 'open'
    const held = this.#held
    this.#held = []
    for (const pass of held) this.#through(pass)
  }

  kill(): void {
    this.#passage = 'dead'
    this.#held = []
  }

  /** The store as the process sees it. */
  store(store: Store, intercept: Interceptor = (_, proceed) => proceed()): Store {
    const call = (method: keyof Store, args: readonly unknown[]): Promise<unknown> =>
      new Promise((resolve, reject) => {
        this.#through(() => {
          this.#time
            .during(intercept({ method, args }, () => callOf(store, { method, args })))
            .then(this.#gated(resolve), this.#gated(reject))
        })
      })
    return new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        if (name === 'subscribe') {
          // A process has a context of its own: it is not called in that of whoever wrote something.
          return (listener: () => void) =>
            target.subscribe(AsyncLocalStorage.bind(this.#gated(listener)))
        }
        return (...args: readonly unknown[]) => call(name as keyof Store, args)
      },
    })
  }

  #setTimer(ms: number, callback: () => void): Timer {
    const timer = this.#time.setTimer(ms, () => {
      this.#timers.delete(timer.order)
      this.#through(callback)
    })
    this.#timers.add(timer.order)
    return {
      cancel: () => {
        this.#timers.delete(timer.order)
        timer.cancel()
      },
    }
  }

  #gated<T extends readonly unknown[]>(callback: (...args: T) => void): (...args: T) => void {
    return (...args) => this.#through(() => callback(...args))
  }

  #through(pass: () => void): void {
    if (this.#passage === 'open') pass()
    else if (this.#passage === 'frozen') this.#held.push(AsyncLocalStorage.bind(pass))
  }
}

const callOf = (store: Store, { method, args }: StoreCall): Promise<unknown> =>
  Reflect.apply(store[method] as never, store, args)
