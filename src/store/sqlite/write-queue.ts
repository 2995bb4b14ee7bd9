/**
 * Group commit without a timer: what one turn brings goes out together when microtasks have run,
 * and whatever arrives while a batch is being committed makes the next one.
 *
 * A writer on another thread is sent that next one ahead, when the batch it has is half done by the time
 * that others took: it goes on while this thread is still busy with callers. Not sooner, as commands
 * that wait share a commit.
 *
 * - Q8 Batches are executed in the order in which they were sent, and callers told in that order.
 * - Q9 While code of a caller's is being executed, nothing else is out.
 */
import type { Ports } from '../../base/ports.ts'
import { assert, EverloopError } from '../../base/errors.ts'
import { changeOfAppend, changeOfDelivery, changeOfImport } from '../change.ts'
import type { Change } from '../store.ts'
import { unitsOf } from './command.ts'
import type { Batch, BatchResult, Command, CommandName, Commands, Outcome } from './command.ts'

/**
 * What callers do once they are told takes time: telling all of a large batch in one turn of the event
 * loop would hold up everybody else. At most this many callers are told in a turn, and fewer when they
 * brought much: each `unitsPerCaller` characters count as one more caller. An agent goes on for more
 * than 100 microseconds.
 */
const toldPerTurn = 16
const unitsPerCaller = 6000

/**
 * Waiting for a turn of the event loop costs a lone caller time, so it is not done for each batch; but a
 * caller that is served batch after batch must not keep others out.
 */
const batchesPerTurn = 8

/** Batches that are out: one that is being executed, and the next. */
const outMax = 2
/** How much of the time of a batch the last one counts for. */
const lastCounts = 1 / 8

/** Commands in one transaction: enough to share an fsync, few enough to undo and repeat. */
const batchMax = 1000

interface Pending {
  readonly command: Command
  /** How many callers this one counts as. */
  readonly weight: number
  readonly resolve: (reply: never) => void
  readonly reject: (error: EverloopError) => void
}

/** A caller and what it is told, or what others are told of. */
type Told = { readonly pending: Pending; readonly outcome: Outcome } | { readonly change: Change }

export interface WriteQueueOptions {
  readonly ports: Ports
  /** Returns a promise when the batch is written elsewhere. */
  readonly execute: (batch: Batch) => BatchResult | Promise<BatchResult>
  /** Called after each commit that others may want to know of. */
  readonly onChange: (change: Change) => void
  /** Called once when the store cannot go on: everything later is refused with this error. */
  readonly onBreak: (error: EverloopError) => void
}

export class WriteQueue {
  readonly #options: WriteQueueOptions
  #pending: Pending[] = []
  /** What is pending goes out when microtasks have run. */
  #isGathering = false
  /** What the writer has, in order. */
  readonly #out = new Set<readonly Pending[]>()
  /** When the writer began with the batch that it is at, and how long one takes it, in milliseconds. */
  #begunAt = 0
  #batchMs: number | undefined
  /** Nothing is taken any more: this says why. */
  #refusal: EverloopError | undefined
  #drained: (() => void) | undefined
  /** What callers are still to be told, in order. */
  readonly #untold: Told[] = []
  #isTelling = false
  #inTurn = 0

  constructor(options: WriteQueueOptions) {
    this.#options = options
  }

  /** Settles when the command's transaction has been committed, or refused. */
  submit<K extends CommandName>(is: K, given: Commands[K]['with']): Promise<Commands[K]['reply']> {
    return new Promise((resolve, reject) => {
      if (this.#refusal) {
        reject(this.#refusal)
        return
      }
      // Name and content belong together by this method's signature; TypeScript cannot say it.
      const command = { is, with: given } as Command
      const weight = 1 + unitsOf(command) / unitsPerCaller
      this.#pending.push({ command, weight, resolve, reject })
      this.#gather()
    })
  }

  /** Takes nothing more; resolves when everything that was taken has settled. */
  async stop(error: EverloopError): Promise<void> {
    if (this.#refusal) return
    if (!this.#isAtRest) await new Promise<void>((done) => (this.#drained = done))
    this.#refusal ??= error
  }

  get #isAtRest(): boolean {
    return this.#out.size === 0 && this.#pending.length === 0 && !this.#isTelling
  }

  #maySend(): boolean {
    if (this.#pending.length === 0) return false
    const [current] = this.#out
    if (!current) return true
    if (this.#out.size === outMax || holdsCode(current) || holdsCode(this.#pending)) return false
    const halfMs = (this.#batchMs ?? Infinity) / 2
    return this.#options.ports.monotonic() - this.#begunAt >= halfMs
  }

  #gather(): void {
    if (this.#isGathering || !this.#maySend()) return
    this.#isGathering = true
    const { ports } = this.#options
    const send = (): void => {
      this.#isGathering = false
      if (this.#maySend()) this.#send()
    }
    if (++this.#inTurn < batchesPerTurn) {
      ports.afterMicrotasks(send)
    } else {
      this.#inTurn = 0
      ports.nextTurn(send)
    }
  }

  #send(): void {
    const batch = this.#pending.splice(0, this.#nextCount())
    const { execute, ports } = this.#options
    const commands = batch.map(({ command }) => command)
    try {
      const result = execute({ now: ports.clock.now(), commands })
      if (result instanceof Promise) {
        void this.#await(batch, result)
      } else {
        this.#note(batch, result)
        this.#settle(result)
        this.#gather()
      }
    } catch (error) {
      this.#fail(batch, error)
    }
  }

  async #await(batch: readonly Pending[], result: Promise<BatchResult>): Promise<void> {
    const { ports } = this.#options
    if (this.#out.size === 0) this.#begunAt = ports.monotonic()
    this.#out.add(batch)
    try {
      const reply = await result
      this.#out.delete(batch)
      this.#noteTime()
      this.#note(batch, reply)
      // What came meanwhile goes out before anybody is told: the other thread need not wait.
      if (!reply.broken && this.#out.size === 0 && this.#pending.length > 0) this.#send()
      this.#settle(reply)
    } catch (error) {
      this.#fail(batch, error)
    }
  }

  #noteTime(): void {
    const now = this.#options.ports.monotonic()
    const ms = now - this.#begunAt
    const before = this.#batchMs ?? ms
    this.#batchMs = before + (ms - before) * lastCounts
    this.#begunAt = now
  }

  /** A command that holds code is a batch of its own. */
  #nextCount(): number {
    const code = this.#pending.findIndex(({ command }) => command.is === 'transact')
    return code === -1 ? batchMax : Math.min(batchMax, Math.max(1, code))
  }

  /** Who is to be told what, behind those of earlier batches (Q8). */
  #note(batch: readonly Pending[], { outcomes }: BatchResult): void {
    assert(outcomes.length === batch.length, 'A batch and its outcomes differ in length.')
    let news: Change | undefined
    for (let i = 0; i < batch.length; i++) {
      const pending = batch[i]
      const outcome = outcomes[i]
      if (!pending || !outcome) continue
      const change = changeOf(pending.command, outcome)
      if (news !== 'work') news = change ?? news
      this.#untold.push({ pending, outcome })
    }
    if (news) this.#untold.push({ change: news })
  }

  #settle({ broken }: BatchResult): void {
    this.#tell()
    if (broken) this.#abandon(new EverloopError(broken.code, broken.message))
  }

  /** Calls back in order, a few in each turn; the next batch is written meanwhile. */
  #tell(): void {
    if (this.#isTelling) return
    this.#isTelling = true
    this.#tellSome()
  }

  #tellSome(): void {
    let count = 0
    for (let weight = 0; count < this.#untold.length && weight < toldPerTurn; count++) {
      const told = this.#untold[count] as Told
      if ('pending' in told) weight += told.pending.weight
    }
    for (const told of this.#untold.splice(0, count)) {
      if ('pending' in told) settle(told.pending, told.outcome)
      else this.#options.onChange(told.change)
    }
    if (this.#untold.length > 0) {
      this.#options.ports.nextTurn(() => this.#tellSome())
      return
    }
    this.#isTelling = false
    this.#rest()
  }

  #rest(): void {
    if (this.#isAtRest) this.#drained?.()
  }

  /** Nobody knows whether the batch was written. */
  #fail(batch: readonly Pending[], error: unknown): void {
    this.#out.delete(batch)
    const cause = asError(error)
    for (const { reject } of batch) reject(cause)
    const message = `The store has failed. Open it again. ${cause.message}`
    this.#abandon(new EverloopError('STORE_FAILED', message, { cause }))
  }

  #abandon(error: EverloopError): void {
    if (!this.#refusal) {
      this.#refusal = error
      for (const { reject } of this.#pending.splice(0)) reject(error)
      this.#options.onBreak(error)
    }
    this.#rest() // whoever stops the queue waits also for what was sent ahead
  }
}

/** What holds code stands first in its batch. */
const holdsCode = ([first]: readonly Pending[]): boolean => first?.command.is === 'transact'

function settle({ resolve, reject }: Pending, outcome: Outcome): void {
  // The reply is that of the caller's command: `submit` says so.
  if (outcome.is === 'done') resolve(outcome.reply as never)
  else reject(new EverloopError(outcome.failure.code, outcome.failure.message))
}

/** What a command that went through may mean to others. */
function changeOf({ is, with: given }: Command, outcome: Outcome | undefined): Change | undefined {
  if (outcome?.is !== 'done') return undefined
  const { reply } = outcome
  switch (is) {
    case 'append':
      return changeOfAppend(given, reply as Commands['append']['reply'])
    case 'deliver':
      return changeOfDelivery(reply as Commands['deliver']['reply'])
    case 'createRun':
      return (reply as Commands['createRun']['reply']).created ? 'work' : undefined
    case 'transact':
      return (reply as Commands['transact']['reply']).is === 'committed' ? 'ledger' : undefined
    case 'importRuns':
      return changeOfImport(reply as Commands['importRuns']['reply'])
    case 'publish':
      return (reply as Commands['publish']['reply']) ? 'ledger' : undefined
    case 'closeSession':
    case 'limitQueue':
      return 'work'
    case 'claim':
    case 'openSession':
    case 'renewSession':
      return undefined
  }
}

function asError(error: unknown): EverloopError {
  return EverloopError.is(error)
    ? error
    : new EverloopError('STORE_FAILED', 'The store has failed.', { cause: error })
}
