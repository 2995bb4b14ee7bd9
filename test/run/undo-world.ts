/** The outside world of the tests about undoing: what is booked in it, and what was done to it. */
import { action } from '../../src/index.ts'
import type { Action, Run } from '../../src/index.ts'
import type { TestRuntime } from '../../src/testing/index.ts'

export interface Booking {
  readonly what: string
}

export class World {
  readonly booked = new Set<string>()
  /** What was done, in order. */
  readonly log: string[] = []
  /** Idempotency keys that each cancellation was handed. */
  readonly keys = new Map<string, Set<string>>()
  /** Undoes a booking. */
  readonly cancel: Action<Booking> = action('cancel', ({ what }: Booking, { idempotencyKey }) => {
    this.booked.delete(what)
    this.log.push(`cancel ${what}`)
    this.keys.set(what, (this.keys.get(what) ?? new Set()).add(idempotencyKey))
    return `${what} cancelled`
  })

  /** Registers how the booking is undone, then books. */
  async book(run: Run, what: string): Promise<void> {
    await run.undo(this.cancel, { what })
    await run.step(`book ${what}`, () => {
      this.booked.add(what)
      this.log.push(`book ${what}`)
    })
  }

  /** What was cancelled, in order. */
  get cancelled(): string[] {
    return this.log.filter((line) => line.startsWith('cancel ')).map((line) => line.slice(7))
  }
}

/** The kinds of a run's entries, with their paths. */
export const kinds = async (runtime: TestRuntime, run = 'r'): Promise<string[]> =>
  (await runtime.ledger(run)).map(({ kind, path }) => (path === '' ? kind : `${kind} ${path}`))
