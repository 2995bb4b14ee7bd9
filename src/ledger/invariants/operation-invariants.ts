/** L7, L9 and L13: an operation begins, waits and has one outcome. */
import { isOutcome, isWait } from '../entry.ts'
import { familyOf, placeOf } from '../kinds.ts'
import type { ReadEntry } from '../read-entry.ts'
import { forgottenBy, type Invariant, invariant } from './invariant.ts'
import { ScopeTree } from './scope-tree.ts'

interface Operation {
  readonly family: string
  /** The number of the outcome that counts. */
  outcome: number | undefined
}

const isOfOperation = (kind: string): boolean =>
  placeOf(kind) === 'operation' && kind !== 'input.drifted'

/** Lets go of what is known about a scope that nothing will open again. */
function dropClosed<T>(tree: ScopeTree<T>, { entry }: ReadEntry): void {
  const { kind, scope, key } = entry
  if (kind === 'scope.closed' || kind === 'turn.committed') tree.drop(scope, key)
}

export const operationInvariants: readonly Invariant[] = [
  invariant(
    'L7',
    'An operation has entries of one family and at most one outcome that counts, which is its last.',
    () => {
      const tree = new ScopeTree(() => new Map<string, Operation>())
      return {
        see(read) {
          const { kind, scope, key, seq } = read.entry
          const isForgotten = forgottenBy(read)
          for (const operations of isForgotten ? tree.values() : []) {
            for (const operation of operations.values()) {
              if (operation.outcome !== undefined && isForgotten?.(operation.outcome)) {
                operation.outcome = undefined
              }
            }
          }
          if (!isOfOperation(kind)) {
            dropClosed(tree, read)
            return undefined
          }
          const operations = tree.at(scope)
          let operation = operations.get(key)
          if (!operation) {
            operation = { family: familyOf(kind), outcome: undefined }
            operations.set(key, operation)
          }
          const { family, outcome } = operation
          if (isOutcome(kind)) operation.outcome ??= seq
          dropClosed(tree, read)
          if (familyOf(kind) !== family) return `is ${kind} of a ${family}`
          return outcome === undefined
            ? undefined
            : `is ${kind} of an operation whose outcome is entry ${outcome}`
        },
      }
    },
  ),

  invariant('L9', 'No timer fires and no wait expires before it is due.', () => {
    const tree = new ScopeTree(() => new Map<string, number | undefined>())
    return {
      see(read) {
        const { kind, scope, key, time } = read.entry
        if (kind === 'timer.set' || kind === 'signal.awaited' || kind === 'question.asked') {
          const { record } = read
          // Of an erased payload it is not known when it was due.
          const due = record && 'due' in record ? record.due : undefined
          if (record) tree.at(scope).set(key, typeof due === 'number' ? due : undefined)
          else tree.at(scope).delete(key)
        } else if (kind === 'timer.fired' || kind.endsWith('.expired')) {
          const dues = tree.at(scope)
          if (placeOf(kind) === undefined || !dues.has(key)) return undefined
          const due = dues.get(key)
          if (due === undefined) return 'ends a wait that has no end'
          return time < due ? `is ${due - time} ms before it is due` : undefined
        }
        dropClosed(tree, read)
        return undefined
      },
    }
  }),

  invariant(
    'L13',
    'A wait is begun once, again only after a retry, and before it is ended or refused.',
    () => {
      let retries = 0
      /** How many retries there had been when the wait was begun. */
      const tree = new ScopeTree(() => new Map<string, number>())
      return {
        see(read) {
          const { kind, scope, key } = read.entry
          const family = familyOf(kind)
          if (kind === 'run.retried') retries++
          dropClosed(tree, read)
          if (!isOfOperation(kind) || !fromOutside.has(family)) return undefined
          const begun = tree.at(scope).get(key)
          if (!isWait(kind)) {
            return begun === undefined ? `is ${kind}, but no ${family} was begun here` : undefined
          }
          tree.at(scope).set(key, retries)
          return begun === retries ? `is ${kind} of a ${family} that was begun already` : undefined
        },
      }
    },
  ),
]

/** Families whose outcomes come from outside: from time, a message or a child. */
const fromOutside: ReadonlySet<string> = new Set(['timer', 'signal', 'question', 'child'])
