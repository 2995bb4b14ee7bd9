/**
 * Sees everything that the store does, keeps a mirror of each run, and checks at once what can be
 * checked at once. What a single entry must fulfil stands in entry-checks.ts.
 */
import type {
  Append,
  AppendResult,
  ClaimRequest,
  DeliverResult,
  NewMessage,
  NewRun,
  Publication,
  RunRow,
} from '../../src/store/store.ts'
import { Accounts } from './accounts.ts'
import type { AgentSpec } from './agent-spec.ts'
import { operationPath } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import { checkEntry } from './entry-checks.ts'
import { recordOf } from './record-of.ts'
import type { Sight } from './sight.ts'
import { Mirror } from './mirror.ts'
import type { ModelAttempts } from './model-attempts.ts'
import type { Outside } from './outside.ts'
import type { Report } from './report.ts'
import { secretIn } from './secret-words.ts'
import type { Scheduler } from './scheduler.ts'
import { textIn } from './text-in.ts'

interface Session {
  readonly leaseMs: number
  expires: number
}

export class Observer {
  readonly report: Report
  readonly runs = new Map<string, Mirror>()
  readonly outside: Outside
  readonly accounts: Accounts
  readonly guardSaid: ReadonlyMap<string, string>
  readonly agents: ReadonlyMap<string, AgentSpec>
  readonly deployments: ReadonlyMap<string, number>
  readonly #scheduler: Scheduler
  readonly #isSteady: boolean
  readonly mayLackActions: boolean
  readonly isRedacted: boolean
  readonly attempts: ModelAttempts
  /** How many runs of a queue may be held at a time, by its name. */
  readonly limits = new Map<string, number>()
  readonly #sessions = new Map<string, Session>()
  /** When the requests of calls have arrived at the latest, by run and intent, on the clock that nobody sets. */
  readonly landed = new Map<string, number>()
  /** Bytes that were kept beside the ledgers, by their hash. */
  readonly artifacts = new Map<string, Uint8Array>()
  #messages = 0
  /** When no worker was there: from, to. */
  readonly #downs: [from: number, to: number][] = []

  constructor(
    report: Report,
    scheduler: Scheduler,
    rest: Pick<
      Sight,
      | 'outside'
      | 'guardSaid'
      | 'agents'
      | 'deployments'
      | 'mayLackActions'
      | 'isRedacted'
      | 'attempts'
    > & {
      /** All deployments of the code have the same agents. */
      readonly isSteady: boolean
    },
  ) {
    this.#isSteady = rest.isSteady
    this.mayLackActions = rest.mayLackActions
    this.isRedacted = rest.isRedacted
    this.attempts = rest.attempts
    this.report = report
    this.outside = rest.outside
    this.guardSaid = rest.guardSaid
    this.agents = rest.agents
    this.deployments = rest.deployments
    this.accounts = new Accounts(report)
    this.#scheduler = scheduler
  }

  steadyAgent(flow: string): AgentSpec | undefined {
    return this.#isSteady ? this.agents.get(flow) : undefined
  }

  get now(): number {
    return this.#scheduler.clock.now()
  }

  /** The latest time the wall clock has ever shown. */
  get peak(): number {
    return this.#scheduler.peak
  }

  run(id: string): Mirror {
    const run = this.runs.get(id)
    if (!run) throw new RangeError(`The simulator knows no run ${id}.`)
    return run
  }

  /** The last worker has gone. */
  onDown(): void {
    this.#downs.push([this.now, Infinity])
  }

  /** A worker has come. */
  onUp(): void {
    const last = this.#downs.at(-1)
    if (last) last[1] = Math.min(last[1], this.now)
  }

  /** A session that counts holds the run: one whose lease has ended may be swept away by any claim. */
  isHeld({ holder = '' }: Mirror): boolean {
    const { expires = 0 } = this.#sessions.get(holder) ?? {}
    return expires > this.now
  }

  wasDownAt(time: number): boolean {
    return this.#downs.some(([from, to]) => from <= time && time < to)
  }

  onCreate(run: NewRun, created: boolean): void {
    const { id } = { id: run.genesis.run }
    const known = this.runs.has(id)
    this.report.check(created !== known, 'S1', () =>
      created ? `run ${id} was created twice` : `run ${id} is said to exist, but does not`,
    )
    if (created && !known) this.#create(run)
  }

  onOpenSession(token: string, leaseMs: number): void {
    this.#sessions.set(token, { leaseMs, expires: this.now + leaseMs })
  }

  onRenew(token: string, renewed: boolean): void {
    const session = this.#sessions.get(token)
    if (renewed && session) session.expires = this.now + session.leaseMs
    if (!renewed) this.#sessions.delete(token)
  }

  onCloseSession(token: string): void {
    this.#sessions.delete(token)
    for (const run of this.runs.values()) if (run.holder === token) run.holder = undefined
  }

  onClaim({ session: token, run: only }: ClaimRequest, rows: readonly RunRow[]): void {
    // A claim ends the sessions whose lease has ended, even if the clock goes back afterwards.
    for (const [other, { expires }] of this.#sessions) {
      if (expires <= this.now) this.#sessions.delete(other)
    }
    for (const row of rows) {
      const run = this.run(row.id)
      const other = run.holder === undefined ? undefined : this.#sessions.get(run.holder)
      this.report.check(
        other === undefined,
        'S6',
        () => `run ${row.id} was taken over while the lease of its holder had not ended`,
      )
      this.report.check(
        row.epoch === run.epoch + 1,
        'fence',
        () => `a claim of run ${row.id} raised the epoch from ${run.epoch} to ${row.epoch}`,
      )
      this.report.check(
        !run.hasEnded || run.status === 'failed' || only !== undefined || run.wasInHand,
        'status',
        () => `run ${row.id} was handed out although it is ${run.status}`,
      )
      if (run.holder !== undefined) this.#takeOver(run)
      // Who is found dead has not held it until now.
      run.freeUntil = this.#scheduler.elapsed
      run.holder = token
      this.#checkQueue(run, only)
      run.isInHand = only !== undefined
      run.wasInHand ||= run.isInHand
      run.epoch = row.epoch
      if (run.isCancelling) run.knowsCancel = true
    }
  }

  /** Nobody is handed more runs of a queue than its limit; whoever takes one in hand is not limited. */
  #checkQueue({ id, queue }: Mirror, only: string | undefined): void {
    const limit = this.limits.get(queue) ?? Infinity
    const held = Array.from(this.runs.values()).filter(
      (run) => run.queue === queue && run.holder !== undefined && this.#sessions.has(run.holder),
    )
    this.report.check(
      held.length <= limit || only !== undefined,
      'S6',
      () =>
        `run ${id} was handed out as number ${held.length} of queue ${queue}, limited to ${limit}`,
    )
    if (limit <= held.length) this.report.reach('queue full')
  }

  onAppend(append: Append, result: AppendResult): void {
    const run = this.run(append.run)
    if (result.is !== 'committed') {
      this.#refused(append, result, run)
      return
    }
    const { entries, taken = [], release } = append
    this.report.check(
      run.holder === append.session && run.epoch === append.epoch,
      'fence',
      () =>
        `epoch ${append.epoch} wrote to run ${run.id}, which is held in epoch ${run.epoch}` +
        (run.holder === append.session ? '' : ' by another session'),
    )
    for (const create of append.create ?? []) {
      if (!this.runs.has(create.genesis.run)) this.#create(create)
    }
    for (const { bytes } of append.artifacts ?? []) {
      this.#checkSecrets(run, textIn(bytes))
    }
    for (const entry of entries) {
      this.#checkSecrets(run, entry.payload ?? '')
      checkEntry(this, run, entry, append)
      if (entry.kind === 'effect.intended') this.#noteIntent(entry)
    }
    for (const number of taken) {
      if (run.inbox.get(number)?.kind === 'cancel') run.lastCancel = number
      this.report.check(
        run.inbox.delete(number) || entries.length === 0,
        'S5',
        () => `message ${number} of run ${run.id} was taken, but is not there`,
      )
    }
    for (const message of append.deliver ?? []) this.#receive(message)
    for (const { hash, bytes } of append.artifacts ?? []) this.artifacts.set(hash, bytes)
    if (!release) return
    this.report.trace(
      () => `   ${run.id} given back, due ${release.wake ?? 'never'}, seen ${release.seen}`,
    )
    run.holder = undefined
    run.released.add(append.epoch)
    if (run.newest > release.seen && run.inbox.size > 0) {
      this.report.reach('release with a message nobody has seen')
    }
  }

  /** Text was shown: by the holder, and of steps without an outcome (S10). */
  onPublish({ run: id, session, epoch, chunks }: Publication): void {
    const run = this.run(id)
    const isHolder = run.holder === session && run.epoch === epoch
    this.report.check(isHolder, 'S10', () => `a zombie of run ${id} showed text`)
    for (const { path, attempt, part, text } of chunks) {
      run.shown.push({ path, text, seq: run.head?.seq ?? 0 })
      this.#checkShown(run, path, run.showing(path, { epoch, attempt, part, text }))
      const isOver = run.outcomes.has(path)
      this.report.check(
        !isOver,
        'S10',
        () => `text of "${path}" of run ${id} came after its outcome`,
      )
    }
    this.report.reach('text of a step under way shown')
  }

  /** All that was shown of a step since it began: no secret, nothing that guards hold, and of one attempt. */
  #checkShown(run: Mirror, path: string, text: string): void {
    this.#checkSecrets(run, text)
    if (!run.isAgent) return
    const isOfOne = this.attempts.isOfOne(run.id, path, text)
    this.report.check(isOfOne, 'S10', () => `"${path}" of run ${run.id} shows ${text}`)
    const guards = this.steadyAgent(run.flow)?.guards ?? []
    const holding = guards.find(({ at }) => at.includes('answer') || at.includes('output'))
    this.report.check(
      !holding,
      'G1',
      () => `"${path}" of run ${run.id} is shown before guard ${holding?.name} has seen it`,
    )
  }

  onDeliver(message: NewMessage, result: DeliverResult): void {
    if (result.is === 'duplicate' && message.kind === 'signal') {
      this.report.reach('signal dropped as a duplicate')
    }
    if (result.is === 'question-closed') {
      const run = this.runs.get(message.run)
      const expired = Array.from(run?.outcomes.values() ?? []).some(
        ({ kind }) => kind === 'question.expired',
      )
      this.report.reach(
        expired ? 'answer refused because the question had expired' : 'two answers to one question',
      )
    }
    if (result.is === 'delivered') {
      const others = Array.from(this.run(message.run).inbox.values())
      const isSecond = others.some(
        ({ kind, name, keepsOpen }) => kind === 'answer' && name === message.name && !keepsOpen,
      )
      this.report.check(
        message.kind !== 'answer' || !isSecond,
        'messages',
        () => `two answers to question ${message.name} were accepted`,
      )
      const isApplied = message.id !== undefined && this.run(message.run).receipts.has(message.id)
      this.report.check(!isApplied, 'messages', () => `message ${message.id} was delivered twice`)
      this.#receive(message)
      const run = this.run(message.run)
      if (message.kind === 'cancel' && run.status === 'paused') {
        this.report.reach('cancel of a paused run')
      }
      if (run.notBefore > this.now) this.report.reach('something sent to a run that begins later')
    }
  }

  /** Nothing that is kept holds a secret of the process that wrote it. */
  #checkSecrets({ id }: Mirror, text: string): void {
    const secret = this.isRedacted ? secretIn(text) : undefined
    this.report.check(
      secret === undefined,
      'secrets',
      () => `run ${id}: "${secret}" stands in ${text}`,
    )
  }

  #noteIntent(entry: Entry): void {
    const { run, epoch } = entry
    const { attempt, due = Infinity } = recordOf(entry, 'effect.intended')
    const path = operationPath(entry.scope, entry.key)
    const landed = this.#scheduler.elapsed + due - this.now
    this.landed.set(`${run}\n${path}\n${attempt}\n${epoch}`, landed)
  }

  #create(run: NewRun): void {
    const mirror = new Mirror(run)
    mirror.isAgent = this.agents.has(mirror.flow)
    this.runs.set(mirror.id, mirror)
    this.#checkSecrets(mirror, run.genesis.payload ?? '')
    checkEntry(this, mirror, run.genesis, undefined)
  }

  #receive(message: NewMessage): void {
    const run = this.runs.get(message.run)
    if (run) this.#checkSecrets(run, message.payload)
    if (!run?.receive(message, this.#messages + 1, this.now)) return
    this.#messages++
    if (message.kind === 'signal' && run.takeable?.number !== this.#messages) {
      this.report.reach('signal buffered before it was awaited')
    }
    if (message.kind === 'child' && run.holder === undefined) {
      this.report.reach('child ended while its parent was not in memory')
    }
  }

  #refused(append: Append, result: AppendResult, run: Mirror): void {
    const { entries } = append
    switch (result.is) {
      case 'fenced':
        this.report.reach('append refused by the fence')
        if (entries.length > 0) this.report.reach('write of a zombie refused')
        return
      case 'displaced':
        if (result.hash === entries.at(-1)?.hash) {
          this.report.reach('append displaced by itself after a lost reply')
        }
        return
      case 'news':
        this.report.reach('expiry refused because a message came')
        if (Array.from(run.inbox.values()).some(({ kind }) => kind === 'answer')) {
          this.report.reach('answer raced the expiry and won')
        }
    }
  }

  #takeOver(run: Mirror): void {
    run.barren++
    this.report.reach('take-over of a run')
    const kinds = Array.from(run.begun.values(), ({ kind }) => kind)
    const { kind, key } = run.head ?? {}
    if (kind === 'step.completed' && (key === '=model' || key?.startsWith('=call:') === true)) {
      this.report.reach('crash between outcome and turn commit')
    }
    if (kinds.includes('step.retrying')) {
      this.report.reach('take-over during the back-off of a retry')
    }
    if (kinds.length > 0) this.report.reach('take-over with an operation under way')
  }
}
