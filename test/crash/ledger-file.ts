/**
 * Reads a store's file without everloop: with SQLite alone, from a copy, so that looking changes
 * nothing of what is looked at, and a bug in the store's reader cannot hide one in its writer.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Entry } from '../../src/ledger/index.ts'

export interface LedgerRun {
  readonly id: string
  readonly status: string
  readonly parent: string | null
  readonly seq: number
  readonly hash: string
  readonly session: string | null
  readonly wake: number | null
  readonly entries: readonly Entry[]
}

export interface Ledger {
  readonly runs: ReadonlyMap<string, LedgerRun>
  /** Names of the sessions that nobody has closed. */
  readonly sessions: readonly string[]
  /** Messages that nobody has taken, and ids of messages that were ever accepted. */
  readonly messages: number
  /** The number of the newest message there ever was. */
  readonly newest: number
  /** Hashes of the artifacts. */
  readonly artifacts: ReadonlySet<string>
  readonly receipts: readonly { readonly run: string; readonly id: string }[]
  /** What SQLite finds wrong with the file; empty when it is sound. */
  readonly damage: readonly string[]
}

export const emptyLedger: Ledger = {
  runs: new Map(),
  sessions: [],
  messages: 0,
  newest: 0,
  artifacts: new Set(),
  receipts: [],
  damage: [],
}

/**
 * The same of a file that a living process has open, as that process sees it: a log whose last commit
 * its writer did not live to tell of is a commit only for who reads the log anew.
 */
export function readLiveLedger(location: string): Ledger {
  if (!existsSync(location)) return emptyLedger
  const database = new DatabaseSync(location, { readOnly: true, timeout: 5000 })
  try {
    database.exec('BEGIN')
    return read(database, false)
  } finally {
    database.close()
  }
}

/** Everything in the file and its log. A file that is not there, or has no tables yet, is empty. */
export function readLedger(location: string, { integrity = false } = {}): Ledger {
  if (!existsSync(location)) return emptyLedger
  const folder = mkdtempSync(`${location}-copy-`)
  try {
    const copy = join(folder, 'ledger.db')
    for (const suffix of ['', '-wal', '-journal']) {
      if (existsSync(location + suffix)) copyFileSync(location + suffix, copy + suffix)
    }
    const database = new DatabaseSync(copy)
    try {
      return read(database, integrity)
    } finally {
      database.close()
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function read(database: DatabaseSync, integrity: boolean): Ledger {
  const all = <Row>(sql: string): Row[] => database.prepare(sql).all() as Row[]
  const damage = integrity
    ? all<{ readonly integrity_check: string }>('PRAGMA integrity_check')
        .map((row) => row.integrity_check)
        .filter((line) => line !== 'ok')
    : []
  if (all(`SELECT 1 FROM sqlite_schema WHERE name = 'entries'`).length === 0) {
    return { ...emptyLedger, damage }
  }
  const count = (table: string): number =>
    all<{ readonly n: number }>(`SELECT count(*) AS n FROM ${table}`)[0]?.n ?? 0
  const entries = Map.groupBy(
    all<Entry>(
      `SELECT runs.id AS run, entries.seq, entries.epoch, time, scope, kind, entries.key, salt,
         digest, entries.hash, payload
       FROM entries JOIN runs ON runs.key = entries.run ORDER BY entries.run, entries.seq`,
    ),
    ({ run }) => run,
  )
  const rows = all<Omit<LedgerRun, 'entries'>>(
    'SELECT id, status, parent, seq, hash, session, wake FROM runs ORDER BY key',
  )
  return {
    runs: new Map(rows.map((row) => [row.id, { ...row, entries: entries.get(row.id) ?? [] }])),
    sessions: all<{ readonly name: string }>('SELECT name FROM sessions').map(({ name }) => name),
    messages: count('messages'),
    newest: all<{ readonly newest: number }>('SELECT newest FROM runs').reduce(
      (most, { newest }) => Math.max(most, newest),
      0,
    ),
    artifacts: new Set(
      all<{ readonly hash: string }>('SELECT hash FROM artifacts').map(({ hash }) => hash),
    ),
    receipts: all('SELECT runs.id AS run, receipts.id FROM receipts JOIN runs ON runs.key = run'),
    damage,
  }
}
