/**
 * A worker's session: the lease under which it holds runs, renewed three times in its length.
 *
 * The heartbeat is a timer of its own, so a step of hours does not lose the lease; a frozen event
 * loop sends none, so a hung process does. A session that could not be renewed in time is lost
 * shortly before its lease ends, whether or not the store has said so: what it holds is dropped
 * before anybody else can have it.
 */
import type { Ports, Timer } from '../../base/ports.ts'
import type { Store } from '../../store/store.ts'

export interface SessionKeeperOptions {
  readonly store: Store
  readonly ports: Ports
  readonly leaseMs: number
  readonly name: string
  readonly onLost: () => void
  readonly onTrouble: (error: unknown) => void
}

/** This part of the lease is left unused at its end, for dropping what is held. */
const marginPart = 1 / 20

export class SessionKeeper {
  readonly token: string
  readonly #options: SessionKeeperOptions
  #expires: number
  #renewing = false
  #timer: Timer | undefined
  #over = false

  private constructor(options: SessionKeeperOptions, token: string) {
    this.#options = options
    this.token = token
    this.#expires = options.store.clock.now() + options.leaseMs
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

  /** Ends the session: runs that it still holds are due at once. */
  async close(): Promise<void> {
    this.#end()
    await this.#options.store.closeSession(this.token)
  }

  #beat(): void {
    const { ports, leaseMs, store } = this.#options
    const left = (): number => this.#expires - leaseMs * marginPart - store.clock.now()
    this.#timer = ports.setTimer(Math.max(0, Math.min(leaseMs / 3, left())), () => {
      if (left() <= 0) {
        this.#lose()
        return
      }
      if (!this.#renewing) void this.#renew()
      this.#beat()
    })
  }

  async #renew(): Promise<void> {
    const { store, leaseMs, onTrouble } = this.#options
    const asked = store.clock.now()
    this.#renewing = true
    try {
      if (await store.renewSession(this.token)) this.#expires = asked + leaseMs
      else this.#lose()
    } catch (error) {
      onTrouble(error)
    } finally {
      this.#renewing = false
    }
  }

  #lose(): void {
    if (this.#over) return
    this.#end()
    this.#options.onLost()
  }

  #end(): void {
    this.#over = true
    this.#timer?.cancel()
  }
}
