/**
 * Resources of a pass: opened on demand, closed in reverse when the pass ends, never recorded. One
 * that hangs does not keep the run: closing is waited for until its time is over, then it goes on
 * beside what comes next.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { formatDuration } from '../../base/duration.ts'
import { EverloopError } from '../../base/errors.ts'
import { LateMap } from '../../base/late-map.ts'
import type { Ports, Timer } from '../../base/ports.ts'

const opening = new AsyncLocalStorage<true>()

/** True for code that opens a resource, and for all that it starts. */
export const isOpening = (): boolean => opening.getStore() === true

/** How long the end of a pass waits for all of its resources together. */
const closeMs = 5000

interface Held {
  readonly opened: Promise<unknown>
  readonly close: (resource: unknown) => unknown
}

export class Resources {
  readonly #run: string
  readonly #held = new LateMap<string, Held>()
  readonly #onError: (error: unknown) => void
  #isClosed = false

  constructor(run: string, onError: (error: unknown) => void) {
    this.#run = run
    this.#onError = onError
  }

  /** The resource of this name, opened by the first who asks for it in this pass. */
  get(name: string, open: () => unknown, close: (resource: unknown) => unknown): Promise<unknown> {
    const held = this.#held.get(name)
    if (held) return held.opened
    if (typeof name !== 'string' || typeof open !== 'function' || typeof close !== 'function') {
      throw new EverloopError(
        'BAD_OPTION',
        'run.resource takes a name, a function that opens and one that closes.',
        { run: this.#run },
      )
    }
    if (this.#isClosed) return new Promise(() => {}) // code of an ended pass: nobody would close it
    const opened = (async () => opening.run(true, open))()
    opened.catch(() => this.#held.delete(name)) // a failed opening may be tried again
    this.#held.set(name, { opened, close })
    return opened
  }

  /**
   * Closes all, the last opened first. An error of one does not keep the others open, and neither
   * does one that hangs, or is still being opened: that one is closed when it can be.
   */
  async close(ports: Ports): Promise<void> {
    this.#isClosed = true
    if (this.#held.size === 0) return
    const held = [...this.#held].toReversed()
    this.#held.clear()
    const left = new Set(held.map(([name]) => name))
    const closing = async (name: string, { opened, close }: Held): Promise<void> => {
      try {
        await close(await opened)
      } catch (error) {
        this.#onError(error)
      }
      left.delete(name)
    }
    let timer: Timer | undefined
    const over = new Promise<void>((resolve) => {
      timer = ports.setTimer(closeMs, () => resolve())
    })
    for (const [name, resource] of held) await Promise.race([closing(name, resource), over])
    timer?.cancel()
    if (left.size > 0) this.#onError(this.#hanging([...left]))
  }

  #hanging(names: readonly string[]): EverloopError {
    const list = names.map((name) => `"${name}"`).join(', ')
    return new EverloopError(
      'STALLED',
      `After ${formatDuration(closeMs)} these resources of run "${this.#run}" have not been closed: ${list}. The run goes on without waiting for them. Give the functions that open and close them a timeout of their own.`,
      { run: this.#run },
    )
  }
}
