/**
 * What each entry about a call that changes the outside world must fulfil, compared with what has
 * really happened out there. People and `reconcile` tell the truth here, so nothing that must not
 * repeat ever happens twice, and nothing is said that is not so.
 */
import { operationPath } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import type { Must } from './must.ts'
import type { Sight } from './sight.ts'
import type { Mirror } from './mirror.ts'
import { recordOf } from './record-of.ts'

export function checkEffect(
  { outside, report }: Sight,
  run: Mirror,
  entry: Entry,
  must: Must,
): void {
  const { kind, scope, key } = entry
  const path = operationPath(scope, key)
  const call = run.calls.get(path)
  const has = outside.hasHappened(run.id, path)
  const isOnItsWay = outside.isOnItsWay(run.id, path)
  switch (kind) {
    case 'effect.intended': {
      const { effect, attempt } = recordOf(entry, kind)
      if (effect !== 'once') return
      const isFree = call === undefined || call.state === 'notDone'
      must(isFree, 'E2', `it is called again, but attempt ${call?.attempt} is ${call?.state}`)
      must(!has && !isOnItsWay, 'effects', 'it is called again, but has happened')
      must(
        attempt === (call?.attempt ?? 0) + 1,
        'E1',
        `before it there is attempt ${call?.attempt}`,
      )
      return
    }
    case 'effect.doubted': {
      const { attempt, prompt } = recordOf(entry, kind)
      const isOpen = call?.state === 'open' || call?.state === 'doubt' || call?.state === 'failed'
      must(isOpen, 'E2', `it is doubted, but is ${call?.state}`)
      must(attempt === call?.attempt, 'E2', `attempt ${call?.attempt} was called last`)
      if (prompt === undefined) return
      must(!isOnItsWay, 'E2', 'a person is asked while its request is on its way')
      report.reach('person asked about a call in doubt')
      return
    }
    case 'effect.resolved': {
      const { verdict, via } = recordOf(entry, kind)
      must(
        call?.state === 'doubt' || (call?.state === 'open' && via === 'call'),
        'E2',
        `it is resolved, but is ${call?.state}`,
      )
      if (verdict === 'done') must(has, 'E3', 'it is said to have happened, and has not')
      if (verdict === 'notDone') {
        must(!has && !isOnItsWay, 'E3', 'it is said not to have happened, and has, or will')
      }
      if (via === 'reconcile') report.reach('doubt resolved by reconcile')
      if (via === 'person') report.reach('doubt resolved by a person')
      if (via === 'call' && verdict === 'done') report.reach('call ended late and told itself')
      return
    }
    case 'step.completed':
      if (call?.effect === 'once') must(has, 'E3', 'it has an outcome, but has not happened')
      return
    case 'step.failed':
    case 'step.retrying': {
      if (call?.effect !== 'once') return
      const isKnown =
        call.state === 'notDone' || (call.state === 'failed' && kind === 'step.failed')
      must(isKnown, 'E2', `it is ${kind}, but ${call.state}`)
    }
  }
}
