/**
 * The limit: what node:sqlite does with equal rows and the same durability when nothing else
 * happens. No hashing, no fence, no projections, no second thread.
 *
 * A row has the columns and bytes of an entry, and the table is keyed by run and seq. Durability is
 * that of the default store: WAL with synchronous=FULL.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'

const schema = `
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE entries (
  run INTEGER NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL, time REAL NOT NULL,
  scope TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, salt TEXT, digest TEXT NOT NULL,
  hash TEXT NOT NULL, payload TEXT, PRIMARY KEY (run, seq)
) STRICT`

const salt = 's'.repeat(16)
const digest = 'd'.repeat(43)

export class BareLedger {
  readonly #db: DatabaseSync
  readonly #insert: StatementSync
  #pending: { readonly row: BareRow; readonly resolve: () => void }[] = []

  constructor(path: string) {
    this.#db = new DatabaseSync(path)
    this.#db.exec(schema)
    this.#insert = this.#db.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  }

  /** One commit for each row. */
  commit({ run, seq, payload }: BareRow): void {
    const time = Date.now()
    this.#insert.run(run, seq, 1, time, '', 'step.completed', 'step', salt, digest, digest, payload)
  }

  /** Group commit: all that one turn of the event loop brings is one transaction. */
  append(row: BareRow): Promise<void> {
    return new Promise((resolve) => {
      if (this.#pending.length === 0) setImmediate(() => this.#flush())
      this.#pending.push({ row, resolve })
    })
  }

  close(): void {
    this.#db.close()
  }

  #flush(): void {
    const pending = this.#pending.splice(0)
    this.#db.exec('BEGIN IMMEDIATE')
    for (const { row } of pending) this.commit(row)
    this.#db.exec('COMMIT')
    for (const { resolve } of pending) resolve()
  }
}

export interface BareRow {
  readonly run: number
  readonly seq: number
  readonly payload: string
}

export interface BareRead {
  readonly rows: number
  readonly units: number
}

/** Reads all columns of a run's entries, as a resume must, and parses their payloads. */
export function readAndParse(path: string): BareRead {
  const db = new DatabaseSync(path, { readOnly: true })
  const select = db.prepare('SELECT payload, * FROM entries WHERE run = 1 ORDER BY seq')
  select.setReturnArrays(true)
  const parsed: unknown[] = []
  let units = 0
  for (const row of select.iterate()) {
    const [payload] = row as unknown as readonly [string]
    parsed.push(JSON.parse(payload))
    units += payload.length
  }
  db.close()
  return { rows: parsed.length, units }
}

/**
 * A text of so many characters that no other number shares. It is compressed to a third, as prose is: a
 * store may compress what it keeps.
 */
export function textOf(number: number, units: number): string {
  let text = `${number}`
  for (let seed = number + 1; text.length < units;) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    text += ` ${words[Math.floor((seed / 2 ** 32) ** 3 * words.length)]}`
  }
  return text.slice(0, units)
}

/** Words of one to four syllables. */
const words = Array.from({ length: 6000 }, (_, i) => {
  const syllables = 'ba ke ti ro sun mer al in de con for ent ly ing er pa lo vi qua sh'.split(' ')
  const digits = (Math.imul(i + 1, 2_654_435_761) >>> 0) % syllables.length ** ((i % 4) + 1)
  let word = ''
  for (let rest = digits; rest > 0; rest = Math.floor(rest / syllables.length)) {
    word += syllables[rest % syllables.length]
  }
  return word
})
