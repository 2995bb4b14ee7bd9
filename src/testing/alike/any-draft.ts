/** Entries as nobody would plan them: what a store makes of them must not depend on their sense. */
import type { AnyDraft } from '../../ledger/index.ts'
import { closed, question, runDrafts, step, turn } from '../chain-builder.ts'
import type { Choose } from './dice.ts'

const places = ['', 'a', 'a b', 'a.b', 'a~2', 'a/1', 'a/1/b', 'a/10', 'b', 'b/0', 'b/0/=x', 'b/1']

/** An entry of some kind in some scope; with one of these keys, unless it is a turn's. */
export function anyDraft(pick: Choose, keys: readonly string[]): AnyDraft {
  const scope = places[pick(places.length)] ?? ''
  const key = keys[pick(keys.length)] ?? 'a'
  switch (pick(16)) {
    case 0:
      return turn(scope, pick(12), pick(2) === 0)
    case 1:
      return closed(key, scope)
    case 2:
      return {
        scope,
        kind: 'scope.failed',
        key,
        record: { error: { name: 'E', message: '' }, scopes: [] },
      }
    case 3:
    case 4:
    case 5:
      return question(key, 'Well?', scope)
    case 6:
      return { scope, kind: 'question.answered', key, record: { value: 1 } }
    case 7:
      return { scope, kind: 'question.refused', key, record: { reason: 'No.' } }
    case 8:
      return { scope, kind: 'timer.set', key, record: { due: 5 } }
    case 9:
      return {
        scope: '',
        kind: 'run.retried',
        key: '',
        record: { forget: [], reopen: [{ path: 'a/1', from: 3 }] },
      }
    case 14:
      return {
        scope,
        kind: 'effect.doubted',
        key,
        record: { attempt: 1, why: 'threw', ...(pick(2) === 0 && { prompt: 'Did it?' }) },
      }
    case 15:
      return { scope, kind: 'effect.refused', key, record: { reason: 'No.' } }
    case 10:
      return pick(3) === 0 ? runDrafts.failed('STEP_FAILED') : runDrafts.resumed
    case 11:
      return pick(2) === 0 ? runDrafts.paused('STALLED') : runDrafts.resumed
    default:
      return step(key, null, scope)
  }
}
