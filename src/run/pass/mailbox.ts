/**
 * What a pass knows of its run's inbox: which messages it has looked for, and which are on their
 * way into the ledger.
 *
 * M1 `seen` grows only after a search that succeeded: a message up to that number was offered to the
 *    pass, or is a signal that nothing awaited when it was searched for.
 * M2 A message is offered until an append has taken it, and not while one is about to.
 */
import { LateSet } from '../../base/late-set.ts'
import type { Ports } from '../../base/ports.ts'
import { sleep } from '../../base/sleep.ts'
import type { Message, Store } from '../../store/store.ts'

/** How long a search is put off after the store was in trouble. */
const troubleMs = 100

export interface MailboxOptions {
  readonly run: string
  readonly store: Store
  readonly ports: Ports
  /** Number of the newest message when the run was claimed. */
  readonly newest: number
  /** Names of the signals that are waited for. */
  readonly awaited: () => readonly string[]
  readonly offer: (message: Message) => void
  /** A search has ended. */
  readonly onSearched: () => void
  readonly onTrouble: (error: unknown) => void
}

export class Mailbox {
  readonly #options: MailboxOptions
  readonly #taking = new LateSet<number>()
  readonly #reserved = new LateSet<number>()
  #newest: number
  #appends = 0
  #seen = 0
  #state: 'closed' | 'idle' | 'searching' | 'search again' = 'closed'

  constructor(options: MailboxOptions) {
    this.#options = options
    this.#newest = options.newest
  }

  /** The number of the newest message that has been looked for. */
  get seen(): number {
    return this.#seen
  }

  /** Something is being done about a message: more may come up behind it. */
  get isBusy(): boolean {
    return this.isSearching || this.#appends > 0 || this.#reserved.size > 0
  }

  get isSearching(): boolean {
    return this.#state === 'searching' || this.#state === 'search again'
  }

  /** Begins to search: from now on the pass can do something with what is found. */
  open(): void {
    if (this.#state !== 'closed') return
    this.#state = 'idle'
    if (this.#newest > 0) this.search()
  }

  close(): void {
    this.#state = 'closed'
  }

  /** A message of this number has come. */
  onNews(newest: number): void {
    if (newest <= this.#newest) return
    this.#newest = newest
    this.search()
  }

  /** The message is being checked; until it is given back or taken, nobody else is offered it. */
  reserve(number: number): void {
    this.#reserved.add(number)
    this.#taking.add(number)
  }

  /** An append that takes these messages is on its way. */
  appending(numbers: readonly number[]): void {
    if (numbers.length === 0) return
    this.#appends++
    for (const number of numbers) {
      this.#taking.add(number)
      this.#reserved.delete(number)
    }
  }

  /** The append is durable. Behind a signal that was taken the next one of its name comes up. */
  taken(numbers: readonly number[]): void {
    if (numbers.length === 0) return
    this.#appends--
    this.search()
  }

  /** Nothing came of this one: it is offered again. */
  giveBack(number: number): void {
    this.#taking.delete(number)
    this.#reserved.delete(number)
    this.search()
  }

  /** Looks again, once for all reasons that come up meanwhile, when there is anything to be found. */
  search(): void {
    if (this.#newest === 0) return
    if (this.#state === 'idle') void this.#search()
    else if (this.#state === 'searching') this.#state = 'search again'
  }

  async #search(): Promise<void> {
    const { store, ports, run, awaited, offer, onSearched, onTrouble } = this.#options
    do {
      this.#state = 'searching'
      const newest = this.#newest
      try {
        const messages = await store.messages(run, awaited())
        if (!this.isSearching) return
        for (const message of messages) if (!this.#taking.has(message.number)) offer(message)
        this.#seen = newest
      } catch (error) {
        onTrouble(error)
        await sleep(ports, troubleMs)
        if (!this.isSearching) return
        this.#state = 'search again'
      }
    } while (this.#mustSearchAgain())
    if (this.isSearching) this.#state = 'idle'
    onSearched()
  }

  #mustSearchAgain(): boolean {
    return this.#state === 'search again'
  }
}
