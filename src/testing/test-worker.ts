/**
 * A worker of a test runtime: plays a process of its own, that can be frozen, killed or stopped.
 */
import { environmentOf, type Surroundings } from '../agent/environment.ts'
import { Ever, Flows } from '../run/index.ts'
import type { AnyAction, AnyFlow, OnBody } from '../run/index.ts'
import type { Store } from '../store/store.ts'
import { Gate, type Interceptor } from './gate.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What a worker of a test runtime is started with. */
export interface TestWorkerOptions {
  readonly flows: readonly AnyFlow[]
  readonly actions?: readonly AnyAction[] | undefined
  readonly leaseMs: number
  readonly concurrency: number
  readonly development: boolean
  readonly name: string
  readonly time: VirtualTime
  /** The store as the world sees it. */
  readonly store: Store
  readonly onCall: Interceptor | undefined
  readonly surroundings?: Surroundings | undefined
  readonly onBody?: OnBody | undefined
  readonly onTrouble: (error: unknown, run: string | undefined) => void
}

/** A worker of a test runtime, which can be frozen and killed. */
export class TestWorker {
  readonly name: string
  readonly flows: readonly AnyFlow[]
  readonly #gate: Gate
  readonly #ever: Ever
  readonly #time: VirtualTime

  constructor(options: TestWorkerOptions) {
    const { time, store, flows, leaseMs, concurrency, development, name } = options
    const { onBody, onCall, onTrouble } = options
    this.name = name
    this.flows = flows
    this.#time = time
    this.#gate = new Gate(time)
    const intercept: Interceptor = async (call, proceed) => {
      if (call.method === 'close') return undefined // others go on using it
      return onCall ? onCall(call, proceed) : proceed()
    }
    this.#ever = new Ever({
      store: this.#gate.store(store, intercept),
      ports: this.#gate.ports,
      flows: new Flows(flows, options.actions),
      leaseMs,
      development,
      name,
      ...environmentOf(options.surroundings ?? {}),
      onBody,
      onTrouble,
    })
    const work = (): Promise<void> => this.#ever.work({ concurrency })
    void time.watch(work).catch((error: unknown) => onTrouble(error, undefined))
  }

  /** False when it is frozen, killed or stopped. */
  get isWorking(): boolean {
    return this.#gate.isOpen
  }

  /** True when this worker executes runs of this flow and version. */
  serves(run: { readonly flow: string; readonly version: string }): boolean {
    return this.flows.some(({ name, version }) => name === run.flow && version === run.version)
  }

  /** True when this timer is the worker's. */
  has(timer: { readonly order: number }): boolean {
    return this.#gate.has(timer)
  }

  /** Like SIGSTOP: nothing happens in it, not even a heartbeat, until `thaw`. */
  freeze(): void {
    this.#gate.freeze()
  }

  /** Like SIGCONT: goes on as if no time had passed for it. */
  thaw(): void {
    this.#gate.thaw()
  }

  /** Like SIGKILL: nothing of it is written any more, and nobody is told. */
  crash(): void {
    this.#gate.kill()
  }

  /** Gracefully: busy steps end and are recorded, the runs are given back. */
  async stop(): Promise<void> {
    if (!this.#gate.isOpen) return
    await this.#time.runUntil(this.#ever.close())
    this.#gate.kill()
  }
}
