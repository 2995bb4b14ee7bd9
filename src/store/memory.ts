/**
 * The store that forgets everything with its process: for tests and for simulation.
 *
 * All work is done synchronously inside the call, so calls take effect in the order in which they
 * are made, and the same calls always give the same answers. Every append checks everything before
 * it changes anything, which is what makes it all or nothing (S2).
 */
import { microtask } from '../base/microtask.ts'
import type { Clock } from '../base/ports.ts'
import { assert, EverloopError } from '../base/errors.ts'
import {
  addCharge,
  type Amounts,
  chargeOf,
  type Entry,
  type LinkedEntry,
  type OpenScope,
} from '../ledger/index.ts'
import { changeOfAppend, changeOfDelivery, changeOfImport } from './change.ts'
import { checkAppend, checkNewRun } from './check.ts'
import { createdBy, decideImport } from './decide-import.ts'
import { fitsFilter } from './fits-filter.ts'
import { ImportHeads } from './import-heads.ts'
import { MemoryRun } from './memory-run.ts'
import { MemorySessions } from './memory-sessions.ts'
import { wakeOnRelease } from './projection.ts'
import type {
  Append,
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
  NewArtifact,
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
} from './store.ts'

/** Opens an empty store that lives as long as the object. */
export function memoryStore({ clock }: { readonly clock: Clock }): Store {
  return new MemoryStore(clock)
}

class MemoryStore implements Store {
  readonly about = { kind: 'memory', location: 'memory', version: 1, durability: 'none' } as const
  readonly clock: Clock
  readonly #runs = new Map<string, MemoryRun>()
  readonly #log: PositionedEntry[] = []
  readonly #artifacts = new Map<string, Uint8Array>()
  readonly #accounts = new Map<string, Map<string, number>>()
  readonly #sessions: MemorySessions
  readonly #listeners = new Set<(change: Change) => void>()
  #messages = 0
  #chunks = 0
  #closed = false

  constructor(clock: Clock) {
    this.clock = clock
    this.#sessions = new MemorySessions(clock, this.#runs)
  }

  async openSession(session: SessionOptions): Promise<void> {
    this.#checkOpen()
    this.#sessions.open(session)
  }

  async renewSession(token: string): Promise<boolean> {
    this.#checkOpen()
    return this.#sessions.renew(token)
  }

  async closeSession(token: string): Promise<void> {
    this.#checkOpen()
    this.#sessions.close(token)
    this.#notify('work')
  }

  async createRun(run: NewRun): Promise<{ readonly created: boolean; readonly run: RunRow }> {
    this.#checkOpen()
    checkNewRun(run)
    const created = this.#create(run)
    if (created) this.#notify('work')
    return { created, run: this.#need(run.genesis.run).snapshot() }
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    this.#checkOpen()
    return this.#sessions.claim(request)
  }

  async append(append: Append): Promise<AppendResult> {
    this.#checkOpen()
    const { after, entries, taken = [], unlessNewerThan = Infinity, release } = append
    const run = this.#runs.get(append.run)
    if (run?.row.session !== append.session || run.row.epoch !== append.epoch) {
      return { is: 'fenced' }
    }
    const { row } = run
    if (row.seq !== after.seq || row.hash !== after.hash) {
      return { is: 'displaced', seq: row.seq, hash: row.hash }
    }
    if (row.newest > unlessNewerThan) return { is: 'news', newest: row.newest }
    checkAppend(append)
    for (const number of taken) {
      // Without entries nothing was made of a message: taking it again changes nothing.
      const isSound = run.inbox.has(number) || entries.length === 0
      assert(isSound, `Message ${number} was taken twice.`, { run: append.run })
    }

    for (const entry of entries) this.#write(run, entry)
    if (entries.length > 0) row.barren = 0
    for (const number of taken) run.inbox.delete(number)
    this.#keep(append.artifacts)
    for (const child of append.create ?? []) this.#create(child)
    for (const message of append.deliver ?? []) this.#receive(message)
    if (release) {
      const unseen = Array.from(run.inbox.values()).filter(({ number }) => number > release.seen)
      const kinds = unseen.map(({ kind }) => kind)
      row.wake = wakeOnRelease(release, row.status, kinds, this.clock.now())
      row.session = undefined
    }
    const result = { is: 'committed', newest: row.newest } as const
    this.#notify(changeOfAppend(append, result))
    return result
  }

  async publish({ run: id, session, epoch, chunks }: Publication): Promise<boolean> {
    this.#checkOpen()
    const run = this.#runs.get(id)
    if (run?.row.session !== session || run.row.epoch !== epoch) return false
    run.show(chunks, () => ++this.#chunks)
    this.#notify('ledger')
    return true
  }

  async importRuns(parts: AsyncIterable<ImportPart>): Promise<ImportResult> {
    this.#checkOpen()
    const heads = new ImportHeads()
    const all: ImportPart[] = []
    for await (const part of parts) {
      heads.take(part)
      all.push(part)
    }
    this.#checkOpen()
    const result = decideImport(heads.end(), {
      run: (id) => this.#row(id),
      hash: (id, seq) => this.#runs.get(id)?.entries[seq - 1]?.hash,
    })
    if (result.is === 'imported') this.#import(all, createdBy(result))
    this.#notify(changeOfImport(result))
    return result
  }

  async deliver(message: NewMessage): Promise<DeliverResult> {
    this.#checkOpen()
    const result = this.#receive(message)
    this.#notify(changeOfDelivery(result))
    return result
  }

  async run(id: string): Promise<RunRow | undefined> {
    this.#checkOpen()
    return this.#row(id)
  }

  async runs(filter: RunFilter): Promise<readonly RunRow[]> {
    this.#checkOpen()
    const { before, limit = Infinity } = filter
    const all = Array.from(this.#runs.values())
    const end = before === undefined ? all.length : all.findIndex(({ row }) => row.id === before)
    return all
      .slice(0, Math.max(0, end)) // no run comes before one that is not there
      .filter(({ row }) => fitsFilter(row, filter))
      .toReversed()
      .slice(0, limit)
      .map((run) => run.snapshot())
  }

  async entries(run: string, range: EntryRange = {}): Promise<readonly LinkedEntry[]> {
    this.#checkOpen()
    return this.#runs.get(run)?.entriesIn(range) ?? []
  }

  async openEntries(run: string): Promise<readonly LinkedEntry[]> {
    this.#checkOpen()
    return this.#runs.get(run)?.openEntries() ?? []
  }

  async entriesAt(run: string, seqs: readonly number[]): Promise<readonly LinkedEntry[]> {
    this.#checkOpen()
    const wanted = new Set(seqs)
    const entries = this.#runs.get(run)?.entries ?? []
    return entries.filter(({ seq }) => wanted.has(seq))
  }

  async follow(after: number, limit: number): Promise<readonly PositionedEntry[]> {
    this.#checkOpen()
    return this.#log.slice(Math.max(0, after), Math.max(0, after) + limit)
  }

  async openScopes(run: string): Promise<readonly OpenScope[]> {
    this.#checkOpen()
    return this.#runs.get(run)?.openScopes() ?? []
  }

  async chunks(run: string, after: number, limit: number): Promise<readonly Chunk[]> {
    this.#checkOpen()
    const chunks = this.#runs.get(run)?.chunks ?? []
    return chunks.filter(({ number }) => number > after).slice(0, limit)
  }

  async messages(run: string, signals: readonly string[]): Promise<readonly Message[]> {
    this.#checkOpen()
    return this.#runs.get(run)?.untaken(signals) ?? []
  }

  async untakenSignals(run: string, limit: number): Promise<readonly UntakenSignals[]> {
    this.#checkOpen()
    return this.#runs.get(run)?.untakenSignals().slice(0, limit) ?? []
  }

  async news(
    session: string,
  ): Promise<readonly { readonly run: string; readonly newest: number }[]> {
    this.#checkOpen()
    return Array.from(this.#runs.values())
      .filter(({ row, inbox }) => row.session === session && inbox.size > 0)
      .map(({ row }) => ({ run: row.id, newest: row.newest }))
  }

  async questions(filter: QuestionFilter): Promise<readonly QuestionRow[]> {
    this.#checkOpen()
    const { run, id: prefix = '', limit = Infinity } = filter
    return Array.from(this.#runs.values())
      .filter(({ row }) => run === undefined || row.id === run)
      .flatMap((one) => one.asked())
      .filter(({ row }) => row.id.startsWith(prefix))
      .toSorted((a, b) => a.position - b.position)
      .slice(0, limit)
      .map(({ row }) => row)
  }

  async account(run: string): Promise<Amounts> {
    this.#checkOpen()
    return Object.fromEntries(this.#accounts.get(run) ?? [])
  }

  async artifact(hash: string): Promise<Uint8Array | undefined> {
    this.#checkOpen()
    return this.#artifacts.get(hash)?.slice()
  }

  async sessions(): Promise<readonly SessionRow[]> {
    this.#checkOpen()
    return this.#sessions.list()
  }

  async queues(): Promise<readonly QueueRow[]> {
    this.#checkOpen()
    return this.#sessions.queues()
  }

  async limitQueue(name: string, concurrency: number | null): Promise<void> {
    this.#checkOpen()
    this.#sessions.limit(name, concurrency)
    this.#notify('work')
  }

  subscribe(listener: (change: Change) => void): () => void {
    this.#checkOpen()
    const own = (change: Change): void => listener(change) // so that one function can subscribe twice
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#listeners.clear()
  }

  #create(run: NewRun): boolean {
    if (this.#runs.has(run.genesis.run)) return false
    const created = new MemoryRun(run)
    this.#runs.set(run.genesis.run, created)
    this.#write(created, run.genesis)
    this.#sessions.addQueue(run.queue)
    this.#keep(run.artifacts)
    return true
  }

  /** Writes what belongs to these runs, and all artifacts. */
  #import(parts: readonly ImportPart[], created: ReadonlySet<string>): void {
    let about: Omit<NewRun, 'genesis'> | undefined
    for (const part of parts) {
      if (part.is === 'artifact') this.#keep([part.artifact])
      else if (part.is === 'run') about = created.has(part.id) ? { ...part, wake: 0 } : undefined
      else if (about && part.entry.seq === 1) this.#create({ ...about, genesis: part.entry })
      else if (about) this.#write(this.#need(part.entry.run), part.entry)
    }
    for (const id of created) {
      const { row, entries } = this.#need(id)
      row.epoch = entries.at(-1)?.epoch ?? 0
      row.wake = undefined
    }
  }

  #write(run: MemoryRun, entry: Entry): void {
    this.#log.push(run.apply(entry, this.#log.length + 1))
    const charge = chargeOf(entry)
    if (charge) addCharge(this.#accounts, charge)
  }

  #keep(artifacts: readonly NewArtifact[] = []): void {
    for (const { hash, bytes } of artifacts) {
      if (!this.#artifacts.has(hash)) this.#artifacts.set(hash, bytes.slice())
    }
  }

  #receive(message: NewMessage): DeliverResult {
    const run = this.#runs.get(message.run)
    if (!run) return { is: 'unknown-run' }
    const result = run.receive(message, this.#messages + 1, this.clock.now())
    if (result.is === 'delivered') this.#messages += 1
    return result
  }

  #row(id: string): RunRow | undefined {
    return this.#runs.get(id)?.snapshot()
  }

  #need(id: string): MemoryRun {
    const run = this.#runs.get(id)
    assert(run, 'A run vanished from a store that never deletes any.', { run: id })
    return run
  }

  #checkOpen(): void {
    if (this.#closed) throw new EverloopError('STORE_CLOSED', 'The store was closed.')
  }

  /** Listeners are called when the caller is done, as they would be by any other store. */
  #notify(change: Change | undefined): void {
    if (change === undefined) return
    for (const listener of this.#listeners) {
      microtask(() => {
        if (this.#listeners.has(listener)) listener(change)
      })
    }
  }
}
