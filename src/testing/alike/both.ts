/** Does the same to two stores and compares what they reply. */
import { strict as assert } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import { EverloopError } from '../../base/errors.ts'
import type { Store } from '../../store/store.ts'
import { Side } from './side.ts'

/** How many of the last acts a difference is told with. */
const actsTold = 40

export class Both {
  readonly subject: Side
  /** What the memory store does is right. */
  readonly memory: Side
  readonly #acts: string[] = []

  constructor(subject: readonly Store[], memory: Store) {
    this.subject = new Side(subject)
    this.memory = new Side([memory])
  }

  /** Notes what was done to neither of them: time goes by. */
  note(what: string): void {
    this.#acts.push(what)
  }

  /**
   * Returns what the memory store replies; undefined when both throw an error of the same code. `alike`: what
   * must be the same of a reply.
   */
  async do<T>(
    what: string,
    act: (side: Side) => Promise<T>,
    alike: (reply: T, side: Side) => unknown = (reply) => reply,
  ): Promise<T | undefined> {
    this.note(what)
    const one = await settled(act(this.subject))
    const other = await settled(act(this.memory))
    const shown = (reply: Settled<T>, side: Side): unknown =>
      reply.is === 'returned' ? alike(reply.value, side) : reply
    this.#same(shown(one, this.subject), shown(other, this.memory))
    return other.is === 'returned' ? other.value : undefined
  }

  /** Messages may have been delivered to this run: at most one, or nobody knows in which order. */
  async learn(run: string): Promise<void> {
    const learned = await Promise.all(
      [this.subject, this.memory].map(async (side) =>
        side.learn((await side.store.run(run))?.newest ?? 0),
      ),
    )
    this.#same(learned[0], learned[1])
  }

  #same(subject: unknown, memory: unknown): void {
    if (isDeepStrictEqual(subject, memory)) return
    const acts = this.#acts.slice(-actsTold).join('\n')
    assert.fail(
      `The store: ${JSON.stringify(subject)}\nMemory:    ${JSON.stringify(memory)}\nafter\n${acts}`,
    )
  }
}

type Settled<T> =
  | { readonly is: 'returned'; readonly value: T }
  | { readonly is: 'threw'; readonly code: string }

async function settled<T>(reply: Promise<T>): Promise<Settled<T>> {
  try {
    return { is: 'returned', value: await reply }
  } catch (error) {
    if (EverloopError.is(error)) return { is: 'threw', code: error.code }
    throw error
  }
}
