/**
 * The store as one process reaches it: every call travels to the real store and back as events, and
 * on the way everything can go wrong that the store's contract allows.
 */
import { EverloopError } from '../../src/base/errors.ts'
import type { Clock } from '../../src/base/ports.ts'
import { messageSignal } from '../../src/agent/loop/inbox.ts'
import { encode } from '../../src/ledger/index.ts'
import type {
  Append,
  AppendPlace,
  AppendResult,
  Change,
  ClaimRequest,
  ClaimResult,
  DeliverResult,
  EntryRange,
  ImportPart,
  ImportResult,
  NewMessage,
  NewRun,
  Publication,
  QuestionFilter,
  RunFilter,
  RunRow,
  SessionOptions,
  Store,
  Transaction,
  Written,
} from '../../src/store/store.ts'
import { type Family, journey } from './journey.ts'
import { never, type Process } from './process.ts'
import type { Owner } from './scheduler.ts'
import type { Surroundings } from './surroundings.ts'

export class FaultyStore implements Store {
  readonly clock: Clock
  readonly about: Store['about']
  readonly #world: Surroundings
  readonly #process: Process
  readonly #inner: Store
  readonly #listeners = new Set<(change: Change) => void>()
  readonly #deployment: number
  #closed = false
  /** Only where steps are to be transactional. */
  readonly transact?: NonNullable<Store['transact']>

  constructor(world: Surroundings, process: Process, deployment: number) {
    this.#deployment = deployment
    this.#world = world
    this.#process = process
    this.#inner = world.store
    this.clock = world.store.clock
    this.about = world.store.about
    if (world.extras.has('steps in transactions')) {
      this.transact = (place, write) => this.#transact(place, write)
    }
  }

  openSession(session: SessionOptions): Promise<void> {
    return this.#call('write', 'openSession', async () => {
      await this.#inner.openSession(session)
      this.#world.observer.onOpenSession(session.token, session.leaseMs)
      this.#process.sessions.push(session.token)
      this.#world.deployments.set(session.token, this.#deployment)
    })
  }

  renewSession(token: string): Promise<boolean> {
    return this.#call('heartbeat', 'renew', async () => {
      const renewed = await this.#inner.renewSession(token)
      this.#world.observer.onRenew(token, renewed)
      if (!renewed) this.#world.report.reach('worker lost its session')
      return renewed
    })
  }

  closeSession(token: string): Promise<void> {
    return this.#call('end', 'closeSession', async () => {
      await this.#inner.closeSession(token)
      this.#world.observer.onCloseSession(token)
    })
  }

  createRun(run: NewRun): Promise<{ readonly created: boolean; readonly run: RunRow }> {
    return this.#call('write', 'createRun', async () => {
      const result = await this.#inner.createRun(run)
      this.#world.observer.onCreate(run, result.created)
      return result
    })
  }

  importRuns(parts: AsyncIterable<ImportPart>): Promise<ImportResult> {
    return this.#call('write', 'importRuns', () => this.#inner.importRuns(parts))
  }

  async claim(request: ClaimRequest): Promise<ClaimResult> {
    const result = await this.#call('claim', 'claim', async () => {
      const claimed = await this.#inner.claim(request)
      this.#world.observer.onClaim(request, claimed.runs)
      return claimed
    })
    for (const { id, epoch } of result.runs) this.#process.epochs.set(id, epoch)
    if (!this.#world.faults.strikes('claim says a wrong next due time')) return result
    const { chance } = this.#world.faults
    const { nextDue = this.clock.now() } = result
    return { ...result, nextDue: chance.roll(0.3) ? undefined : nextDue + chance.between(-1, 9000) }
  }

  async append(append: Append): Promise<AppendResult> {
    const result = await this.#call('write', 'append', async () => {
      if (this.#world.extras.has('somebody has the last word')) await this.#speakAtEnd(append)
      const answer = await this.#inner.append(append)
      this.#world.observer.onAppend(append, answer)
      return answer
    })
    const isWritten = result.is === 'committed' || result.is === 'displaced'
    if (isWritten && append.entries.some(({ kind }) => kind === 'run.cancelling')) {
      this.#world.observer.run(append.run).knowsCancel = true
    }
    return result
  }

  /** Somebody speaks to an agent at the moment in which it ends, once. */
  async #speakAtEnd({ run, entries }: Append): Promise<void> {
    const { observer, report } = this.#world
    if (entries.at(-1)?.kind !== 'run.completed' || !observer.run(run).isAgent) return
    const payload = encode({ value: 'And one more thing.' })
    const message = { run, kind: 'signal', name: messageSignal, id: 'last word', payload } as const
    const result = await this.#inner.deliver(message)
    observer.onDeliver(message, result)
    if (result.is === 'delivered') report.reach('agent spoken to as it ends')
  }

  /** It is executed by the process itself: one that is dead or frozen commits nothing. */
  #transact(
    place: AppendPlace,
    write: (transaction: Transaction) => Written,
  ): Promise<AppendResult> {
    const statements: string[] = []
    const noRows = (): never => {
      throw new RangeError('Nothing is read here.')
    }
    const transaction: Transaction = {
      run: (sql) => ({ changes: statements.push(sql), lastInsertRowid: 0 }),
      get: noRows,
      all: noRows,
    }
    return this.#call(
      'write',
      'transact',
      async () => {
        const row = await this.#inner.run(place.run)
        const { seq, hash } = place.after
        if (row?.session !== place.session || row.epoch !== place.epoch) return { is: 'fenced' }
        if (row.seq !== seq || row.hash !== hash) {
          return { is: 'displaced', seq: row.seq, hash: row.hash }
        }
        const append = { ...place, ...write(transaction) }
        const result = await this.#inner.append(append)
        if (result.is === 'committed') this.#world.outside.commit(statements)
        this.#world.observer.onAppend(append, result)
        const { faults, report } = this.#world
        report.reach('transaction committed')
        if (
          this.#world.mayCrash(this.#process) &&
          faults.strikes('worker crashes at a store call')
        ) {
          report.reach('crash between a transaction and its reply')
          this.#world.crash(this.#process)
        }
        return result
      },
      this.#process,
    )
  }

  deliver(message: NewMessage): Promise<DeliverResult> {
    return this.#call('write', 'deliver', async () => {
      const result = await this.#inner.deliver(message)
      this.#world.observer.onDeliver(message, result)
      return result
    })
  }

  run(id: string): Promise<RunRow | undefined> {
    return this.#read('run', () => this.#inner.run(id))
  }

  async runs(filter: RunFilter): Promise<readonly RunRow[]> {
    const rows = await this.#read('runs', () => this.#inner.runs(filter))
    for (const { id, session, epoch } of rows) {
      if (session !== undefined && this.#process.sessions.includes(session)) {
        this.#process.epochs.set(id, epoch)
      }
    }
    return rows
  }

  entries(run: string, range?: EntryRange): ReturnType<Store['entries']> {
    return this.#read('entries', () => this.#inner.entries(run, range))
  }

  openEntries(run: string): ReturnType<Store['openEntries']> {
    return this.#read('openEntries', async () => {
      const entries = await this.#inner.openEntries(run)
      const chains = new Map<string, number>()
      for (const { kind, scope } of entries) {
        if (kind === 'turn.committed') chains.set(scope, (chains.get(scope) ?? 0) + 1)
        if (kind === 'run.cancelling') this.#world.report.reach('cancel while replaying')
      }
      if ([...chains.values()].some((turns) => turns > 1)) {
        this.#world.report.reach('resume of a loop from a chain of changes')
      }
      if (entries.some(({ payload }) => payload?.includes('"$":"list"'))) {
        this.#world.report.reach('resume of a loop from blocks')
      }
      return entries
    })
  }

  entriesAt(run: string, seqs: readonly number[]): ReturnType<Store['entriesAt']> {
    return this.#read('entriesAt', () => this.#inner.entriesAt(run, seqs))
  }

  follow(after: number, limit: number): ReturnType<Store['follow']> {
    return this.#read('follow', () => this.#inner.follow(after, limit))
  }

  openScopes(run: string): ReturnType<Store['openScopes']> {
    return this.#read('openScopes', () => this.#inner.openScopes(run))
  }

  messages(run: string, signals: readonly string[]): ReturnType<Store['messages']> {
    return this.#read('messages', () => this.#inner.messages(run, signals))
  }

  untakenSignals(run: string, limit: number): ReturnType<Store['untakenSignals']> {
    return this.#read('untakenSignals', () => this.#inner.untakenSignals(run, limit))
  }

  news(session: string): ReturnType<Store['news']> {
    return this.#read('news', () => this.#inner.news(session))
  }

  questions(filter: QuestionFilter): ReturnType<Store['questions']> {
    return this.#read('questions', () => this.#inner.questions(filter))
  }

  publish(publication: Publication): Promise<boolean> {
    return this.#call('write', 'publish', async () => {
      const isShown = await this.#inner.publish(publication)
      if (isShown) this.#world.observer.onPublish(publication)
      else this.#world.report.reach('text of a zombie refused')
      return isShown
    })
  }

  chunks(run: string, after: number, limit: number): ReturnType<Store['chunks']> {
    return this.#read('chunks', () => this.#inner.chunks(run, after, limit))
  }

  account(run: string): ReturnType<Store['account']> {
    return this.#read('account', () => this.#inner.account(run))
  }

  artifact(hash: string): Promise<Uint8Array | undefined> {
    return this.#read('artifact', () => this.#inner.artifact(hash))
  }

  sessions(): ReturnType<Store['sessions']> {
    return this.#read('sessions', () => this.#inner.sessions())
  }

  queues(): ReturnType<Store['queues']> {
    return this.#read('queues', () => this.#inner.queues())
  }

  limitQueue(name: string, concurrency: number | null): Promise<void> {
    return this.#call('write', 'limitQueue', () => this.#inner.limitQueue(name, concurrency))
  }

  subscribe(listener: (change: Change) => void): () => void {
    const own = (change: Change): void => listener(change)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** Something was committed by somebody: tells this process, if nothing goes wrong. */
  notify(change: Change): void {
    const { faults } = this.#world
    if (this.#listeners.size === 0 || faults.strikes('notification is dropped')) return
    const isLate = faults.strikes('notification is late')
    this.tell(isLate ? faults.chance.between(50, 9000) : faults.chance.between(0, 3), change)
    if (faults.strikes('notification is doubled')) this.tell(faults.chance.between(0, 500), change)
  }

  tell(ms: number, change: Change): void {
    this.#process.later(ms, 'notification', () => {
      for (const listener of this.#listeners) listener(change)
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#listeners.clear()
  }

  #read<T>(label: string, execute: () => Promise<T>): Promise<T> {
    return this.#call('read', label, execute)
  }

  /** `owner`: who brings it there. */
  #call<T>(
    family: Family,
    label: string,
    execute: () => Promise<T>,
    owner: Owner = this.#world.network,
  ): Promise<T> {
    const { faults, report, scheduler } = this.#world
    const process = this.#process
    if (process.isDead) return never()
    if (this.#closed) {
      return Promise.reject(new EverloopError('STORE_CLOSED', 'The store was closed.'))
    }
    const crash = this.#world.mayCrash(process) && faults.strikes('worker crashes at a store call')
    const isSent = !crash || faults.chance.roll(0.5)
    if (crash) {
      if (label === 'append') {
        report.reach(isSent ? 'crash between commit and reply' : 'crash before an append')
      }
      this.#world.crash(process)
    }
    if (!isSent) return never()
    if (label === 'append' && this.#world.mayCrash(process)) {
      if (faults.strikes('worker freezes while it writes')) {
        this.#world.freeze(process, this.#world.leaseMs + faults.chance.between(200, 9000))
      }
    }
    const full = family !== 'read' && this.#world.isFull
    const route = journey(faults, family)
    return new Promise<T>((resolve, reject) => {
      const reply = (call: () => void): void =>
        void process.later(route.after, `${label} reply`, call)
      // What has been sent arrives, even when its sender has died meanwhile.
      scheduler.after(owner, route.before, label, () => {
        report.trace(() => `${process.name} ${label}${route.failsBefore ? ' FAILS' : ''}`)
        if (full) reply(() => reject(storeFull()))
        else if (route.failsBefore || this.#world.isDown) reply(() => reject(unavailable()))
        else {
          void execute().then(
            (value) => reply(route.failsAfter ? () => reject(unavailable()) : () => resolve(value)),
            (error: unknown) => reply(() => reject(error)),
          )
        }
      })
    })
  }
}

const unavailable = (): EverloopError =>
  new EverloopError('STORE_UNAVAILABLE', 'The store cannot be reached (simulated).')

const storeFull = (): EverloopError =>
  new EverloopError('STORE_FULL', 'The disk is full (simulated).')
