/**
 * The one file that knows node:sqlite. Everything else sees a `Connection`.
 *
 * The module is fetched at run time: a static import would end an old Node with an error that
 * names neither the cause nor the cure. Rows are arrays, in the order of the statement's columns.
 */
import type * as Sqlite from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { assert, EverloopError } from '../../base/errors.ts'

/** What a column can hold. */
export type Value = string | number | null | Uint8Array
export type Row = readonly Value[]

/** What SQLite's error numbers mean to a store; numbers from sqlite3.h, extended ones reduced but for one. */
export type Trouble =
  | 'busy'
  | 'full'
  | 'index-full'
  | 'read-only'
  | 'input-output'
  | 'memory'
  | 'damaged'
  | 'not-a-database'
  | 'cannot-open'
  | 'other'

const troubles: Readonly<Record<number, Trouble>> = {
  5: 'busy',
  6: 'busy',
  7: 'memory',
  8: 'read-only',
  10: 'input-output',
  11: 'damaged',
  13: 'full',
  14: 'cannot-open',
  15: 'busy', // PROTOCOL: others were quicker to lock the log for a second or more, again and again
  26: 'not-a-database',
  // IOERR_SHMSIZE: there was no space for the index of the log. What is in the log by then is there all the same.
  [10 | (19 << 8)]: 'index-full',
}

/** The trouble behind an error that SQLite raised; undefined for any other error. */
export function troubleOf(error: unknown): Trouble | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined
  const { errcode } = error
  if (typeof errcode !== 'number') return undefined
  return troubles[errcode] ?? troubles[errcode & 0xff] ?? 'other'
}

/** True when SQLite says that rows do not keep to a constraint. */
export const isConstraint = (error: unknown): boolean =>
  error instanceof Error &&
  'errcode' in error &&
  typeof error.errcode === 'number' &&
  (error.errcode & 0xff) === 19

type ForeignRow = Readonly<Record<string, Value | bigint>>

export interface ForeignStatement {
  readonly run: (values: readonly (Value | bigint)[]) => {
    readonly changes: number
    readonly lastInsertRowid: number | bigint
  }
  readonly all: (values: readonly (Value | bigint)[]) => readonly ForeignRow[]
}

export interface ConnectionOptions {
  readonly access: 'read' | 'write' | 'create'
  /** How long SQLite itself waits for a lock, blocking its thread. */
  readonly busyMs: number
}

/** A prepared statement, and which value each of its marks takes, where the marks are numbered. */
interface Prepared {
  readonly statement: Sqlite.StatementSync
  readonly order: readonly number[] | undefined
}

export class Connection {
  readonly #database: Sqlite.DatabaseSync
  /** Statements stay prepared: SQL texts are constants, so there are not many. */
  readonly #reading = new Map<string, Prepared>()
  readonly #running = new Map<string, Prepared>()

  constructor(path: string, { access, busyMs }: ConnectionOptions) {
    const { DatabaseSync } = sqliteModule()
    // A URL, because only a URL can say that a missing file must not be created.
    const url = pathToFileURL(path)
    url.searchParams.set('mode', { read: 'ro', write: 'rw', create: 'rwc' }[access])
    this.#database = new DatabaseSync(url, { readOnly: access === 'read', timeout: busyMs })
  }

  /** Runs statements that give no rows and take no values. */
  exec(sql: string): void {
    this.#database.exec(sql)
  }

  /** Runs a statement; returns how many rows it changed. */
  run(sql: string, ...values: Value[]): number {
    const { statement, order } = this.#prepared(sql, this.#running)
    return Number(statement.run(...ordered(values, order)).changes)
  }

  /** Inserts a row into a table whose key is a number; returns its key, or undefined for a conflict. */
  insert(sql: string, ...values: Value[]): number | undefined {
    const { statement, order } = this.#prepared(sql, this.#running)
    const { changes, lastInsertRowid } = statement.run(...ordered(values, order))
    return changes === 0n ? undefined : Number(lastInsertRowid)
  }

  // The caller says what the columns hold: the schema is STRICT, and the statements are ours.
  /** The first row. */
  get<R extends Row>(sql: string, ...values: Value[]): R | undefined {
    const { statement, order } = this.#prepared(sql)
    return statement.get(...ordered(values, order)) as unknown as R | undefined
  }

  all<R extends Row>(sql: string, ...values: Value[]): readonly R[] {
    const { statement, order } = this.#prepared(sql)
    return statement.all(...ordered(values, order)) as unknown as readonly R[]
  }

  /** Rows one by one; leaving the loop early ends the statement. */
  *iterate<R extends Row>(sql: string, ...values: Value[]): Generator<R, void> {
    const { statement, order } = this.#prepared(sql)
    try {
      yield* statement.iterate(...ordered(values, order)) as unknown as Iterable<R>
    } catch (error) {
      this.#reading.delete(sql) // Node would tell the same error to whoever uses the statement next
      throw error
    }
  }

  /** The only column of a row that must be there, such as a count. */
  value<V extends Value>(sql: string, ...values: Value[]): V {
    const row = this.get<readonly [V]>(sql, ...values)
    assert(row, `A statement gave no row: ${sql.trim().slice(0, 60)}.`)
    return row[0]
  }

  /** A statement of the user's: its rows are objects, and it is not kept. */
  foreign(sql: string): ForeignStatement {
    const statement = this.#database.prepare(sql)
    statement.setReadBigInts(true) // as numbers, those that no number can tell would throw
    return {
      run: (values) => {
        const { changes, lastInsertRowid } = statement.run(...values)
        return { changes: Number(changes), lastInsertRowid: smallest(lastInsertRowid) }
      },
      all: (values) =>
        statement
          .all(...values)
          .map((row) =>
            Object.fromEntries(Object.entries(row).map(([name, value]) => [name, smallest(value)])),
          ),
    }
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction
  }

  close(): void {
    this.#reading.clear()
    this.#running.clear()
    this.#database.close()
  }

  #prepared(sql: string, among = this.#reading): Prepared {
    let prepared = among.get(sql)
    if (!prepared) {
      // Node 22.18 takes ?1 for a name that no value was given for.
      const order = Array.from(sql.matchAll(numberedMark), ([, number]) => Number(number) - 1)
      const statement = this.#database.prepare(sql.replace(numberedMark, '?'))
      statement.setReturnArrays(true)
      // Each run tells the row id that was drawn last, perhaps for a table of the user's. Node 26 throws
      // for those that no number can tell.
      if (among === this.#running) statement.setReadBigInts(true)
      prepared = { statement, order: order.length === 0 ? undefined : order }
      among.set(sql, prepared)
    }
    return prepared
  }
}

/** A number where one can tell it, and the bigint where none can. */
const smallest = <V>(value: V): V | number =>
  typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value

/** In everloop's own statements, of which none has such a text in quotes. */
const numberedMark = /\?(\d+)/g

const ordered = (values: Value[], order: readonly number[] | undefined): Value[] =>
  order === undefined ? values : order.map((at) => values[at] as Value)

function sqliteModule(): typeof Sqlite {
  if (process.versions['deno'] !== undefined) {
    // Without SQLite's numbers a locked file looks like a broken one.
    const why = "Deno's node:sqlite does not tell SQLite's error numbers"
    throw new EverloopError('UNSUPPORTED_NODE', `${why}. everloop needs Node 22.18 or newer.`)
  }
  const sqlite: typeof Sqlite | undefined = process.getBuiltinModule('node:sqlite')
  if (sqlite) return sqlite
  throw new EverloopError(
    'UNSUPPORTED_NODE',
    `This Node.js (${process.versions.node}) has no SQLite. everloop needs Node 22.18 or newer.`,
  )
}
