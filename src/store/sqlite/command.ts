/**
 * What the writer can be told, as plain data: commands cross to another thread in batches, and
 * replies come back in the same order.
 */
import type { ErrorCode } from '../../base/errors.ts'
import type {
  Append,
  AppendPlace,
  AppendResult,
  ClaimRequest,
  ClaimResult,
  DeliverResult,
  ImportResult,
  NewMessage,
  NewRun,
  Publication,
  RunRow,
  SessionOptions,
  Transaction,
  Written,
} from '../store.ts'
import type { Spooled } from './spool.ts'

/** A session that ended without closing, and what says so. Its runs may be taken. */
export type LostSession =
  | { readonly token: string; readonly by: 'crash' }
  /** `expires`: as it was when this was found. */
  | { readonly token: string; readonly by: 'lease'; readonly expires: number }

/** An append whose entries the caller's code makes, inside of the transaction. */
export interface Transact {
  readonly place: AppendPlace
  readonly write: (transaction: Transaction) => Written
}

/** What the caller's code threw: nothing was written. */
export interface Thrown {
  readonly is: 'thrown'
  readonly error: unknown
}

/** By command: what it is given, and what it replies. */
export interface Commands {
  openSession: { readonly with: SessionOptions; readonly reply: void }
  renewSession: { readonly with: string; readonly reply: boolean }
  closeSession: { readonly with: string; readonly reply: void }
  createRun: {
    readonly with: NewRun
    readonly reply: { readonly created: boolean; readonly run: RunRow }
  }
  claim: {
    readonly with: { readonly request: ClaimRequest; readonly lost: readonly LostSession[] }
    readonly reply: ClaimResult & { readonly freed: readonly string[] }
  }
  append: { readonly with: Append; readonly reply: AppendResult }
  /** Holds code, so it never crosses to another thread and is alone in its batch. */
  transact: { readonly with: Transact; readonly reply: AppendResult | Thrown }
  deliver: { readonly with: NewMessage; readonly reply: DeliverResult }
  importRuns: { readonly with: Spooled; readonly reply: ImportResult }
  publish: { readonly with: Publication; readonly reply: boolean }
  limitQueue: {
    readonly with: { readonly name: string; readonly concurrency: number | null }
    readonly reply: void
  }
}

export type CommandName = keyof Commands

/** One command. */
export type Command = {
  [K in CommandName]: { readonly is: K; readonly with: Commands[K]['with'] }
}[CommandName]

/** Commands for one transaction, and the time at which they happen. */
export interface Batch {
  readonly now: number
  readonly commands: readonly Command[]
}

/** An error that crosses threads. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
}

/** How one command ended. */
export type Outcome =
  | { readonly is: 'done'; readonly reply: Commands[CommandName]['reply'] }
  | { readonly is: 'failed'; readonly failure: Failure }

/** How a batch ended, outcome n belonging to command n. */
export interface BatchResult {
  readonly outcomes: readonly Outcome[]
  /** The store cannot go on: every later call gets this. */
  readonly broken: Failure | undefined
}

/** How many characters the command brings, roughly; infinite when there may be very many. */
export function unitsOf(command: Command): number {
  switch (command.is) {
    case 'append': {
      const { entries, create = [], deliver = [], artifacts = [] } = command.with
      if (create.length > 0 || deliver.length > 0 || artifacts.length > 0) return Infinity
      return entries.reduce((units, { payload }) => units + (payload?.length ?? 0), 0)
    }
    case 'createRun':
      return command.with.artifacts ? Infinity : (command.with.genesis.payload?.length ?? 0)
    case 'importRuns':
      return Infinity
    case 'deliver':
      return command.with.payload.length
    case 'publish':
      return command.with.chunks.reduce((units, { text }) => units + text.length, 0)
    default:
      return 0
  }
}
