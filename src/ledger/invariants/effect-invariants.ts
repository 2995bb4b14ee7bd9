/** L16, L17 and L18: a call whose effect counts is announced first, and nothing goes on before it is known what became of it. */
import { operationPath } from '../path.ts'
import { fieldsOf, type ReadEntry } from '../read-entry.ts'
import { type Invariant, invariant, type Watch } from './invariant.ts'
import { ScopeTree } from './scope-tree.ts'

/** What is known of the last call at a key. Of one whose payloads were erased, nothing is. */
interface Call {
  readonly attempt: number | undefined
  state: 'in doubt' | 'not done' | 'done' | 'left' | 'repeatable' | 'unknown'
}

const afterVerdict = { done: 'done', notDone: 'not done', failed: 'left' } as const

/** The calls of a run, as its entries tell of them. */
class Calls {
  readonly #tree = new ScopeTree(() => new Map<string, Call>())
  /** Most runs have none. */
  #areAny = false

  at({ entry }: ReadEntry): Call | undefined {
    return this.#areAny ? this.#tree.at(entry.scope).get(entry.key) : undefined
  }

  /** Takes in what the entry says. */
  follow(read: ReadEntry): void {
    const { kind, scope, key } = read.entry
    if (kind === 'effect.intended') {
      this.#areAny = true
      const { effect, attempt } = fieldsOf(read, kind) ?? {}
      const repeatable = effect === 'idempotent' ? 'repeatable' : 'unknown'
      const state = effect === 'once' ? 'in doubt' : repeatable
      this.#tree.at(scope).set(key, { attempt, state })
    }
    const call = this.at(read)
    if (kind === 'effect.doubted' && call) call.state = 'in doubt'
    if (kind === 'effect.resolved' && call) {
      const { verdict } = fieldsOf(read, kind) ?? {}
      call.state = verdict === undefined ? 'unknown' : afterVerdict[verdict]
    }
    if (kind === 'step.completed' && call && call.state !== 'repeatable') call.state = 'done'
    if (kind === 'scope.closed' || kind === 'turn.committed') this.#tree.drop(scope, key)
  }

  /** The key of a call that is in doubt when this entry ends the scope it is in. */
  leftBy({ entry: { kind, scope, key } }: ReadEntry): string | undefined {
    if (!this.#areAny) return undefined
    switch (kind) {
      case 'run.completed':
      case 'run.failed':
        return this.#inDoubt('')
      case 'scope.closed':
      case 'scope.failed':
      case 'turn.committed':
        return this.#inDoubt(operationPath(scope, key)) // however long a damaged one is
      default:
        return undefined
    }
  }

  #inDoubt(scope: string): string | undefined {
    for (const calls of this.#tree.values(scope)) {
      for (const [key, { state }] of calls) if (state === 'in doubt') return key
    }
    return undefined
  }
}

/** Judges each entry by the calls before it. */
function judging(judge: (read: ReadEntry, calls: Calls) => string | undefined): () => Watch {
  return () => {
    const calls = new Calls()
    return {
      see(read) {
        const what = judge(read, calls)
        calls.follow(read)
        return what
      },
    }
  }
}

export const effectInvariants: readonly Invariant[] = [
  invariant(
    'L16',
    'What is said of an effect comes behind its intent, with the number of its attempt.',
    judging((read, calls) => {
      const { kind } = read.entry
      const isDoubt = kind === 'effect.doubted' || kind === 'effect.resolved'
      if (!isDoubt && kind !== 'effect.refused') return undefined
      const call = calls.at(read)
      if (!call) return `is ${kind} of a call that was not intended`
      const attempt = isDoubt ? fieldsOf(read, kind)?.attempt : undefined
      if (attempt === undefined || call.attempt === undefined || attempt === call.attempt) {
        return undefined
      }
      return `is of attempt ${attempt}, but the call was attempt ${call.attempt}`
    }),
  ),

  invariant(
    'L17',
    'A call that must not repeat is made again, or ends without a result, only once it is known that it did not happen, or a person has let it fail.',
    judging((read, calls) => {
      const { kind } = read.entry
      const state = calls.at(read)?.state
      if (kind === 'effect.intended' && fieldsOf(read, kind)?.effect === 'once') {
        const isFree = state === undefined || state === 'not done' || state === 'unknown'
        return isFree ? undefined : `makes a call again that is ${state}`
      }
      const isEnd = kind === 'step.failed' || kind === 'step.retrying'
      return isEnd && state === 'in doubt' ? `is ${kind} of a call in doubt` : undefined
    }),
  ),

  invariant(
    'L18',
    'No scope, turn or run ends while a call in it that must not repeat is in doubt, but for a run that is cancelled.',
    judging((read, calls) => {
      const key = calls.leftBy(read)
      return key === undefined ? undefined : `ends with "${key}" in doubt`
    }),
  ),
]
