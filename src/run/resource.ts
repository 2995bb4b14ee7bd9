/** Resources of a pass: opened on demand, closed in reverse when the pass ends, never recorded. */
import { EverloopError } from '../base/errors.ts'

interface Held {
  readonly opened: Promise<unknown>
  readonly close: (resource: unknown) => unknown
}

export class Resources {
  readonly #run: string
  readonly #held = new Map<string, Held>()
  readonly #onError: (error: unknown) => void

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
    const opened = (async () => open())()
    opened.catch(() => this.#held.delete(name)) // a failed opening may be tried again
    this.#held.set(name, { opened, close })
    return opened
  }

  /** Closes all, the last opened first. An error of one does not keep the others open. */
  async close(): Promise<void> {
    const held = [...this.#held.values()].toReversed()
    this.#held.clear()
    for (const { opened, close } of held) {
      try {
        await close(await opened)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
