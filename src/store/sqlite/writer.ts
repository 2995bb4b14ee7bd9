/**
 * Executes batches of commands on the writing connection, one transaction for each batch. It knows
 * neither threads nor promises: it runs wherever it is put.
 *
 * Invariants:
 * - W1 An outcome is `done` only after the commit that it belongs to.
 * - W2 When a command throws, its batch is undone and every command gets a transaction of its own,
 *   so that it fails alone. Refusals (fenced, displaced, duplicate …) are replies, not errors, and
 *   are decided before the command writes anything.
 * - W3 After an error of the disk nothing is executed any more.
 */
import { assert, EverloopError } from '../../base/errors.ts'
import { append } from './append.ts'
import { claim, closeSession, idleClaim, limitQueue, lostSessions, openSession } from './claim.ts'
import type { Batch, BatchResult, Command, Failure, Outcome } from './command.ts'
import { createRun, readRun } from './create.ts'
import { deliver } from './deliver.ts'
import type { Connection } from './driver.ts'
import { Liveness } from './liveness.ts'
import { beginWrite, type LedgerFile, openLedger } from './open.ts'
import { kept } from './text.ts'
import { explain, isFatal, unclear } from './trouble.ts'
import * as sql from './write-statements.ts'

type Reply = Extract<Outcome, { is: 'done' }>['reply']

/** A command that has been prepared outside the transaction, and what is left to do inside. */
type Prepared =
  | { readonly is: 'ready'; readonly reply: Reply }
  | { readonly is: 'open'; readonly run: () => Reply; readonly after?: () => void }

export class Writer {
  readonly #db: Connection
  readonly #liveness: Liveness
  readonly #location: string
  #broken: Failure | undefined

  /** Opens the file, which may take as long as another process keeps it locked. */
  constructor(file: LedgerFile) {
    this.#location = file.location
    this.#db = openLedger(file)
    this.#liveness = new Liveness(file.location)
  }

  execute(batch: Batch): BatchResult {
    const { commands, now } = batch
    let outcomes: readonly Outcome[]
    try {
      outcomes = this.#transact(commands, now)
    } catch (error) {
      outcomes =
        commands.length === 1 || this.#broken
          ? commands.map(() => this.#failed(error))
          : commands.map((command) => this.#alone(command, now))
    }
    return {
      outcomes,
      broken: this.#broken,
    }
  }

  close(): void {
    this.#liveness.close()
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
    this.#checkSound()
    const prepared = commands.map((command) => this.#prepare(command, now))
    const replies = prepared.every(({ is }) => is === 'ready')
      ? prepared.map((command) => (command.is === 'ready' ? command.reply : undefined))
      : this.#commit(prepared)
    for (const command of prepared) if (command.is === 'open') command.after?.()
    return replies.map((reply) => ({ is: 'done', reply }))
  }

  #commit(prepared: readonly Prepared[]): readonly Reply[] {
    const db = this.#db
    let isCommitting = false
    try {
      beginWrite(db)
      const replies = prepared.map((command) =>
        command.is === 'ready' ? command.reply : command.run(),
      )
      isCommitting = true
      db.run('COMMIT')
      return replies
    } catch (error) {
      if (isFatal(error)) this.#break(error)
      if (db.inTransaction) this.#rollBack()
      // The disk failed under the commit itself: what it holds now, nobody knows (S9).
      throw isCommitting && this.#broken ? unclear(this.#location, error) : error
    }
  }

  /** What a command needs to know before the transaction, and what waits for its end. */
  #prepare({ is, with: given }: Command, now: number): Prepared {
    const db = this.#db
    const liveness = this.#liveness
    switch (is) {
      case 'append':
        return { is: 'open', run: () => append(db, given, now) }
      case 'deliver':
        return { is: 'open', run: () => deliver(db, given, now) }
      case 'createRun':
        return {
          is: 'open',
          run: () => ({ created: createRun(db, given), run: readRun(db, given.genesis.run) }),
        }
      case 'claim': {
        const lost = lostSessions(db, liveness, now)
        const idle = lost.length === 0 ? idleClaim(db, given, now) : undefined
        if (idle) return { is: 'ready', reply: idle }
        let freed: readonly string[] = []
        return {
          is: 'open',
          run: () => {
            const result = claim(db, given, lost, now)
            freed = result.freed
            return { runs: result.runs, nextDue: result.nextDue }
          },
          after: () => freed.forEach((token) => liveness.forget(token)),
        }
      }
      case 'openSession':
        liveness.hold(given.token)
        return { is: 'open', run: () => openSession(db, given, now) }
      case 'renewSession':
        return { is: 'open', run: () => db.run(sql.renewSession, now, kept(given)) === 1 }
      case 'closeSession':
        return {
          is: 'open',
          run: () => closeSession(db, given, now),
          after: () => liveness.letGo(given),
        }
      case 'limitQueue':
        return {
          is: 'open',
          run: () => limitQueue(db, given.name, given.concurrency),
        }
    }
  }

  #checkSound(): void {
    if (this.#broken) throw new EverloopError(this.#broken.code, this.#broken.message)
  }

  #break(error: unknown): void {
    this.#broken ??= failureOf(explain(error, this.#location))
  }

  #rollBack(): void {
    try {
      this.#db.exec('ROLLBACK')
    } catch (error) {
      this.#break(error)
    }
  }

  #failed(error: unknown): Outcome {
    return { is: 'failed', failure: failureOf(explain(error, this.#location)) }
  }
}

/** An error as data. Anything that is not everloop's own is a bug of it. */
export function failureOf(error: unknown): Failure {
  if (EverloopError.is(error)) return { code: error.code, message: error.message }
  return { code: 'INTERNAL', message: error instanceof Error ? String(error.stack) : String(error) }
}
