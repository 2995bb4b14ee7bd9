/**
 * Ending a run from inside of a loop: the loop and the run close in one append, so that there is no moment
 * in which the code has ended and the run still takes messages.
 */
import { assert } from '../../base/errors.ts'
import { encode } from '../../ledger/index.ts'
import type { Item, ItemDraft } from '../pass/journal.ts'
import { leftIn } from '../pass/leaving.ts'
import type { Pass } from '../pass/pass.ts'
import type { Scope } from '../pass/scope.ts'
import { cleaned } from '../replay/large.ts'
import { completedItem } from '../work/ending.ts'
import { closedWith } from './scopes.ts'

/** What is written when the flow returns what its loop ends with in this turn. Throws NOT_SERIALISABLE. */
export function endOfRun(pass: Pass, turn: Scope, output: unknown): () => Item {
  const loop = turn.parent
  const operation = loop && pass.operations.get(loop.path)
  assert(operation && loop.parent === pass.root, 'A run was ended outside of its loop.')
  encode(output) // here, where the code can be told
  return () => {
    const { abandoned: keys, deliver } = leftIn(loop, pass.operations.unfinishedIn(loop))
    const abandoned = keys === undefined ? {} : { abandoned: keys }
    const closed = cleaned(closedWith(loop, output, abandoned), pass.options.redactor)
    const end = completedItem(pass, output, { abandoned: undefined, deliver })
    const record = { value: output, ...abandoned }
    const draft = { ...operation.place, kind: 'scope.closed', record, payload: closed.payload }
    return {
      ...end,
      drafts: [draft as ItemDraft, ...end.drafts],
      artifacts: [...(closed.artifacts ?? []), ...(end.artifacts ?? [])],
    }
  }
}
