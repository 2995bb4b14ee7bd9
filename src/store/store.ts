/**
 * The store: what keeps ledgers, and the only thing that `run` knows about databases.
 *
 * A store knows entries, not flows. It promises:
 *
 * - S1 An acknowledged write is there after any crash (of the machine too, unless the store's
 *   durability says otherwise).
 * - S2 An append is one transaction: entries, projections, messages taken and sent, runs created,
 *   release. All of it or nothing.
 * - S3 An append commits only while the run still has the given session and epoch and its head is
 *   the one the writer built upon. Otherwise nothing is written and the writer is told which.
 * - S4 A message and the wake-up of its run are one transaction, and a release that has not seen
 *   the newest message makes the run due at once: no wake-up is lost.
 * - S5 A message is taken once: by the append that names it.
 * - S6 A run has at most one holder. Claiming raises the epoch, in the claiming transaction.
 * - S7 Projections (status, title, version, open scopes, open questions) equal the fold over the entries. The
 *   account of a run equals the sum of what the entries of all runs charge to it, and is finite.
 * - S8 Reads are consistent snapshots, and a read after an acknowledgement shows what was acknowledged.
 * - S9 A write whose reply is an error may or may not have happened only when the error says so
 *   (code STORE_UNAVAILABLE); every other error means that nothing was written.
 * - S10 Chunks are text of operations that have no outcome yet: they are published under the fence, and
 *   gone with the append of the outcome, of the end of a scope around it, or of the end of the run.
 * - S11 An import is one transaction: nothing of it can be seen before its parts have come to their end,
 *   and then all of it or nothing. Imported runs are held by nobody, and not due, and charge nothing to
 *   a run that is here and has not ended.
 *
 * All of it is checked by the conformance suite in everloop/testing.
 */
import type { Clock } from '../base/ports.ts'
import type { Amounts, Entry, LinkedEntry, OpenScope, Wait } from '../ledger/index.ts'

/** A store. All methods may be called at any time and concurrently, until `close`. */
export interface Store {
  /** The clock that leases, due times and entry times are measured on. */
  readonly clock: Clock
  readonly about: StoreInfo
  /**
   * For how many milliseconds its calls have kept the thread waiting so far: a disk that stands still is no
   * run's doing. Only in stores that do.
   */
  blockedMs?(): number

  /** Registers a worker session under a token that nobody had before. */
  openSession(session: SessionOptions): Promise<void>
  /** Prolongs the lease by its length from now. False: the session is gone, its runs may be too. */
  renewSession(token: string): Promise<boolean>
  /** Ends the session; runs it still holds are due at once and count no take-over. */
  closeSession(token: string): Promise<void>

  /** Writes the genesis and the run. An existing id is left as it is, and returned. */
  createRun(run: NewRun): Promise<{ readonly created: boolean; readonly run: RunRow }>
  /**
   * Hands out runs that are due and free, raising their epochs. Runs of sessions that have expired
   * or whose process is known to be dead are freed first, and their take-overs counted. A session that
   * is gone is handed nothing, and told no time.
   */
  claim(request: ClaimRequest): Promise<ClaimResult>
  /**
   * Commits under the fence. Rejects only when the store itself is in trouble, or the append makes no
   * sense: entries that do not follow `after`, messages that are not there to be taken.
   */
  append(append: Append): Promise<AppendResult>
  /**
   * Commits what `write` returns under the fence, in one transaction with the rows that it changes.
   * Only in stores that hold rows of users: without it there are no transactional steps. `write` is
   * called when fence and head have been checked, and not at all when they do not hold. What it
   * throws is thrown, and nothing was written; BAD_OPTION when it ended the transaction itself. It is
   * called again when the commit is tried again.
   */
  transact?(place: AppendPlace, write: (transaction: Transaction) => Written): Promise<AppendResult>
  /**
   * Shows text of operations under way to whoever reads `chunks`. False, and nothing was written, when
   * session and epoch are no longer the run's. Of a chunk that was published before, nothing is
   * written again. The first of an attempt takes the place of what other attempts have shown.
   */
  publish(publication: Publication): Promise<boolean>
  /**
   * Writes runs as they are elsewhere, when all parts have come (S11). A run that is here is left as it is,
   * if the imported entries are among its own; if not, or if something would be charged to a run that goes
   * on here, nothing is written, and that is returned. What the parts throw is thrown, and nothing was written.
   */
  importRuns(parts: AsyncIterable<ImportPart>): Promise<ImportResult>
  /** Puts a message into a run's inbox and wakes the run. */
  deliver(message: NewMessage): Promise<DeliverResult>

  run(id: string): Promise<RunRow | undefined>
  /** Newest first. */
  runs(filter: RunFilter): Promise<readonly RunRow[]>
  /** In order of seq, all scopes. */
  entries(run: string, range?: EntryRange): Promise<readonly LinkedEntry[]>
  /** What a resume needs: the entries of scope "" and of all open scopes, in order of seq. */
  openEntries(run: string): Promise<readonly LinkedEntry[]>
  /** These entries, in order of seq; missing ones are left out. */
  entriesAt(run: string, seqs: readonly number[]): Promise<readonly LinkedEntry[]>
  /** All runs' entries in the order in which they were committed. */
  follow(after: number, limit: number): Promise<readonly PositionedEntry[]>
  openScopes(run: string): Promise<readonly OpenScope[]>
  /** Text of the run's operations under way, in the order in which it was published. */
  chunks(run: string, after: number, limit: number): Promise<readonly Chunk[]>
  /**
   * Messages of the run that no append has taken, oldest first: everything but signals, and the
   * oldest signal of each name asked for. Thousands of buffered signals stay where they are.
   */
  messages(run: string, signals: readonly string[]): Promise<readonly Message[]>
  /** The names of its signals that no append has taken, at most so many, that of the oldest first. */
  untakenSignals(run: string, limit: number): Promise<readonly UntakenSignals[]>
  /** Runs of this session that have messages nobody has taken, with the newest message's number. */
  news(session: string): Promise<readonly { readonly run: string; readonly newest: number }[]>
  questions(filter: QuestionFilter): Promise<readonly QuestionRow[]>
  /**
   * What was charged to this run, by name of the amount. Runs charge themselves and those above them;
   * what is charged to a run that is not here is kept all the same.
   */
  account(run: string): Promise<Amounts>
  artifact(hash: string): Promise<Uint8Array | undefined>
  sessions(): Promise<readonly SessionRow[]>
  queues(): Promise<readonly QueueRow[]>
  /** Sets how many runs of a queue may be held at the same time; null for no limit. */
  limitQueue(name: string, concurrency: number | null): Promise<void>

  /** Calls back after something was committed, by this process or another; perhaps needlessly. */
  subscribe(listener: (change: Change) => void): () => void
  /** Waits for writes under way and for reads that were asked for, if they are short; then lets go of everything. */
  close(): Promise<void>
}

/** What a commit may have brought: entries only, or something that a worker could do now. */
export type Change = 'ledger' | 'work'

export interface StoreInfo {
  readonly kind: string
  /** Where it lies, for people. */
  readonly location: string
  /** The version of its schema. */
  readonly version: number
  /** What survives: a power cut, the end of the process, or nothing. */
  readonly durability: 'power-cut' | 'process' | 'none'
}

export interface SessionOptions {
  /** Random text; whoever knows it holds the session. */
  readonly token: string
  readonly leaseMs: number
  /** For people: who this is. */
  readonly name: string
}

export interface SessionRow extends SessionOptions {
  readonly since: number
  /** The lease ends here unless it is renewed. */
  readonly expires: number
  /** How many runs it holds. */
  readonly holds: number
  /** Its process is known to have ended: whatever it holds is free for the next claim. */
  readonly isDead?: true
}

/** True while its worker may be at work. */
export const isAlive = ({ expires, isDead }: SessionRow, now: number): boolean =>
  expires > now && isDead !== true

export interface QueueRow {
  readonly name: string
  readonly concurrency: number | null
  readonly held: number
  /** Runs that are due and not held. */
  readonly due: number
}

export interface NewRun {
  readonly genesis: Entry
  readonly flow: string
  readonly version: string
  readonly queue: string
  readonly labels: Readonly<Record<string, string>>
  readonly parent: string | undefined
  /** When it may be claimed first, on the store's clock. */
  readonly wake: number
  readonly artifacts?: readonly NewArtifact[] | undefined
}

/** A run that is imported, without its entries. */
export interface ImportedRun extends Omit<NewRun, 'genesis' | 'wake' | 'artifacts'> {
  readonly id: string
}

/** What an import brings: a run, then its entries from the first on. Artifacts stand anywhere between. */
export type ImportPart =
  | ({ readonly is: 'run' } & ImportedRun)
  | { readonly is: 'entry'; readonly entry: Entry }
  | { readonly is: 'artifact'; readonly artifact: NewArtifact }

export type ImportResult =
  /** In the order in which they came. Not created: it was here before. */
  | {
      readonly is: 'imported'
      readonly runs: readonly { readonly id: string; readonly created: boolean }[]
    }
  /** A run of this id is here whose ledger does not hold what was to be imported. */
  | { readonly is: 'exists'; readonly run: RunRow }
  /** This run is not here, and has charged the account of one that is here and has not ended. */
  | { readonly is: 'charges'; readonly run: string; readonly account: string }

/** A run as the store lists it. */
export interface RunRow {
  readonly id: string
  readonly flow: string
  readonly version: string
  readonly queue: string
  readonly labels: Readonly<Record<string, string>>
  readonly parent: string | undefined
  readonly status: 'active' | 'paused' | 'completed' | 'failed' | 'cancelled'
  /** The code it is paused or failed with. */
  readonly code: string | undefined
  /** What people call it. */
  readonly title: string | undefined
  /** Time of its first and last entry. */
  readonly created: number
  readonly updated: number
  /** Its last entry. */
  readonly seq: number
  readonly hash: string
  readonly epoch: number
  /** The session that holds it. */
  readonly session: string | undefined
  /** When it is due; undefined when only a message can wake it. */
  readonly wake: number | undefined
  /** How often it lost its worker: the process died, or the lease ran out. */
  readonly crashes: number
  readonly overtakes: number
  /** Losses since its last entry. */
  readonly barren: number
  /** The newest message ever delivered to it; 0 for none. */
  readonly newest: number
}

/**
 * True for a run that was lost with its worker twice and has written nothing in between or since. Once is no
 * suspicion: whatever was in hand when a machine lost its power was lost once.
 */
export const isSuspect = ({ barren }: Pick<RunRow, 'barren'>): boolean => barren > 1

export interface ClaimRequest {
  readonly session: string
  /** Flow name and version of what this worker can execute. */
  readonly flows: readonly { readonly name: string; readonly version: string }[]
  readonly limit: number
  /**
   * Of the suspects (`isSuspect`) at most so many are handed out; what is due beside them is not held
   * up. Left out: any number.
   */
  readonly suspects?: number | undefined
  /**
   * Only this run, whatever its flow and status, due or not, and whether its queue has room or not:
   * somebody wants to have it in hand. Still nobody gets it while it is held.
   */
  readonly run?: string | undefined
}

export interface ClaimResult {
  readonly runs: readonly RunRow[]
  /**
   * When to ask again at the latest if nothing else happens: the next due time in a queue that has
   * room, or the end of another holder's lease. Suspects count only while more may be handed out.
   */
  readonly nextDue: number | undefined
}

/** Where an append goes, and by whom. */
export interface AppendPlace {
  readonly run: string
  readonly session: string
  readonly epoch: number
  /** The head that the entries were sealed upon. */
  readonly after: { readonly seq: number; readonly hash: string }
}

/** What is appended beside a user's rows. */
export interface Written {
  readonly entries: readonly Entry[]
  readonly artifacts?: readonly NewArtifact[] | undefined
}

/** What a column of a user's table can hold. */
export type SqlValue = null | number | bigint | string | Uint8Array

/** The user's rows inside of the transaction. Everloop's own tables are out of reach. */
export interface Transaction {
  /** Executes one statement. */
  run(
    sql: string,
    ...values: readonly SqlValue[]
  ): { readonly changes: number; readonly lastInsertRowid: number | bigint }
  /** The first row that a statement gives. */
  get<Row = Readonly<Record<string, SqlValue>>>(
    sql: string,
    ...values: readonly SqlValue[]
  ): Row | undefined
  /** All rows that a statement gives. */
  all<Row = Readonly<Record<string, SqlValue>>>(
    sql: string,
    ...values: readonly SqlValue[]
  ): readonly Row[]
}

export interface Append extends AppendPlace {
  readonly entries: readonly Entry[]
  /** Messages that became entries here. */
  readonly taken?: readonly number[] | undefined
  /**
   * Commit only if no message newer than this has been delivered. For outcomes that a message
   * could still prevent: expiries.
   */
  readonly unlessNewerThan?: number | undefined
  readonly create?: readonly NewRun[] | undefined
  readonly deliver?: readonly NewMessage[] | undefined
  readonly artifacts?: readonly NewArtifact[] | undefined
  /**
   * Gives the run back. Due at once when a message newer than `seen` is there that a run of its
   * status is woken by (`reception`); never due when it has completed or was cancelled.
   */
  readonly release?: { readonly wake: number | undefined; readonly seen: number } | undefined
}

export type AppendResult =
  | { readonly is: 'committed'; readonly newest: number }
  /** Session or epoch are no longer the run's. */
  | { readonly is: 'fenced' }
  /** The head is another one, which under an intact fence means: an earlier append did commit. */
  | { readonly is: 'displaced'; readonly seq: number; readonly hash: string }
  /** `unlessNewerThan` did not hold. */
  | { readonly is: 'news'; readonly newest: number }

/** Text that has come since the last publication. */
export interface Publication {
  readonly run: string
  readonly session: string
  readonly epoch: number
  readonly chunks: readonly NewChunk[]
}

export interface NewChunk {
  /** Of the operation. */
  readonly path: string
  readonly attempt: number
  /** Counted from 1 in each attempt. */
  readonly part: number
  readonly text: string
}

/** Part 0, without text, says that what other attempts have shown so far is void. */
export interface Chunk extends NewChunk {
  /** Grows over the whole store. */
  readonly number: number
  /** The run's last entry at that moment. */
  readonly seq: number
  readonly epoch: number
}

export type MessageKind = 'signal' | 'answer' | 'cancel' | 'pause' | 'resume' | 'retry' | 'child'

export interface NewMessage {
  readonly run: string
  readonly kind: MessageKind
  /** Signal: its name. Answer: the question's id. Child: the child's id. Else "". */
  readonly name: string
  /** Encoded record, see `MessageRecords` in run/pass/inbox.ts. */
  readonly payload: string
  /** A second message of this id to the same run is dropped, even after the first was taken. */
  readonly id?: string | undefined
  /**
   * Deliver only if no message newer than this has been delivered to the run: the sender has judged
   * by all there are up to it.
   */
  readonly unlessNewerThan?: number | undefined
  /** An answer behind which others may come, one vote of several, say: its question stays open. */
  readonly keepsOpen?: boolean | undefined
}

/** A message in an inbox. How it was to be delivered is over. */
export interface Message extends Omit<NewMessage, 'unlessNewerThan' | 'keepsOpen'> {
  /** Grows over the whole store. */
  readonly number: number
  readonly time: number
}

export type DeliverResult =
  | { readonly is: 'delivered'; readonly number: number }
  | { readonly is: 'duplicate' }
  | { readonly is: 'unknown-run' }
  /** The run takes no such message in this status. */
  | { readonly is: 'refused'; readonly status: RunRow['status'] }
  | { readonly is: 'unknown-question' }
  | { readonly is: 'question-closed' }
  /** `unlessNewerThan` did not hold. */
  | { readonly is: 'news'; readonly newest: number }

/**
 * When a message of this kind is accepted, and whether it wakes the run. One table for all stores.
 * Paused runs keep their signals, answers and children's ends for later. `isRetried`: a retry lies in the
 * inbox of a failed run, which is as good as active then: whoever cancels it is not too late.
 */
export function reception(
  kind: MessageKind,
  status: RunRow['status'],
  isRetried = false,
): 'wake' | 'keep' | 'refuse' {
  switch (status) {
    case 'active':
      return kind === 'retry' || kind === 'resume' ? 'refuse' : 'wake'
    case 'paused':
      return kind === 'resume' || kind === 'cancel'
        ? 'wake'
        : kind === 'retry' || kind === 'pause'
          ? 'refuse'
          : 'keep'
    case 'failed':
      if (kind === 'retry') return 'wake'
      return isRetried ? reception(kind, 'active') : 'refuse'
    case 'completed':
    case 'cancelled':
      return 'refuse'
  }
}

export interface NewArtifact {
  /** SHA-256 of the bytes, base64url. */
  readonly hash: string
  readonly bytes: Uint8Array
}

export interface QuestionRow {
  /** Run id, "/" and the number of the entry that asked. */
  readonly id: string
  readonly run: string
  readonly wait: Wait
  /** `answered`: an answer was accepted and is waiting for the holder. */
  readonly state: 'open' | 'answered'
}

export interface QuestionFilter {
  readonly run?: string | undefined
  /** A question whose id is this or begins with it. */
  readonly id?: string | undefined
  readonly limit?: number | undefined
}

export interface RunFilter {
  readonly status?: readonly RunRow['status'][] | undefined
  readonly flow?: string | undefined
  readonly queue?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  /** Id is this or begins with it. */
  readonly id?: string | undefined
  readonly parent?: string | undefined
  /** Only runs that this session holds. */
  readonly session?: string | undefined
  readonly createdSince?: number | undefined
  readonly limit?: number | undefined
  /** Only runs created before this one: the last row of the page before. */
  readonly before?: string | undefined
}

/** Signals of one name, and how many of them wait. */
export interface UntakenSignals {
  readonly name: string
  readonly count: number
}

export interface EntryRange {
  /** Only entries with a higher seq. */
  readonly after?: number | undefined
  readonly limit?: number | undefined
  /** None behind that with which their payloads have so many characters: one of them may have megabytes. */
  readonly units?: number | undefined
}

export interface PositionedEntry extends LinkedEntry {
  /** Where it stands among all entries of the store; grows, may have gaps. */
  readonly position: number
}
