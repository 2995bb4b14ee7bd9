/** What is wrong with a run's ledger and rows, in sentences: nothing, unless everloop has a bug. */
import { checkInvariants } from '../ledger/index.ts'
import { EverloopError } from '../base/errors.ts'
import type { Store } from '../store/store.ts'

export async function ledgerFlaws(store: Store, run: string): Promise<string[]> {
  const row = await store.run(run)
  if (!row) throw new EverloopError('UNKNOWN_RUN', `No run "${run}" is in this store.`, { run })
  const violations = checkInvariants(await store.entries(run), {
    head: { seq: row.seq, hash: row.hash },
    started: row,
    status: { is: row.status, code: row.code },
    scopes: await store.openScopes(run),
    title: { is: row.title },
    questions: (await store.questions({ run })).map(({ wait }) => wait.seq),
  })
  return violations.map(({ id, seq, what }) => `${id}: entry ${seq} of run "${run}" ${what}.`)
}
