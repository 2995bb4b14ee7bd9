/**
 * The pen of a pass: puts drafts into the chain and commits them, in order, one append at a time.
 *
 * What is pushed while an append is under way shares the next one. The journal decides what a
 * store's answer means: trouble of the store is waited out with the same entries (an append that
 * did commit although its reply was lost comes back as `displaced` with our own hash), a lost
 * fence ends the pass.
 *
 * J1 At most one append of a run is under way.
 * J2 Entries are handed on (`committed`) only after the store acknowledged them.
 * J3 After `lost` nothing more is written or handed on.
 */
import { assert, EverloopError, InvariantError } from '../../base/errors.ts'
import { encode, headOf, redacted, seal } from '../../ledger/index.ts'
import type { AnyDraft, Entry, Head } from '../../ledger/index.ts'
import type {
  Append,
  AppendPlace,
  AppendResult,
  NewMessage,
  NewRun,
  Store,
  Transaction,
  Written,
} from '../../store/store.ts'
import type { Ports } from '../../base/ports.ts'
import type { Redactor } from '../../base/redactor.ts'
import type { CleanArtifact } from '../replay/large.ts'
import { saltOf } from '../work/genesis.ts'
import { isPassing } from '../patience.ts'

/** An entry to be made, and its record encoded where that is known already. */
export type ItemDraft = AnyDraft & { readonly payload?: string | undefined }

/** Something to be committed as a whole: entries and what goes with them. */
export interface Item {
  readonly drafts: readonly ItemDraft[]
  readonly taken?: readonly number[] | undefined
  readonly create?: readonly NewRun[] | undefined
  readonly deliver?: readonly NewMessage[] | undefined
  readonly artifacts?: readonly CleanArtifact[] | undefined
  /** Only if no message newer than this has come; otherwise the item is given back. */
  readonly unlessNewerThan?: number | undefined
  readonly release?: Append['release']
  /** The entries say that something is due: their time is not before it, whatever the clock says. */
  readonly notBefore?: number | undefined
  /** Makes the entries, beside rows of the user's, inside of the transaction that commits both. */
  readonly transact?: (transaction: Transaction) => Pick<Item, 'drafts' | 'artifacts'>
  /** Called with what `transact` threw: nothing was written. */
  readonly failed?: (thrown: unknown) => void
  /** Called with the entries once they are durable. */
  readonly committed?: (entries: readonly Entry[]) => void
  /** Called instead when `unlessNewerThan` did not hold. */
  readonly refused?: () => void
}

export interface JournalOptions {
  readonly store: Store
  readonly ports: Ports
  /** Nothing is written that holds a secret. */
  readonly redactor: Redactor
  readonly run: string
  readonly session: string
  readonly epoch: number
  readonly head: Head
  /** What goes before the first entry that is written. */
  readonly prelude: () => AnyDraft | undefined
  /** These entries are durable; called before the items' own callbacks. */
  readonly onCommitted: (entries: readonly Entry[]) => void
  /** An append is through; called after the items' own callbacks. */
  readonly onSettled: () => void
  /** A message newer than any before has come. */
  readonly onNews: (newest: number) => void
  /** Nothing more can be written: the fence is lost, or the store has failed. */
  readonly onLost: (error: EverloopError) => void
  /** The store is in trouble and is being waited for. */
  readonly onTrouble: (error: EverloopError) => void
}

/** What the code of a transaction threw: nothing was written. */
interface Thrown {
  readonly is: 'thrown'
  readonly error: unknown
}

/** What is tried after an attempt that failed, if something else, and how long after it. */
interface Repetition<T> {
  readonly again?: () => Promise<T>
  readonly waitMs?: number
}

/** Waits between attempts while the store is in trouble: doubling, in milliseconds. */
const troubleMsMin = 50
const troubleMsMax = 10_000

/** One append takes at most this many entries, so that no transaction grows without bound. */
const entriesMax = 500

/** Its microtasks take less time than queueMicrotask's, see base/system.ts. */
const settled = Promise.resolve()

export class Journal {
  readonly #options: JournalOptions
  #waiting: Item[] = []
  #head: Head
  #busy = false
  #scheduled = false
  #lost = false
  #hasBegun = false

  constructor(options: JournalOptions) {
    this.#options = options
    this.#head = options.head
  }

  /** True while something is not yet durable. */
  get pending(): boolean {
    return this.#busy || this.#waiting.length > 0
  }

  push(item: Item): void {
    if (this.#lost) return
    if (!this.#hasBegun && (item.drafts.length > 0 || item.transact)) {
      this.#hasBegun = true
      const prelude = this.#options.prelude()
      if (prelude) this.#waiting.push({ drafts: [prelude] })
    }
    this.#waiting.push(item)
    this.#schedule()
  }

  /** Pushes the item. Resolves with its entries once they are durable; never, when the run has been lost. */
  write(item: Omit<Item, 'committed'>): Promise<readonly Entry[]> {
    return new Promise((resolve) => this.push({ ...item, committed: resolve }))
  }

  /** Writes nothing more; whoever holds the run now is in charge. */
  abandon(): void {
    this.#lost = true
    this.#waiting = []
  }

  #schedule(): void {
    if (this.#busy || this.#scheduled) return
    this.#scheduled = true
    // Outcomes of one turn of the event loop share a commit.
    void settled.then(this.#flushScheduled)
  }

  readonly #flushScheduled = (): void => {
    this.#scheduled = false
    this.#flush()
  }

  #flush(): void {
    if (this.#busy || this.#lost || this.#waiting.length === 0) return
    this.#busy = true
    try {
      const items = this.#nextBatch()
      const [first] = items
      if (first?.transact) this.#transact(first)
      else {
        const sealed = this.#seal(items)
        this.#append(items, sealed)
      }
    } catch (error) {
      this.#lose(ofOurs(error, this.#options.run))
    }
  }

  /** A conditional item and a release travel alone, so that their conditions concern only them. */
  #nextBatch(): Item[] {
    let count = 0
    let entries = 0
    for (const item of this.#waiting) {
      const alone =
        item.unlessNewerThan !== undefined ||
        item.release !== undefined ||
        item.transact !== undefined
      if (count > 0 && (alone || entries + item.drafts.length > entriesMax)) break
      count++
      entries += item.drafts.length
      if (alone) break
    }
    return this.#waiting.splice(0, count)
  }

  #seal(items: readonly Item[]): Entry[] {
    const { ports, store, run, epoch, redactor } = this.#options
    const time = store.clock.now()
    const entries: Entry[] = []
    let head = this.#head
    for (const { drafts, notBefore = 0 } of items) {
      for (const draft of drafts) {
        const text = draft.payload ?? encode(draft.record)
        const entry = seal(draft, {
          run,
          epoch,
          time: Math.max(time, notBefore),
          head,
          salt: saltOf(ports),
          payload: redacted(text, redactor, 'record'),
        })
        entries.push(entry)
        head = headOf(entry)
      }
    }
    return entries
  }

  #append(items: readonly Item[], entries: readonly Entry[]): void {
    const { store, run, session, epoch, redactor } = this.#options
    const append: Append = {
      run,
      session,
      epoch,
      after: this.#head,
      entries,
      taken: gathered(items, 'taken'),
      create: gathered(items, 'create'),
      deliver: gathered(items, 'deliver')?.map((message) => ({
        ...message,
        payload: redacted(message.payload, redactor, 'record'),
      })),
      artifacts: gathered(items, 'artifacts'),
      unlessNewerThan: items[0]?.unlessNewerThan,
      release: items[0]?.release,
    }
    this.#patiently(
      () => store.append(append),
      (result) => this.#settle(items, entries, result),
      { again: () => this.#appendAgain(append) },
    )
  }

  /**
   * The reply to the first attempt was lost. When it gave the run back, the fence is gone since, and
   * only the head tells that it was ours. A fence that was not given away is somebody else's.
   */
  async #appendAgain(append: Append): Promise<AppendResult> {
    const { store, run } = this.#options
    const result = await store.append(append)
    if (result.is !== 'fenced' || !append.release) return result
    const row = await store.run(run)
    const last = append.entries.at(-1)
    const { seq, hash } = last ?? append.after
    if (row?.seq !== seq || row.hash !== hash) return result
    // Where it brought no entry somebody may have taken the run over instead, and written nothing: there
    // is nothing of ours that this could have cost.
    return last ? { is: 'displaced', seq, hash } : { is: 'committed', newest: row.newest }
  }

  #place(): AppendPlace {
    const { run, session, epoch } = this.#options
    return { run, session, epoch, after: this.#head }
  }

  /**
   * Commits what the item's code makes (J1 to J3 hold for it as for any append). When a reply was lost
   * and the code's transaction did commit, the head is what was sealed last, and the code is not called
   * again; when it did not, it is.
   */
  #transact(item: Item): void {
    let made: Item = item
    let sealed: readonly Entry[] = []
    const attempt = async (): Promise<AppendResult | Thrown> => {
      let thrown: Thrown | undefined
      const write = (transaction: Transaction): Written => {
        try {
          assert(item.transact && !this.#lost, 'The run is not written here any more.')
          made = { ...item, ...item.transact(transaction) }
          sealed = this.#seal([made])
          return { entries: sealed, artifacts: made.artifacts }
        } catch (error) {
          thrown = { is: 'thrown', error }
          throw error
        }
      }
      try {
        const result = await this.#options.store.transact?.(this.#place(), write)
        assert(result, 'A transaction was asked of a store that has none.')
        return result
      } catch (error) {
        if (isMisuse(error)) return { is: 'thrown', error }
        if (thrown && Object.is(thrown.error, error)) return thrown
        throw error // the store is in trouble
      }
    }
    this.#patiently(attempt, (result) => {
      if (result.is !== 'thrown') return this.#settle([made], sealed, result)
      item.failed?.(result.error)
      this.#options.onSettled()
    })
  }

  /** Calls `settle` with what the attempt came to. Waits out trouble that may pass, and tries again. */
  #patiently<T>(
    attempt: () => Promise<T>,
    settle: (result: T) => void,
    { again = attempt, waitMs = troubleMsMin }: Repetition<T> = {},
  ): void {
    promised(attempt).then(
      (result) => {
        this.#busy = false
        if (this.#lost) return
        try {
          settle(result)
        } catch (error) {
          this.#lose(ofOurs(error, this.#options.run))
        }
        if (this.#waiting.length > 0) this.#schedule()
      },
      (error: unknown) => {
        if (this.#lost) return
        if (!isPassing(error)) return this.#lose(ofStore(error, this.#options.run))
        const repeat = (): void => {
          const later = { again, waitMs: Math.min(waitMs * 2, troubleMsMax) }
          if (!this.#lost) this.#patiently(again, settle, later)
        }
        this.#options.ports.setTimer(waitMs, repeat)
        this.#options.onTrouble(error) // after the timer, which must be set whatever this does
      },
    )
  }

  #settle(items: readonly Item[], entries: readonly Entry[], result: AppendResult): void {
    const { run, onNews } = this.#options
    const last = entries.at(-1)
    switch (result.is) {
      case 'displaced':
        if (!last || result.seq !== last.seq || result.hash !== last.hash) {
          this.#lose(
            new InvariantError(
              `Run "${run}" stands at entry ${result.seq}, its holder is about to write entry ${this.#head.seq + 1}.`,
              { run },
            ),
          )
          return
        }
        break // it was our own append, whose reply was lost
      case 'fenced':
        this.#lose(
          new EverloopError('FENCED', `Another worker has taken over run "${run}".`, { run }),
        )
        return
      case 'news':
        onNews(result.newest)
        for (const item of items) item.refused?.()
        this.#options.onSettled()
        return
      case 'committed':
        onNews(result.newest)
    }
    if (last) this.#head = headOf(last)
    this.#options.onCommitted(entries)
    let from = 0
    for (const item of items) {
      const to = from + item.drafts.length
      item.committed?.(entries.slice(from, to))
      from = to
    }
    this.#options.onSettled()
  }

  #lose(error: EverloopError): void {
    if (this.#lost) return
    this.abandon()
    this.#options.onLost(error)
  }
}

/** A store of somebody else's may throw where it should reject, and reply at once. */
function promised<T>(attempt: () => Promise<T>): Promise<T> {
  try {
    return Promise.resolve(attempt())
  } catch (error) {
    return Promise.reject(error)
  }
}

/** What all items bring of one kind; undefined when none brings any, as most do. */
function gathered<K extends 'taken' | 'create' | 'deliver' | 'artifacts'>(
  items: readonly Item[],
  kind: K,
): Item[K] | undefined {
  const [only] = items
  if (only && items.length === 1) return (only[kind]?.length ?? 0) > 0 ? only[kind] : undefined
  const bringing = items.filter((item) => (item[kind]?.length ?? 0) > 0)
  if (bringing.length === 0) return undefined
  return bringing.flatMap((item) => item[kind] as readonly unknown[]) as unknown as Item[K]
}

/** The code has done in the transaction what it may not. */
const isMisuse = (error: unknown): boolean => EverloopError.is(error) && error.code === 'BAD_OPTION'

/** What the store threw. */
const ofStore = (error: unknown, run: string): EverloopError =>
  EverloopError.is(error)
    ? error
    : new EverloopError('STORE_FAILED', `The store failed while run "${run}" was written.`, {
        run,
        cause: error,
      })

/** What everloop's own code threw before or behind an append. */
const ofOurs = (error: unknown, run: string): EverloopError =>
  EverloopError.is(error)
    ? error
    : new EverloopError('INTERNAL', `Everloop failed while run "${run}" was written.`, {
        run,
        cause: error,
      })
