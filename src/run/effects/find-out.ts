/** Asking the step's `reconcile` what became of a call, in the time that it has for it. */
import { formatDuration } from '../../base/duration.ts'
import { timeLimit, TimeOver } from '../../base/time-limit.ts'
import { encode, errorData } from '../../ledger/index.ts'
import { idempotencyKeyOf } from '../operations/attempt.ts'
import { saidOf } from './doubt-question.ts'
import { within } from '../current.ts'
import { type Finding, isFinding, type Reconcile, unknown } from './finding.ts'
import type { Operation } from '../pass/operation.ts'
import type { Pass } from '../pass/pass.ts'
import type { Line } from '../replay/recorded.ts'

/** How long `reconcile` may take. */
const reconcileMs = 60_000

/** Asks `reconcile`, with what was recorded of the call. Never rejects. */
export async function findOut(
  pass: Pass,
  operation: Operation,
  {
    reconcile,
    intent,
  }: {
    readonly reconcile: Reconcile
    readonly intent: Line<'effect.intended'>
  },
): Promise<Finding> {
  const { entry, record } = intent
  const limit = timeLimit(pass.ports, reconcileMs)
  const context = {
    idempotencyKey: idempotencyKeyOf(pass, operation),
    startedAt: new Date(entry.time),
    attempt: record.attempt,
    signal: limit.signal,
  }
  const place = { pass, scope: operation.scope, step: operation.path }
  try {
    const asked = operation.call(within, place, async () =>
      checkedFinding(await reconcile(record.args, context)),
    )
    const finding = await Promise.race([asked, limit.over])
    if (!(finding instanceof TimeOver)) return finding
    return unknown(`\`reconcile\` took longer than ${formatDuration(reconcileMs)}.`)
  } catch (thrown) {
    return unknown(`\`reconcile\` threw ${saidOf(errorData(thrown))}`)
  } finally {
    limit.end()
  }
}

function checkedFinding(finding: unknown): Finding {
  if (!isFinding(finding)) {
    return unknown('`reconcile` returned none of done(…), notDone() and unknown().')
  }
  if (finding.is === 'done') encode(finding.result) // throws when it cannot be kept
  return finding
}
