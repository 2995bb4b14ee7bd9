/**
 * The SQLite store: one file, several processes.
 *
 * Writes go through a queue to one of two writers; reads happen here, on a connection that cannot
 * write, and so does what says which sessions are alive. This file only joins them, tells
 * subscribers, and closes.
 */
import { resolve as absolutePath } from 'node:path'
import { EverloopError } from '../../base/errors.ts'
import { microtask } from '../../base/microtask.ts'
import type { Clock, Ports } from '../../base/ports.ts'
import type { Amounts, LinkedEntry, OpenScope } from '../../ledger/index.ts'
import { checkNewRun } from '../check.ts'
import type {
  Append,
  AppendPlace,
  AppendResult,
  Change,
  Chunk,
  ClaimRequest,
  ClaimResult,
  DeliverResult,
  EntryRange,
  ImportPart,
  ImportResult,
  Message,
  NewMessage,
  NewRun,
  PositionedEntry,
  Publication,
  QuestionFilter,
  QuestionRow,
  QueueRow,
  RunFilter,
  RunRow,
  SessionOptions,
  SessionRow,
  Store,
  UntakenSignals,
  StoreInfo,
  Transaction,
  Written,
} from '../store.ts'
import { schemaVersion } from './migrations.ts'
import type { CommandName, Commands } from './command.ts'
import type { Connection } from './driver.ts'
import { Liveness } from './liveness.ts'
import { foundAt, Names, realLocation } from './moved.ts'
import { type Durability, type OpenedFile, openHere } from './open.ts'
import { Reader } from './reader.ts'
import { ReadQueue } from './read-queue.ts'
import { Spool } from './spool.ts'
import { Subscribers } from './subscribers.ts'
import { explain } from './trouble.ts'
import { TurnBudget } from './turn-budget.ts'
import { WriteQueue } from './write-queue.ts'
import { Writer } from './writer.ts'
import { Writers } from './writers.ts'

export interface SqliteStoreOptions {
  /** The file. It and its folder are made when they are not there. */
  readonly location: string
  readonly ports: Ports
  /**
   * What an acknowledged write survives: `power-cut` (the default), or only the end of the
   * `process`: faster, but a power cut or a crash of the system may take the last seconds.
   */
  readonly durability?: Durability | undefined
  /** False refuses a store of an older version (STORE_OLDER) instead of bringing it up to date. */
  readonly mayMigrate?: boolean | undefined
}

/** Opens the store, making the file when there is none. */
export async function sqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { ports, durability = 'power-cut', mayMigrate } = options
  const place = absolutePath(options.location)
  let connection: Connection | undefined
  try {
    const location = realLocation(place)
    connection = await openHere({ location, durability, mayMigrate }, ports)
    const file = { ...foundAt(location), durability }
    return new SqliteStore({ file, ports, connection })
  } catch (error) {
    connection?.close()
    throw explain(error, place)
  }
}

interface Parts {
  readonly file: OpenedFile
  readonly ports: Ports
  /** Writes, and never blocks. */
  readonly connection: Connection
}

class SqliteStore implements Store {
  readonly about: StoreInfo
  readonly clock: Clock
  readonly #ports: Ports
  readonly #reader: Reader
  readonly #reads: ReadQueue
  readonly #writers: Writers
  readonly #queue: WriteQueue
  readonly #liveness: Liveness
  readonly #subscribers: Subscribers
  /** Opened here and not closed: closing the store closes them, so that nobody takes it for a crash. */
  readonly #sessions = new Set<string>()
  #closing: Promise<void> | undefined
  /** Why everything is refused: the store was closed, or it failed and closed itself. */
  #refusal: EverloopError | undefined

  constructor({ file, ports, connection }: Parts) {
    const { location, durability } = file
    this.about = { kind: 'sqlite', location, version: schemaVersion, durability }
    this.clock = ports.clock
    this.#ports = ports
    const budget = new TurnBudget(ports)
    const names = new Names(file)
    this.#reader = new Reader(location, { clock: ports.clock, budget })
    this.#reads = new ReadQueue({
      ports,
      budget,
      transact: (reads) => {
        names.check()
        this.#reader.transact(reads)
      },
    })
    this.#subscribers = new Subscribers(ports, () => {
      names.check()
      return this.#reader.version()
    })
    this.#liveness = new Liveness(location, ports)
    const here = new Writer({ connection, file, patience: 'gives-up' })
    this.#writers = new Writers(file, here, ports)
    this.#queue = new WriteQueue({
      ports,
      execute: (batch) => this.#writers.execute(batch),
      onChange: (change) => this.#subscribers.notify(change),
      onBreak: (error) => this.#break(error),
    })
  }

  blockedMs(): number {
    return this.#writers.blockedMs
  }

  /** The lock comes before the row and goes after it: a row without a lock belongs to nobody alive. */
  async openSession(session: SessionOptions): Promise<void> {
    const { token } = session
    await this.#read((reader) => {
      this.#liveness.clear(reader.sessionTokens())
      this.#liveness.hold(token)
    })
    try {
      await this.#write('openSession', session)
    } catch (error) {
      if (!this.#sessions.has(token)) this.#liveness.letGo(token) // nobody will close it
      throw error
    }
    this.#sessions.add(token)
  }

  renewSession(token: string): Promise<boolean> {
    return this.#write('renewSession', token)
  }

  async closeSession(token: string): Promise<void> {
    await this.#write('closeSession', token)
    this.#sessions.delete(token)
    this.#liveness.letGo(token)
  }

  async createRun(run: NewRun): Promise<{ readonly created: boolean; readonly run: RunRow }> {
    checkNewRun(run)
    return this.#write('createRun', run)
  }

  /** Looks first: mostly there is nothing to do, and nothing needs to be written to see that. */
  async claim(request: ClaimRequest): Promise<ClaimResult> {
    const { lost, idle } = await this.#read((reader) => reader.due(request, this.#liveness))
    if (idle) return idle
    const { runs, nextDue, freed } = await this.#write('claim', { request, lost })
    for (const token of freed) {
      this.#sessions.delete(token)
      this.#liveness.forget(token)
    }
    return { runs, nextDue }
  }

  append(append: Append): Promise<AppendResult> {
    return this.#write('append', append)
  }

  async transact(
    place: AppendPlace,
    write: (transaction: Transaction) => Written,
  ): Promise<AppendResult> {
    const reply = await this.#write('transact', { place, write })
    if (reply.is === 'thrown') throw reply.error
    return reply
  }

  publish(publication: Publication): Promise<boolean> {
    return this.#write('publish', publication)
  }

  async importRuns(parts: AsyncIterable<ImportPart>): Promise<ImportResult> {
    const spool = await this.#read(() => Spool.open(this.about.location, this.#ports))
    try {
      for await (const part of parts) await this.#whileOpen(() => spool.add(part))
      return await this.#write('importRuns', await this.#whileOpen(() => spool.end()))
    } finally {
      await spool.close()
    }
  }

  deliver(message: NewMessage): Promise<DeliverResult> {
    return this.#write('deliver', message)
  }

  async limitQueue(name: string, concurrency: number | null): Promise<void> {
    await this.#write('limitQueue', { name, concurrency })
  }

  run(id: string): Promise<RunRow | undefined> {
    return this.#read((reader) => reader.run(id))
  }

  runs(filter: RunFilter): Promise<readonly RunRow[]> {
    return this.#read((reader) => reader.runs(filter))
  }

  entries(run: string, range?: EntryRange): Promise<readonly LinkedEntry[]> {
    return this.#read((reader) => reader.entries(run, range))
  }

  openEntries(run: string): Promise<readonly LinkedEntry[]> {
    return this.#read((reader) => reader.openEntries(run))
  }

  entriesAt(run: string, seqs: readonly number[]): Promise<readonly LinkedEntry[]> {
    return this.#read((reader) => reader.entriesAt(run, seqs))
  }

  follow(after: number, limit: number): Promise<readonly PositionedEntry[]> {
    return this.#read((reader) => reader.follow(after, limit))
  }

  openScopes(run: string): Promise<readonly OpenScope[]> {
    return this.#read((reader) => reader.openScopes(run))
  }

  chunks(run: string, after: number, limit: number): Promise<readonly Chunk[]> {
    return this.#read((reader) => reader.chunks(run, after, limit))
  }

  messages(run: string, signals: readonly string[]): Promise<readonly Message[]> {
    return this.#read((reader) => reader.messages(run, signals))
  }

  untakenSignals(run: string, limit: number): Promise<readonly UntakenSignals[]> {
    return this.#read((reader) => reader.untakenSignals(run, limit))
  }

  news(session: string): Promise<readonly { readonly run: string; readonly newest: number }[]> {
    return this.#read((reader) => reader.news(session))
  }

  questions(filter: QuestionFilter): Promise<readonly QuestionRow[]> {
    return this.#read((reader) => reader.questions(filter))
  }

  account(run: string): Promise<Amounts> {
    return this.#read((reader) => reader.account(run))
  }

  artifact(hash: string): Promise<Uint8Array | undefined> {
    return this.#read((reader) => reader.artifact(hash))
  }

  sessions(): Promise<readonly SessionRow[]> {
    return this.#read((reader) => reader.sessions(this.#liveness))
  }

  queues(): Promise<readonly QueueRow[]> {
    return this.#read((reader) => reader.queues())
  }

  subscribe(listener: (change: Change) => void): () => void {
    if (this.#refusal) throw this.#refusal
    return this.#subscribers.add(listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#refusal) return
    const refusal = closed(this.about.location)
    this.#refusal = refusal
    this.#subscribers.stop()
    const sessions = Array.from(this.#sessions, (token) =>
      this.#queue.submit('closeSession', token).then(() => this.#liveness.letGo(token)),
    )
    const asked = this.#reads.submit(() => undefined) // the last: what is short was read before it
    await Promise.allSettled([...sessions, asked])
    await this.#queue.stop(refusal)
    if (this.#refusal !== refusal) return // it failed on the way and has closed itself
    await this.#letGo()
  }

  /** The store failed: it gives up its locks, so that other processes take over at once. */
  #break(reason: EverloopError): void {
    this.#refusal = reason
    // Whoever listens asks, and is told the reason.
    this.#subscribers.notify('work')
    microtask(() => this.#subscribers.stop())
    this.#letGo().catch(() => undefined) // a broken thread cannot be closed any better
  }

  /** The reader first: SQLite removes its log when the last connection to close can write. */
  async #letGo(): Promise<void> {
    this.#liveness.close()
    this.#reader.close()
    await this.#writers.close()
  }

  #write<K extends CommandName>(is: K, given: Commands[K]['with']): Promise<Commands[K]['reply']> {
    return this.#refusal ? Promise.reject(this.#refusal) : this.#queue.submit(is, given)
  }

  #read<T>(read: (reader: Reader) => T | Promise<T>): Promise<T> {
    return this.#whileOpen(() => this.#reads.submit(() => read(this.#reader)))
  }

  #whileOpen<T>(act: () => Promise<T>): Promise<T> {
    return this.#refusal ? Promise.reject(this.#refusal) : act().catch(this.#explain)
  }

  readonly #explain = (error: unknown): never => {
    throw this.#refusal ?? explain(error, this.about.location)
  }
}

const closed = (location: string): EverloopError =>
  new EverloopError('STORE_CLOSED', `The store ${location} was closed.`)
