/** What is wrong with a run's ledger, in sentences: nothing, unless everloop has a bug. */
import { EverloopError } from '../base/errors.ts'
import { checkLinks, emptyState, fold, isEnd, isOutcome, operationPath } from '../ledger/index.ts'
import type { LinkedEntry, Payloads } from '../ledger/index.ts'
import { decode } from '../ledger/index.ts'
import type { Store } from '../store/store.ts'

export async function ledgerFlaws(store: Store, run: string): Promise<string[]> {
  const entries = await store.entries(run)
  const row = await store.run(run)
  const flaws = [...orderFlaws(entries), ...outcomeFlaws(entries)]
  try {
    checkLinks(entries)
  } catch (error) {
    flaws.push(EverloopError.is(error) ? error.message : String(error))
  }
  const last = entries.at(-1)
  if (row?.seq !== last?.seq || row?.hash !== last?.hash) {
    flaws.push(`The row of run "${run}" does not stand at its last entry.`)
  }
  const { status, scopes } = fold(emptyState, entries)
  if (row && row.status !== status.is) {
    flaws.push(`The row of run "${run}" says ${row.status}, its entries say ${status.is}.`)
  }
  const open = await store.openScopes(run)
  const listed = open.map(({ path, from }) => `${path}@${from}`)
  const folded = Array.from(scopes, ([path, from]) => `${path}@${from}`).toSorted()
  if (listed.toSorted().join() !== folded.join()) {
    flaws.push(
      `Open scopes of run "${run}": rows say [${listed.join()}], entries [${folded.join()}].`,
    )
  }
  return flaws
}

function orderFlaws(entries: readonly LinkedEntry[]): string[] {
  return entries.flatMap((entry, i) => {
    const before = entries[i - 1]
    const where = `Entry ${entry.seq} of run "${entry.run}"`
    return [
      ...(entry.seq === i + 1 ? [] : [`${where} stands at place ${i + 1}.`]),
      ...(before && entry.epoch < before.epoch ? [`${where} has a lower epoch.`] : []),
      ...(before && entry.time < before.time ? [`${where} goes back in time.`] : []),
    ]
  })
}

/** An operation has one outcome, and nothing but a retry follows the end of a run. */
function outcomeFlaws(entries: readonly LinkedEntry[]): string[] {
  const flaws: string[] = []
  const outcomes = new Map<string, number>()
  let ended = false
  for (const entry of entries) {
    const where = `Entry ${entry.seq} (${entry.kind}) of run "${entry.run}"`
    if (ended && entry.kind !== 'run.retried') flaws.push(`${where} follows the run's end.`)
    ended = isEnd(fold(emptyState, [entry]).status)
    if (entry.kind === 'run.retried') {
      const { forget } = decode(entry.payload ?? '{}') as Payloads['run.retried']
      for (const [path, seq] of outcomes) if (forget.includes(seq)) outcomes.delete(path)
    }
    if (!isOutcome(entry.kind)) continue
    const path = operationPath(entry.scope, entry.key)
    if (outcomes.has(path)) flaws.push(`${where} is a second outcome of "${path}".`)
    outcomes.set(path, entry.seq)
  }
  return flaws
}
