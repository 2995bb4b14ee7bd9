/**
 * The user's code inside of everloop's transaction: what it may say to the database, and what becomes
 * of its errors.
 *
 * - Q4 No statement reaches everloop's own tables, ends the transaction, or changes the connection.
 * - Q5 An error of the user's (a constraint, a misspelt name) is the user's to catch; trouble of the
 *   store is not: whatever the code makes of it, the transaction is over.
 */
import { EverloopError } from '../../base/errors.ts'
import type { SqlValue, Transaction, Written } from '../store.ts'
import { type Connection, troubleOf } from './driver.ts'
import { checkStatement } from './statement.ts'

/** What the user's code threw, as the cause. */
export class UserError extends Error {}

/** Calls the code with a transaction that ends with the call. */
export function inTransaction(
  db: Connection,
  write: (transaction: Transaction) => Written,
): Written {
  const user = new UserTransaction(db)
  let written: Written
  try {
    written = write(user)
  } catch (cause) {
    user.end()
    throw new UserError('The code in a transaction threw.', { cause })
  }
  if (user.end() === 'open') return written
  throw new UserError('The code has ended the transaction.', { cause: undone() })
}

type State =
  | { readonly is: 'open' }
  /** A statement of the code's rolled the transaction back. */
  | { readonly is: 'undone' }
  /** The store had trouble, whatever the code made of it (Q5). */
  | { readonly is: 'troubled'; readonly error: unknown }
  /** The function has returned. */
  | { readonly is: 'ended' }

class UserTransaction implements Transaction {
  readonly #db: Connection
  #state: State = { is: 'open' }

  constructor(db: Connection) {
    this.#db = db
  }

  run(sql: string, ...values: readonly SqlValue[]): ReturnType<Transaction['run']> {
    return this.#execute(sql, values, (db) => db.foreign(sql).run(values))
  }

  get<Row>(sql: string, ...values: readonly SqlValue[]): Row | undefined {
    return this.all<Row>(sql, ...values)[0]
  }

  all<Row>(sql: string, ...values: readonly SqlValue[]): readonly Row[] {
    const all = this.#execute(sql, values, (db) => db.foreign(sql).all(values))
    return all as unknown as readonly Row[]
  }

  /** Nothing more can be said. Returns whether the transaction still stands. Throws the store's trouble. */
  end(): 'open' | 'undone' {
    const state = this.#state
    this.#state = { is: 'ended' }
    if (state.is === 'troubled') throw state.error
    return state.is === 'undone' ? 'undone' : 'open'
  }

  #execute<T>(sql: string, values: readonly SqlValue[], execute: (db: Connection) => T): T {
    this.#checkOpen()
    checkStatement(sql, values)
    const db = this.#db
    try {
      return execute(db)
    } catch (error) {
      const trouble = troubleOf(error)
      if (trouble !== undefined && trouble !== 'other') this.#state = { is: 'troubled', error }
      throw error
    } finally {
      // A statement may say what a conflict does: OR ROLLBACK takes everloop's transaction along.
      if (this.#state.is === 'open' && !db.inTransaction) this.#state = { is: 'undone' }
    }
  }

  #checkOpen(): void {
    switch (this.#state.is) {
      case 'open':
        return
      case 'undone':
        throw undone()
      case 'troubled':
        throw this.#state.error
      case 'ended':
        throw new EverloopError(
          'BAD_OPTION',
          'A transaction was used after its function had returned. Everything in run.transact must happen before it returns: it cannot wait for anything.',
        )
    }
  }
}

const undone = (): EverloopError =>
  new EverloopError(
    'BAD_OPTION',
    'A statement has rolled the transaction of run.transact back (OR ROLLBACK, or RAISE(ROLLBACK) in a trigger). Use ABORT instead, and throw.',
  )
