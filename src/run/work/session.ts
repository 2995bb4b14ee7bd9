/**
 * A worker's session: the lease under which it holds runs, renewed three times in its length.
 *
 * The heartbeat is a timer of its own, so a step of hours does not lose the lease; a frozen event
 * loop sends none, so a hung process does. A session that could not be renewed in time is lost
 * shortly before its lease ends, whether or not the store has said so: what it holds is dropped
 * before anybody else can have it.
 *
 * Why it was lost is told apart: code that kept the event loop for itself for so long, or anything else,
 * which is no run's doing: a process that stood still or had no processor, a store that could not be written,
 * or that kept the process waiting for its disk.
 */
import type { Ports, Timer } from '../../base/ports.ts'
import type { Store } from '../../store/store.ts'

export interface SessionKeeperOptions {
  readonly store: Store
  readonly ports: Ports
  readonly leaseMs: number
  readonly name: string
  readonly onLost: (cause: LossCause) => void
  readonly onTrouble: (error: unknown) => void
}

export type LossCause = 'code' | 'other'

/** This part of the lease is left unused at its end, for dropping what is held. */
const marginPart = 1 / 20

/** How long the process has been busy, but with the store. */
const busyOf = ({ ports, store }: SessionKeeperOptions): number =>
  ports.busy() - (store.blockedMs?.() ?? 0)

/** Code that has made a lease run out, a third of which may have passed before, was busy for more than this part. */
const busyPart = 1 / 2

export class SessionKeeper {
  readonly token: string
  readonly #options: SessionKeeperOptions
  /** On the clock that nobody can set. */
  #expires: number
  /** Where it ends for the store, on its clock. */
  #storeExpires: number
  /** How busy the process had been when the lease began last. */
  #busy: number
  #renewing = false
  #timer: Timer | undefined
  #over = false

  private constructor(options: SessionKeeperOptions, token: string) {
    this.#options = options
    this.token = token
    this.#expires = options.ports.monotonic() + options.leaseMs
    this.#storeExpires = options.store.clock.now() + options.leaseMs
    this.#busy = busyOf(options)
  }

  /** Opens a session under a token that nobody had before. */
  static async open(options: SessionKeeperOptions): Promise<SessionKeeper> {
    const { store, ports, leaseMs, name } = options
    const token = Buffer.from(ports.randomBytes(16)).toString('base64url')
    const keeper = new SessionKeeper(options, token)
    await store.openSession({ token, leaseMs, name })
    keeper.#beat()
    return keeper
  }

  /** Whether the lease still counts, also for the store: if its clock was set forward, the lease is renewed first. */
  async isValid(): Promise<boolean> {
    if (this.#lasts() && this.#storeExpires <= this.#options.store.clock.now()) await this.#renew()
    return this.#lasts()
  }

  /** Timers that are late may not have told yet that it does not. */
  #lasts(): boolean {
    if (!this.#over && this.#left() <= 0) this.#lose()
    return !this.#over
  }

  /** Ends the session: runs that it still holds are due at once. */
  async close(): Promise<void> {
    this.#end()
    await this.#options.store.closeSession(this.token)
  }

  #left(): number {
    const { leaseMs, ports } = this.#options
    return this.#expires - leaseMs * marginPart - ports.monotonic()
  }

  #beat(): void {
    const { ports, leaseMs } = this.#options
    this.#timer = ports.setTimer(Math.max(0, Math.min(leaseMs / 3, this.#left())), () => {
      if (!this.#lasts()) return
      if (!this.#renewing) void this.#renew()
      this.#beat()
    })
  }

  async #renew(): Promise<void> {
    const { store, ports, leaseMs, onTrouble } = this.#options
    const asked = ports.monotonic()
    const storeAsked = store.clock.now()
    const busy = busyOf(this.#options)
    this.#renewing = true
    try {
      if (await store.renewSession(this.token)) {
        this.#expires = asked + leaseMs
        this.#storeExpires = storeAsked + leaseMs
        this.#busy = busy
      } else this.#lose()
    } catch (error) {
      onTrouble(error)
    } finally {
      this.#renewing = false
    }
  }

  #lose(): void {
    if (this.#over) return
    this.#end()
    const { leaseMs, onLost } = this.#options
    onLost(busyOf(this.#options) - this.#busy > leaseMs * busyPart ? 'code' : 'other')
  }

  #end(): void {
    this.#over = true
    this.#timer?.cancel()
  }
}
