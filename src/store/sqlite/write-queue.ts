/**
 * Group commit without a timer: what one turn brings goes out together when microtasks have run,
 * and whatever arrives while a batch is being committed makes the next one.
 *
 * States: `idle`, `gathering` (commands wait for the end of the turn), `writing` (a batch is out),
 * `stopped` (nothing is taken any more; `error` says why).
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
 * brought much: each `unitsPerCaller` characters count as one more caller.
 */
const toldPerTurn = 64
const unitsPerCaller = 1500

/**
 * Waiting for a turn of the event loop costs a lone caller time, so it is not done for each batch; but a
 * caller that is served batch after batch must not keep others out.
 */
const batchesPerTurn = 8

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

type State =
  | { readonly is: 'idle' | 'gathering' | 'writing' }
  | { readonly is: 'stopped'; readonly error: EverloopError }

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
  #state: State = { is: 'idle' }
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
      if (this.#state.is === 'stopped') {
        reject(this.#state.error)
        return
      }
      // Name and content belong together by this method's signature; TypeScript cannot say it.
      const command = { is, with: given } as Command
      const weight = 1 + unitsOf(command) / unitsPerCaller
      this.#pending.push({ command, weight, resolve, reject })
      if (this.#state.is === 'idle') this.#gather()
    })
  }

  /** Takes nothing more; resolves when everything that was taken has settled. */
  async stop(error: EverloopError): Promise<void> {
    if (this.#state.is === 'stopped') return
    if (this.#state.is !== 'idle' || this.#isTelling) {
      await new Promise<void>((done) => (this.#drained = done))
    }
    this.#state = { is: 'stopped', error }
  }

  #gather(): void {
    this.#state = { is: 'gathering' }
    const { ports } = this.#options
    const write = (): void => void this.#write()
    if (++this.#inTurn < batchesPerTurn) {
      ports.afterMicrotasks(write)
    } else {
      this.#inTurn = 0
      ports.nextTurn(write)
    }
  }

  async #write(): Promise<void> {
    this.#state = { is: 'writing' }
    const batch = this.#pending.splice(0, this.#nextCount())
    const { execute, ports } = this.#options
    try {
      const commands = batch.map(({ command }) => command)
      const result = execute({ now: ports.clock.now(), commands })
      if (result instanceof Promise) {
        const later = await result
        // What came meanwhile goes out before anybody is told: the other thread need not wait.
        const isMore = this.#pending.length > 0
        if (isMore) void this.#write()
        this.#settle(batch, later)
        if (!isMore) this.#rest()
      } else {
        this.#settle(batch, result)
        if (this.#pending.length > 0) this.#gather()
        else this.#rest()
      }
    } catch (error) {
      const failure = asError(error)
      for (const { reject } of batch) reject(failure)
      this.#abandon(
        new EverloopError(
          'STORE_FAILED',
          `The store has failed. Open it again. ${failure.message}`,
          {
            cause: failure,
          },
        ),
      )
    }
  }

  /** A command that holds code is a batch of its own. */
  #nextCount(): number {
    const local = this.#pending.findIndex(({ command }) => command.is === 'transact')
    return local === -1 ? batchMax : Math.min(batchMax, Math.max(1, local))
  }

  #rest(): void {
    if (this.#state.is === 'stopped') return
    this.#state = { is: 'idle' }
    if (!this.#isTelling) this.#drained?.()
  }

  #settle(batch: readonly Pending[], { outcomes, broken }: BatchResult): void {
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
    if (this.#state.is === 'idle') this.#drained?.()
  }

  #abandon(error: EverloopError): void {
    this.#state = { is: 'stopped', error }
    for (const { reject } of this.#pending.splice(0)) reject(error)
    this.#options.onBreak(error)
  }
}

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
