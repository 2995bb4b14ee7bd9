/** L8: scopes close once, and turns follow each other. */
import { isReserved } from '../kinds.ts'
import type { ReadEntry } from '../read-entry.ts'
import { stateForm } from '../state-form.ts'
import { forgottenBy, type Invariant, invariant } from './invariant.ts'
import { ScopeTree } from './scope-tree.ts'

interface Scope {
  /** Scopes in here that have closed, and the numbers of the entries that closed them. */
  readonly closed: Map<string, number>
  /** The last turn that was committed; 0 where there are no turns. */
  turn: number
}

export const scopeInvariant: Invariant = invariant(
  'L8',
  'No entry stands in a scope that has closed, and turns are numbered from 1, the first one whole.',
  () => {
    const tree = new ScopeTree<Scope>(() => ({ closed: new Map(), turn: 0 }))
    return {
      see(read) {
        const { kind, scope, key, seq } = read.entry
        const isForgotten = forgottenBy(read)
        for (const { closed } of isForgotten ? tree.values() : []) {
          for (const [inner, end] of closed) if (isForgotten?.(end)) closed.delete(inner)
        }
        if (isReserved(kind)) return undefined
        const wrong = closedAround(tree, scope)
        if (kind === 'scope.closed' || kind === 'scope.failed') {
          tree.at(scope).closed.set(key, seq)
          // What failed may be opened again, and then has to know its turns.
          if (kind === 'scope.closed') tree.drop(scope, key)
        }
        if (kind !== 'turn.committed') return wrong
        const loop = tree.at(scope)
        const number = loop.turn + 1
        loop.turn = /^[1-9]\d{0,15}$/.test(key) ? Number(key) : number
        tree.drop(scope, key)
        return wrong ?? turnFlaw(read, number)
      },
    }
  },
)

function closedAround(tree: ScopeTree<Scope>, path: string): string | undefined {
  for (const { value, segment } of tree.around(path)) {
    const by = value.closed.get(segment)
    if (by !== undefined) return `stands in scope "${path}", which entry ${by} closed`
    if (value.turn > 0 && Number(segment) <= value.turn) {
      return `stands in scope "${path}", but turn ${value.turn} has been committed`
    }
  }
  return undefined
}

function turnFlaw({ entry: { key, payload } }: ReadEntry, number: number): string | undefined {
  if (key !== String(number)) return `is turn "${key}" where turn ${number} belongs`
  const form = stateForm(payload)
  if (payload === null || form === 'base') return undefined
  if (form === undefined) return 'is a turn without a base or a delta'
  return number === 1 ? 'is the first turn, but not kept whole' : undefined
}
