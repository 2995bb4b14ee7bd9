/**
 * One run as the outside sees it: kept from what the store was told and what it answered, apart from
 * the store's own rows, so that the two can be compared.
 */
import { recordOf } from './record-of.ts'
import { type Planned, planOf } from './undo-plan.ts'
import { isOutcome, isWait, isWithin, operationPath } from '../../src/ledger/index.ts'
import type { Entry, Payloads } from '../../src/ledger/index.ts'

type Ancestor = NonNullable<Payloads['run.started']['ancestors']>[number]
import {
  type Message,
  type NewChunk,
  type NewMessage,
  type NewRun,
  reception,
  type RunRow,
} from '../../src/store/store.ts'

export class Mirror {
  readonly id: string
  readonly flow: string
  readonly queue: string
  readonly parent: string | undefined
  readonly entries: Entry[] = []
  status: RunRow['status'] = 'active'
  epoch = 0
  holder: string | undefined
  /** Until when nobody held it the last time, in milliseconds of the world. */
  freeUntil = -1
  /** Losses of the holder since the last entry. */
  barren = 0
  /** Digests of the inputs that its code has asked for a step with, by path. Several where inputs drift. */
  readonly asked = new Map<string, Set<string>>()
  /** How often steps will kill the process that executes them, by path. */
  readonly deadly = new Map<string, number>()
  isCancelling = false
  /** The number of the last cancel that was taken. */
  lastCancel = 0
  /** It failed because its deadline had passed: before its code began, at its end, or in between. */
  isOverdue = false
  /** The holder has been told that its cancel is durable, or has read it. */
  knowsCancel = false
  readonly deadline: number | undefined
  /** Its code does not begin before. */
  readonly notBefore: number
  /** The runs around it, and what it may spend together with them. */
  readonly ancestors: readonly Ancestor[]
  isAgent = false
  /** Its code has ended, and what it has done is being undone, or was. */
  isUndoing = false
  /** What there is to be undone, in order, and what of it has come to an end. */
  plan: readonly Planned[] = []
  readonly undone = new Set<number>()
  /** How often undoing something came to nothing, by the number of its registration. */
  readonly undoFailures = new Map<number, number>()
  /** Somebody holds it who does not execute its code, or has done so. */
  isInHand = false
  wasInHand = false
  /** Such a person has written into its ledger. */
  isWrittenByHand = false
  hasHadChildren = false
  hasCompacted = false
  /** Calls that people were asked to allow, by operation path. */
  readonly requests = new Map<string, Entry>()
  /** How many have voted on those and not decided, by operation path. */
  readonly votes = new Map<string, number>()
  /** Outcomes that count, by operation path. */
  readonly outcomes = new Map<string, Entry>()
  /** What has ever succeeded, by operation path, forgotten by a retry or not. */
  readonly successes = new Map<string, Entry>()
  /** What was registered last for operations without an outcome. */
  readonly begun = new Map<string, Entry>()
  /** Requests for approval that have been handed to somebody else by themselves, by number. */
  readonly #escalated = new Set<number>()
  readonly children = new Map<string, string>()
  /** What it started last, by operation path, whether that counts or not. */
  readonly started = new Map<string, Entry>()
  /** Of those, whatever could go on when the run was retried last, with how much it had written by then. */
  readonly standing = new Map<string, number>()
  /** Children that had ended when this run's cancel went out: what retries one is its own affair. */
  readonly spared = new Set<string>()
  /** Calls whose effect counts, by path: the last thing that was said of each. Never forgotten. */
  readonly calls = new Map<string, CallState>()
  /** When the requests of such calls have arrived at the latest, by path, attempt and epoch. */
  readonly intents = new Map<string, number>()
  /** How often a failed run was told to go on. */
  retries = 0
  /** Whoever told it so the last time, or has resumed it since, lets other runs do again what children have done. */
  mayBeginAnew = false
  readonly turns = new Map<string, number>()
  readonly inbox = new Map<number, Message & Pick<NewMessage, 'keepsOpen'>>()
  readonly receipts = new Set<string>()
  /** Text that was shown of steps, with the entry that was the last then. */
  readonly shown: { readonly path: string; readonly text: string; readonly seq: number }[] = []
  /** The pieces of what is shown of a step, by path, with whose they are. */
  readonly #showing = new Map<string, { readonly by: string; readonly pieces: string[] }>()
  /** Epochs whose holder gave the run back by itself. */
  readonly released = new Set<number>()
  newest = 0

  constructor({ genesis, flow, queue, parent }: NewRun) {
    this.id = genesis.run
    this.flow = flow
    this.queue = queue
    this.parent = parent
    const { deadline, notBefore = 0, ancestors = [] } = recordOf(genesis, 'run.started')
    this.deadline = deadline
    this.notBefore = notBefore
    this.ancestors = ancestors
  }

  get head(): Entry | undefined {
    return this.entries.at(-1)
  }

  get hasEnded(): boolean {
    return this.status === 'completed' || this.status === 'failed' || this.status === 'cancelled'
  }

  /** It has ended, and nobody has told it to go on: it takes no cancel. */
  get isAtRest(): boolean {
    return this.hasEnded && !this.#isRetried
  }

  /** A retry of it has not been taken. */
  get #isRetried(): boolean {
    return Array.from(this.inbox.values()).some(({ kind }) => kind === 'retry')
  }

  /** The entry that it has ended with. */
  get end(): Entry | undefined {
    return this.hasEnded ? this.entries.findLast(({ kind }) => endKinds.includes(kind)) : undefined
  }

  /** Adds what was committed. */
  apply(entry: Entry): void {
    this.entries.push(entry)
    this.isWrittenByHand ||= this.isInHand
    this.barren = 0
    if (entry.kind === 'turn.committed') {
      this.successes.set(operationPath(entry.scope, entry.key), entry)
    }
    this.#applyOperation(entry)
    this.#applyCall(entry)
    if (/^undo\.(completed|failed|skipped)$/.test(entry.kind)) {
      const { of } = recordOf(entry, 'undo.skipped')
      this.undone.add(of)
      const failures = this.undoFailures.get(of) ?? 0
      if (entry.kind === 'undo.failed') this.undoFailures.set(of, failures + 1)
      else this.undoFailures.delete(of)
    }
    if (entry.kind === 'run.undoing') {
      this.isUndoing = true
      this.plan = planOf(this.entries)
      // Somebody asks for another try at what came to nothing.
      for (const of of this.undoFailures.keys()) this.undone.delete(of)
    }
    if (entry.kind === 'child.started') {
      this.hasHadChildren = true
      this.started.set(operationPath(entry.scope, entry.key), entry)
    }
    this.hasCompacted ||= entry.kind === 'context.compacted'
    if (entry.kind === 'approval.requested') {
      this.requests.set(operationPath(entry.scope, entry.key), entry)
      this.votes.delete(operationPath(entry.scope, entry.key))
    }
    if (entry.kind === 'approval.voted') {
      const path = operationPath(entry.scope, entry.key)
      this.votes.set(path, (this.votes.get(path) ?? 0) + 1)
    }
    if (entry.kind.startsWith('run.')) this.#applyRun(entry)
  }

  #applyCall(entry: Entry): void {
    const path = operationPath(entry.scope, entry.key)
    const call = this.calls.get(path)
    switch (entry.kind) {
      case 'effect.intended': {
        const { effect, attempt, due = Infinity } = recordOf(entry, entry.kind)
        this.calls.set(path, { effect, attempt, state: 'open' })
        this.intents.set(`${path}\n${attempt}\n${entry.epoch}`, due)
        return
      }
      case 'effect.doubted':
        if (call) this.calls.set(path, { ...call, state: 'doubt' })
        return
      case 'effect.resolved': {
        const { verdict } = recordOf(entry, entry.kind)
        if (call) this.calls.set(path, { ...call, state: verdict })
        return
      }
      case 'step.completed':
        if (call) this.calls.set(path, { ...call, state: 'done' })
    }
  }

  /** A call of which nobody knows what became of it: no scope around it closes. */
  get inDoubt(): string | undefined {
    for (const [path, { effect, state }] of this.calls) {
      if (effect === 'once' && (state === 'open' || state === 'doubt')) return path
    }
    return undefined
  }

  #applyOperation(entry: Entry): void {
    const path = operationPath(entry.scope, entry.key)
    if (isOutcome(entry.kind)) {
      this.outcomes.set(path, entry)
      if (!failures.includes(entry.kind)) this.successes.set(path, entry)
      this.begun.delete(path)
      this.children.delete(path)
    } else if (isWait(entry.kind)) {
      this.begun.set(path, entry)
      if (entry.kind === 'child.started') {
        this.children.set(path, recordOf(entry, 'child.started').run)
      }
    } else if (entry.kind === 'approval.changed' && recordOf(entry, entry.kind).escalated) {
      const request = this.begun.get(path)
      if (request) this.#escalated.add(request.seq)
    }
  }

  #applyRun(entry: Entry): void {
    switch (entry.kind) {
      case 'run.paused':
        this.status = 'paused'
        break
      case 'run.resumed':
        this.status = 'active'
        this.mayBeginAnew ||= recordOf(entry, entry.kind).anew === true
        break
      case 'run.cancelling':
        this.status = 'active'
        this.isCancelling = true
        break
      case 'run.completed':
        this.status = 'completed'
        break
      case 'run.failed':
        this.status = 'failed'
        this.isOverdue = recordOf(entry, entry.kind).error.code === 'DEADLINE'
        break
      case 'run.cancelled':
        this.status = 'cancelled'
        break
      case 'run.retried': {
        this.status = 'active'
        this.retries++
        this.mayBeginAnew = recordOf(entry, entry.kind).anew === true
        this.isCancelling = false
        this.#rebuild()
      }
    }
  }

  /** What counts again after a retry: everything but what was forgotten. */
  #rebuild(): void {
    const forgotten = new Set(
      this.entries.flatMap((entry) =>
        entry.kind === 'run.retried' ? recordOf(entry, entry.kind).forget : [],
      ),
    )
    this.outcomes.clear()
    this.begun.clear()
    this.children.clear()
    for (const entry of this.entries) {
      const isForgotten = forgotten.has(entry.seq)
      if (!isForgotten) this.#applyOperation(entry)
      // What ended well is not opened again, even where its end was forgotten.
      const isClosing = entry.kind === 'scope.closed' || entry.kind === 'turn.committed'
      if (isClosing || (entry.kind === 'scope.failed' && !isForgotten)) {
        this.close(operationPath(entry.scope, entry.key))
      }
    }
    // Only these go on where they were; everything else is asked for anew.
    for (const [path, { kind }] of this.begun) {
      if (kind !== 'timer.set' && kind !== 'step.retrying') this.begun.delete(path)
    }
    this.children.clear()
  }

  /** What had ended well of this operation, or of a scope around it. */
  successAround(path: string): Entry | undefined {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const success = this.successes.get(path.slice(0, end))
      if (success) return success
    }
    return undefined
  }

  /** Forgets what was registered inside a scope that has closed. */
  close(scope: string): void {
    for (const [path, { kind, scope: within }] of this.begun) {
      // Whoever asks for it to be undone again goes on with the attempts that were made before.
      if (kind !== 'undo.retrying' && isWithin(within, scope)) this.begun.delete(path)
    }
    for (const path of this.children.keys()) {
      if (isWithin(path, scope)) this.children.delete(path)
    }
  }

  /** Takes a message as a store must. Returns whether it was delivered. */
  receive(message: NewMessage, number: number, time: number): boolean {
    if (message.id !== undefined && this.receipts.has(message.id)) return false
    if (reception(message.kind, this.status, this.#isRetried) === 'refuse') return false
    if (message.id !== undefined) this.receipts.add(message.id)
    this.inbox.set(number, { ...message, number, time })
    this.newest = number
    return true
  }

  /** Text is shown of a step. Returns all that is shown of it now. */
  showing(
    path: string,
    { epoch, attempt, part, text }: Omit<NewChunk, 'path'> & { readonly epoch: number },
  ): string {
    const by = `${epoch} ${attempt}`
    const before = this.#showing.get(path)
    const showing = before?.by === by ? before : { by, pieces: [] }
    this.#showing.set(path, showing)
    showing.pieces[part] = text
    return showing.pieces.join('')
  }

  /** When a wait that is still listened to goes on by itself. */
  get nextDue(): number | undefined {
    let due: number | undefined
    for (const entry of this.begun.values()) {
      if (!this.#isHeard(entry)) continue
      const own = (recordOf(entry, 'timer.set') as { readonly due?: number }).due
      if (own !== undefined) due = Math.min(due ?? own, own)
      if (entry.kind !== 'approval.requested' || this.#escalated.has(entry.seq)) continue
      const escalates = recordOf(entry, entry.kind).escalate?.due
      if (escalates !== undefined) due = Math.min(due ?? escalates, escalates)
    }
    return due
  }

  /** A message in the inbox that the run, as it stands, ought to take. */
  get takeable(): Message | undefined {
    for (const message of this.inbox.values()) {
      if (this.#canTake(message)) return message
    }
    return undefined
  }

  #canTake({ kind, name }: Message): boolean {
    // A run whose deadline has passed is not retried.
    if (this.hasEnded) return kind === 'retry' && this.status === 'failed' && !this.isOverdue
    if (this.status === 'paused') return kind === 'resume' || kind === 'cancel'
    if (kind === 'cancel' || kind === 'pause') return true
    for (const entry of this.begun.values()) {
      if (!this.#isHeard(entry)) continue
      // An agent at work listens all the time, unless it is ending.
      if (this.isAgent && kind === 'signal' && name === 'message') return !this.#isEnding
      if (kind === 'signal' && entry.kind === 'signal.awaited') {
        if (recordOf(entry, 'signal.awaited').name === name) return true
      }
      if (kind === 'answer' && isQuestion(entry)) {
        if (`${this.id}/${entry.seq}` === name) return true
      }
      if (kind === 'child' && entry.kind === 'child.started') {
        if (recordOf(entry, 'child.started').run === name) return true
      }
    }
    return false
  }

  /** Nothing but calls in doubt may be waited for. */
  get #isEnding(): boolean {
    return this.isCancelling || this.isUndoing || this.inDoubt !== undefined
  }

  /** Whether the run still listens to what this wait waits for, as far as can be told from outside. */
  #isHeard({ kind, scope }: Entry): boolean {
    if (kind.startsWith('undo.')) return true
    if (this.isUndoing) return false
    if (kind.startsWith('effect.')) return true
    // The code of a scope around a call in doubt may have ended: then only the call is waited for.
    if (this.inDoubt !== undefined) return false
    // A cancel rejects what waits; only what cleans up goes on waiting.
    return !this.isCancelling || isCleanup(scope)
  }
}

/** A call whose effect counts. */
export interface CallState {
  readonly effect: 'idempotent' | 'once'
  readonly attempt: number
  readonly state: 'open' | 'doubt' | 'notDone' | 'done' | 'failed'
}

/** True for entries that a person is asked by. */
export const isQuestion = (entry: Entry): boolean =>
  entry.kind === 'question.asked' ||
  entry.kind === 'approval.requested' ||
  (entry.kind === 'effect.doubted' && recordOf(entry, entry.kind).prompt !== undefined)

export const endKinds: readonly Entry['kind'][] = ['run.completed', 'run.failed', 'run.cancelled']

const failures: readonly Entry['kind'][] = [
  'step.failed',
  'signal.expired',
  'question.expired',
  'approval.expired',
  'child.failed',
  'scope.failed',
]

/** True for scopes that a cancel does not reach; programs call them so. */
const isCleanup = (scope: string): boolean => /(?:^|\/)cleanup(?:~\d+)?(?:\/|$)/.test(scope)
