/**
 * Real work that watched code has begun and that Node.js still has under way: files, processes,
 * sockets, real timers. Time that is played must not pass meanwhile, or a write of a millisecond takes
 * longer than a timeout of a minute.
 *
 * What never ends must not hold time for ever: a body that waits for a real hour, a request that is
 * never answered, a connection that a pool keeps. So there is an end to patience, in real time, counted
 * from when something last happened in any of it; and another one for work that goes on and on, such as a
 * poll or a heartbeat.
 */
import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import type { Ports } from '../base/ports.ts'
import { systemPorts } from '../base/system.ts'

/** What ends by itself. */
const endsMs = 3000
/** All of it together, without a pause. */
const inAllMs = 10_000
/** What stays open when nothing is under way in it. */
const opensMs = 1000

/** By the names that Node.js has for them: only what it is known to tell the end of, not what it collects one day. */
const patienceMs: Readonly<Record<string, number>> = {
  FSREQCALLBACK: endsMs,
  FSREQPROMISE: endsMs,
  FILEHANDLECLOSEREQ: endsMs,
  GETADDRINFOREQWRAP: endsMs,
  QUERYWRAP: endsMs,
  PROCESSWRAP: endsMs,
  WORKER: endsMs,
  Timeout: endsMs,
  TCPCONNECTWRAP: opensMs,
  TCPWRAP: opensMs,
  PIPECONNECTWRAP: opensMs,
  PIPEWRAP: opensMs,
}

interface Piece {
  readonly owner: RealWork
  readonly patienceMs: number
  readonly resource: { hasRef?(): boolean }
}

const watched = new AsyncLocalStorage<RealWork>()
const pieces = new Map<number, Piece>()

const hook = createHook({
  init(id, type, _, resource) {
    const owner = patienceMs[type] === undefined ? undefined : watched.getStore()
    owner?.begun(id, { owner, patienceMs: patienceMs[type] ?? 0, resource })
  },
  before(id) {
    const piece = pieces.get(id)
    // Something has come. An interval that ticks tells nothing: it would do so for ever.
    if (piece?.patienceMs === opensMs) piece.owner.noticed()
  },
  destroy: (id) => pieces.get(id)?.owner.ended(id),
  trackPromises: false, // there are very many, and none is work
})

/** The ports of the time that waits for the calling code; the real ones where none does. */
export const portsHere = (): Ports => watched.getStore()?.ports ?? systemPorts

export class RealWork {
  /** Of the time that waits. */
  readonly ports: Ports
  readonly #own = new Set<Piece>()
  #noticedAt = 0
  /** Since when it is under way without a pause. */
  #since: number | undefined

  constructor(ports: Ports) {
    this.ports = ports
  }

  /** Calls the code; what it begins, and what that begins, is watched. */
  watch<T>(code: () => T): T {
    hook.enable()
    return watched.run(this, code)
  }

  /** True while something that keeps a process alive is under way, and patience has not come to its end. */
  get isUnderWay(): boolean {
    const now = systemPorts.monotonic()
    const silentMs = now - this.#noticedAt
    const isBusy = [...this.#own].some(
      (piece) => silentMs < piece.patienceMs && piece.resource.hasRef?.() !== false,
    )
    this.#since = isBusy ? (this.#since ?? now) : undefined
    return this.#since !== undefined && now - this.#since < inAllMs
  }

  /** A moment for it to go on: a real one. */
  moment(): Promise<void> {
    return watched.exit(() => new Promise((resolve) => void systemPorts.setTimer(1, resolve)))
  }

  begun(id: number, piece: Piece): void {
    pieces.set(id, piece)
    this.#own.add(piece)
    this.noticed()
  }

  noticed(): void {
    this.#noticedAt = systemPorts.monotonic()
  }

  ended(id: number): void {
    const piece = pieces.get(id)
    pieces.delete(id)
    if (piece) this.#own.delete(piece)
    this.noticed()
  }
}
