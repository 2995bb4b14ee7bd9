/**
 * Executes batches of commands on a writing connection, one transaction for each batch. It knows
 * neither threads nor promises: it runs wherever it is put.
 *
 * Invariants:
 * - Q1 An outcome is `done` only after the commit that it belongs to.
 * - Q2 When a command throws, its batch is undone and every command gets a transaction of its own,
 *   so that it fails alone. Refusals (fenced, displaced, duplicate …) are replies, not errors, and
 *   are decided before the command writes anything.
 * - Q3 After an error of the disk nothing is executed any more, nor once a newer everloop has migrated
 *   the file, or its name leads to another one: each transaction looks first.
 */
import { assert, EverloopError } from '../../base/errors.ts'
import { messageOf } from '../../base/message-of.ts'
import { append, transact } from './append.ts'
import { claim, closeSession, limitQueue, openSession } from './claim.ts'
import type { Batch, BatchResult, Command, Failure, Outcome } from './command.ts'
import { createRun, readRun } from './create.ts'
import { deliver } from './deliver.ts'
import { type Connection, isConstraint, troubleOf } from './driver.ts'
import { importRuns } from './import-runs.ts'
import { KnownRuns } from './known-runs.ts'
import { Names } from './moved.ts'
import { beginWrite, isLogLong, type OpenedFile, type Patience, refuseMigrated } from './open.ts'
import { publish } from './publish.ts'
import { toStored } from './stored-text.ts'
import { UserError } from './transaction.ts'
import { explain, isFatal, unclear } from './trouble.ts'
import * as sql from './write-statements.ts'

type Reply = Extract<Outcome, { is: 'done' }>['reply']

export interface WriterOptions {
  readonly connection: Connection
  readonly file: OpenedFile
  readonly patience: Patience
}

export class Writer {
  readonly #db: Connection
  readonly #known = new KnownRuns()
  readonly #file: OpenedFile
  readonly #names: Names
  readonly #patience: Patience
  #broken: Failure | undefined

  /** The connection is the writer's from now on, and is closed with it. */
  constructor({ connection, file, patience }: WriterOptions) {
    this.#db = connection
    this.#file = file
    this.#names = new Names(file)
    this.#patience = patience
  }

  /** Never throws: what goes wrong is an outcome. An empty batch keeps the log short. */
  execute(batch: Batch): BatchResult {
    const { commands, now } = batch
    if (commands.length === 0) this.#shortenLog()
    let outcomes: readonly Outcome[]
    try {
      outcomes = this.#transact(commands, now)
    } catch (error) {
      outcomes =
        commands.length === 1 || this.#broken
          ? commands.map(() => this.#failed(error))
          : commands.map((command) => this.#alone(command, now))
    }
    return { outcomes, broken: this.#broken }
  }

  /** Like `execute`, but undefined when nothing was written and another writer may try. */
  attempt({ commands, now }: Batch): BatchResult | undefined {
    try {
      return { outcomes: this.#transact(commands, now), broken: undefined }
    } catch (error) {
      if (!this.#broken) return undefined
      return { outcomes: commands.map(() => this.#failed(error)), broken: this.#broken }
    }
  }

  /**
   * Like `execute`, for one command that holds code. Undefined while another process has the lock,
   * if it may be tried again.
   */
  executeCode({ commands, now }: Batch, mayWait: boolean): BatchResult | undefined {
    try {
      return { outcomes: this.#transact(commands, now), broken: undefined }
    } catch (error) {
      if (mayWait && troubleOf(error) === 'busy') return undefined
      const outcome: Outcome =
        error instanceof UserError
          ? { is: 'done', reply: { is: 'thrown', error: error.cause } }
          : this.#failed(error)
      return { outcomes: [outcome], broken: this.#broken }
    }
  }

  /**
   * Writes what is in the log into the file, as far as no reader needs it. Where a name leads elsewhere, others have
   * another log by now, and what they have written would be overwritten.
   */
  #shortenLog({ ifLong = false }: { readonly ifLong?: boolean } = {}): void {
    if (this.#broken) return
    try {
      this.#names.check()
      if (ifLong && !isLogLong(this.#file.location)) return
      this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)')
    } catch (error) {
      if (isFatal(error) || isOver(error)) this.#broken ??= endOf(error, this.#file.location)
    }
  }

  /**
   * SQLite writes the log into the file with the last connection that closes. While another process has the file
   * open, that is none of those that write a little and go, so they see to a log that has become long.
   */
  close({ shortensLog = true }: { readonly shortensLog?: boolean } = {}): void {
    if (shortensLog) this.#shortenLog({ ifLong: true })
    this.#db.close()
  }

  #alone(command: Command, now: number): Outcome {
    try {
      const [outcome] = this.#transact([command], now)
      assert(outcome, 'A command had no outcome.')
      return outcome
    } catch (error) {
      return this.#failed(error)
    }
  }

  /** All or nothing: throws when anything goes wrong, and then nothing has been written. */
  #transact(commands: readonly Command[], now: number): readonly Outcome[] {
    if (this.#broken) throw new EverloopError(this.#broken.code, this.#broken.message)
    const db = this.#db
    let isCommitting = false
    try {
      beginWrite(db, this.#patience)
      refuseMigrated(db, this.#file.location)
      this.#names.check()
      const outcomes = commands.map((command): Outcome => ({
        is: 'done',
        reply: this.#perform(command, now),
      }))
      isCommitting = true
      db.run('COMMIT')
      return outcomes
    } catch (error) {
      this.#known.forgetAll()
      if (isFatal(error) || isOver(error)) this.#broken ??= endOf(error, this.#file.location)
      if (db.inTransaction) this.#rollBack()
      // The disk failed under the commit itself: what it holds now, nobody knows (S9).
      if (isCommitting && this.#broken) throw unclear(this.#file.location, error)
      // A constraint that was put off until now is the user's: everloop has none of that kind.
      const isUsers = isCommitting && commands.length === 1 && commands[0]?.is === 'transact'
      if (isUsers && isConstraint(error)) throw brokenAtTheEnd(error)
      throw error
    }
  }

  #perform({ is, with: given }: Command, now: number): Reply {
    const db = this.#db
    const pen = { db, known: this.#known }
    switch (is) {
      case 'append':
        return append(pen, given, now)
      case 'transact':
        return transact(pen, given, now)
      case 'deliver':
        return deliver(db, given, now)
      case 'publish':
        return publish(db, given)
      case 'createRun':
        return { created: createRun(db, given), run: readRun(db, given.genesis.run) }
      case 'importRuns':
        return importRuns(db, given)
      case 'claim':
        return claim(db, given, now)
      case 'openSession':
        return openSession(db, given, now)
      case 'renewSession':
        return db.run(sql.renewSession, now, toStored(given)) === 1
      case 'closeSession':
        return closeSession(db, given, now)
      case 'limitQueue':
        return limitQueue(db, given.name, given.concurrency)
    }
  }

  #rollBack(): void {
    try {
      this.#db.exec('ROLLBACK')
    } catch (error) {
      this.#broken ??= endOf(error, this.#file.location)
    }
  }

  #failed(error: unknown): Outcome {
    return { is: 'failed', failure: failureOf(explain(error, this.#file.location)) }
  }
}

const brokenAtTheEnd = (cause: unknown): UserError => {
  const said = messageOf(cause)
  const message = `The rows of run.transact break a constraint that was put off until its end (SQLite: ${said}). Write rows that keep to it.`
  return new UserError(message, { cause: new EverloopError('BAD_OPTION', message, { cause }) })
}

/** True when the file is not this writer's any more. */
const isOver = (error: unknown): boolean =>
  EverloopError.is(error) && (error.code === 'STORE_NEWER' || error.code === 'STORE_FAILED')

/** Why nothing is written any more. What is over for good must not look as if it would pass. */
function endOf(error: unknown, location: string): Failure {
  const failure = failureOf(explain(error, location))
  const isPassing = failure.code === 'STORE_UNAVAILABLE' || failure.code === 'STORE_FULL'
  return isPassing ? { ...failure, code: 'STORE_FAILED' } : failure
}

/** An error as data. Anything that is not everloop's own is a bug of it. */
export function failureOf(error: unknown): Failure {
  if (EverloopError.is(error)) return { code: error.code, message: error.message }
  return { code: 'INTERNAL', message: error instanceof Error ? String(error.stack) : String(error) }
}
