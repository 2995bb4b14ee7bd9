/** What must hold of every ledger, whatever happened: told as complaints, empty when all is well. */
import { emptyState, flaw, fold, isEnd } from '../../src/ledger/index.ts'
import type { Ledger, LedgerRun } from './ledger-file.ts'

export function unsound({ runs, damage }: Ledger): string[] {
  return [
    ...damage.map((line) => `the file is damaged: ${line}`),
    ...Array.from(runs.values()).flatMap(unsoundRun),
  ]
}

function unsoundRun({ id, seq, hash, status, entries }: LedgerRun): string[] {
  const complaints: string[] = []
  let previous = ''
  let epoch = 0
  let hasEnded = false
  for (const [i, entry] of entries.entries()) {
    const place = `run ${id}, entry ${entry.seq}`
    if (entry.seq !== i + 1) complaints.push(`${place}: should be number ${i + 1}`)
    const wrong = flaw(entry, previous)
    if (wrong !== undefined) complaints.push(`${place}: ${wrong}`)
    if (entry.epoch < epoch) complaints.push(`${place}: epoch ${entry.epoch} after ${epoch}`)
    // A holder that died while it took a retry is written down before the retry.
    if (hasEnded && !/^run\.(retried|overtaken)$/.test(entry.kind))
      complaints.push(`${place}: behind the run's end`)
    hasEnded =
      (hasEnded && entry.kind === 'run.overtaken') ||
      /^run\.(completed|failed|cancelled)$/.test(entry.kind)
    previous = entry.hash
    epoch = entry.epoch
  }
  const last = entries.at(-1)
  if (last?.seq !== seq || last.hash !== hash)
    complaints.push(`run ${id}: its row says entry ${seq}, its last entry is ${last?.seq ?? 0}`)
  const folded = fold(emptyState, entries).status
  if (folded.is !== status)
    complaints.push(`run ${id}: its row says ${status}, its fold ${folded.is}`)
  if (isEnd(folded.is) !== hasEnded)
    complaints.push(`run ${id}: its fold disagrees with its last entry`)
  return complaints
}
