/**
 * Leaving scopes: what had not ended in one is abandoned. A call whose effect must not repeat and
 * that may be on its way or in doubt holds the close until it is resolved, and text of a step in it that is
 * on its way to the store until it is there (S10).
 *
 * E5 No scope closes, and no run ends by its code, while a call in it is in doubt. What holds nothing
 *    is given up at once, the code of the scope is not listened to any more, and what the call comes
 *    to is recorded in the scope before it closes.
 */
import { LateSet } from '../../base/late-set.ts'
import type { NewMessage } from '../../store/store.ts'
import { cancelChild } from './cancel-message.ts'
import { type Operations, unfinished } from './operations.ts'
import type { Operation } from './operation.ts'
import type { Publisher } from './publisher.ts'
import type { Recorded } from '../replay/recorded.ts'
import type { Scope } from './scope.ts'

/** What leaving a scope left behind. */
export interface Left {
  /** The keys of what had not ended. */
  readonly abandoned: readonly string[] | undefined
  /** The messages that cancel its children. */
  readonly deliver: readonly NewMessage[]
}

interface Departure {
  readonly scope: Scope
  /** Given up when the code ended. */
  readonly given: Pick<Operation, 'path' | 'child'>[]
  /** Children that the code did not come to. */
  readonly missed: Pick<Operation, 'child'>[]
  readonly onLeft: (left: Left) => void
}

export class Leaving {
  readonly #operations: Operations
  readonly #recorded: Recorded
  readonly #publisher: Pick<Publisher, 'isSending' | 'forget'>
  readonly #onDivergence: (what: string) => void
  /** Scopes whose code has ended and that something holds. */
  readonly #held = new LateSet<Departure>()

  constructor(
    operations: Operations,
    {
      recorded,
      publisher,
      onDivergence,
    }: {
      readonly recorded: Recorded
      readonly publisher: Pick<Publisher, 'isSending' | 'forget'>
      readonly onDivergence: (what: string) => void
    },
  ) {
    this.#operations = operations
    this.#recorded = recorded
    this.#publisher = publisher
    this.#onDivergence = onDivergence
  }

  /** Calls `onLeft` when the scope has been left: now, unless something holds it. Never on divergence. */
  leave(scope: Scope, onLeft: (left: Left) => void): void {
    const missed = scope.shielded ? [] : [...this.#recorded.dropMissed(scope.path)]
    if (this.isPassedOver(scope)) return
    const departure: Departure = { scope, given: [], missed, onLeft }
    if (this.#isHeld(scope)) this.#hold(departure)
    else this.#finish(departure)
  }

  /** Whether the ledger holds something of the scope that its code did not ask for: that is a divergence. */
  isPassedOver(scope: Scope): boolean {
    const missing = this.#recorded.unclaimed(scope.path, this.#operations)
    if (missing === undefined) return false
    this.#onDivergence(
      `The ledger holds "${missing}", but the code ended its scope without asking for it.`,
    )
    return true
  }

  /** Leaves a scope that nothing holds any more, if there is one. */
  next(): boolean {
    if (this.#held.size === 0) return false // asked before each hand-over
    for (const departure of this.#held) {
      if (this.#isHeld(departure.scope)) continue
      this.#held.delete(departure)
      this.#finish(departure)
      return true
    }
    return false
  }

  /** By a call in doubt (E5), or by text of a step in it that is on its way. */
  #isHeld(scope: Scope): boolean {
    return this.#operations.isHeld(scope) || this.#publisher.isSending(scope.path)
  }

  #hold(departure: Departure): void {
    const { scope, given, missed } = departure
    scope.leave()
    // Scopes inside that were about to be left are left with this one.
    for (const inner of this.#held) {
      if (!isInside(inner.scope, scope)) continue
      given.push(...inner.given)
      missed.push(...inner.missed)
      this.#held.delete(inner)
    }
    given.push(...this.#operations.abandon(scope))
    this.#held.add(departure)
  }

  #finish({ scope, given, missed, onLeft }: Departure): void {
    const left = [...given, ...unfinished(this.#operations.close(scope))]
    this.#recorded.dropWithin(scope.path)
    this.#operations.forgetWithin(scope.path)
    this.#publisher.forget(scope.path)
    onLeft(leftIn(scope, left, missed))
  }
}

/** What is left behind in the scope: these operations, and children that the code did not come to. */
export function leftIn(
  scope: Scope,
  left: readonly Pick<Operation, 'path' | 'child'>[],
  missed: readonly Pick<Operation, 'child'>[] = [],
): Left {
  const prefix = scope.path === '' ? 0 : scope.path.length + 1
  return {
    abandoned: left.length > 0 ? left.map(({ path }) => path.slice(prefix)) : undefined,
    deliver: [...left, ...missed].flatMap(cancelChild('The parent no longer waits for it.')),
  }
}

function isInside({ parent }: Scope, scope: Scope): boolean {
  return parent !== undefined && (parent === scope || isInside(parent, scope))
}
