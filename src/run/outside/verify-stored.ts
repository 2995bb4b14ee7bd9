/** Verifies a run where it is stored: its ledger, the rows about it, and the artifacts it refers to. */
import { type Entry, type Verdict, verifyRun } from '../../ledger/index.ts'
import type { RunRow, Store } from '../../store/store.ts'
import { pageAfter } from '../ledger-page.ts'
import { runRow } from './run-row.ts'

/** What a resume would read is read at once, the rest page by page, artifacts one by one. */
export async function verifyStored(store: Store, row: RunRow): Promise<Verdict> {
  const { id: run, seq, epoch, session, status, code, title } = row
  const scopes = await store.openScopes(run)
  const open = (await store.openEntries(run)).map((entry) => entry.seq)
  const questions = (await store.questions({ run })).map(({ wait }) => wait.seq)
  const account = await store.account(run)
  const sessions = await store.sessions()
  const now = await runRow(store, run)
  const isStill = now.seq === seq
  const isHeld = session !== undefined && now.session === session
  const holder = isHeld && !sessions.some(({ token }) => token === session) ? 'gone' : undefined
  // A run may move on meanwhile: what is checked ends where the row said it stood.
  const read = async (after: number): Promise<readonly Entry[]> =>
    (await store.entries(run, pageAfter(after))).filter((entry) => entry.seq <= seq)
  const rows = {
    started: row,
    epoch,
    holder,
    title: { is: title },
    status: { is: status, code },
    account,
  } as const
  const all = isStill ? { ...rows, scopes, open, questions } : rows
  return verifyRun(read, row, all, (hash) => store.artifact(hash))
}
