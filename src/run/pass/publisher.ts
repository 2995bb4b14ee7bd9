/**
 * Live text of a pass's steps on its way to the store, for whoever watches: gathered for a moment, so
 * that a model that streams word by word costs no more than twenty commits a second, and one that
 * answers at once none.
 *
 * What is shown is no part of the ledger: the outcome holds the full text. So nothing waits for it,
 * and what has not been sent when a step ends is dropped. Only what is on its way is waited for,
 * because nothing may be shown of a step that is recorded (S10).
 */
import { LateSet } from '../../base/late-set.ts'
import type { Ports, Timer } from '../../base/ports.ts'
import type { Redactor, TextRedaction } from '../../base/redactor.ts'
import { isWithin } from '../../ledger/index.ts'
import type { NewChunk, Store } from '../../store/store.ts'
import { isPassing } from '../patience.ts'

/** Text is sent at most this often. */
const gatherMs = 50
/** While the store is in trouble. */
const troubleMs = 1000
/** Of one attempt no more text than this is shown live. */
const unitsMax = 1024 * 1024

export interface PublisherOptions {
  readonly store: Store
  readonly ports: Ports
  readonly run: string
  readonly session: string
  readonly epoch: number
  readonly redactor: Redactor
  readonly onTrouble: (error: unknown) => void
  /** What was on its way is there, or nobody knows. */
  readonly onSent: () => void
}

export class Publisher {
  readonly #options: PublisherOptions
  /** Those with text that was not sent yet. */
  readonly #texts = new LateSet<LiveText>()
  #onItsWay: readonly NewChunk[] = []
  /** Sent, and perhaps not there. */
  #unsure: readonly NewChunk[] = []
  #sending: Promise<void> | undefined
  #timer: Timer | undefined
  #isClosed = false

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** Takes secrets out of the text of one attempt. */
  redaction(): TextRedaction {
    return this.#options.redactor.stream()
  }

  add(text: LiveText): void {
    if (this.#isClosed) return
    this.#texts.add(text)
    // Not at once: a step that ends before then costs no commit.
    if (!this.#timer && !this.#sending) this.#arm(gatherMs)
  }

  /** Nothing more is shown of this one. While something is on its way: a promise that it has arrived. */
  end(text: LiveText): Promise<void> | undefined {
    this.#texts.delete(text)
    if (this.#texts.size === 0 && this.#unsure.length === 0) this.#disarm()
    const forget = (): void => {
      this.#unsure = this.#unsure.filter(({ path }) => path !== text.path)
    }
    if (this.#sending) return this.#sending.then(forget)
    forget()
    return undefined
  }

  /** Whether text of a step within the scope is on its way: the scope is not closed before (S10). */
  isSending(scope: string): boolean {
    return this.#onItsWay.some(({ path }) => isWithin(path, scope))
  }

  /** Nothing more is shown of steps within the scope, which is about to be closed. */
  forget(scope: string): void {
    this.#unsure = this.#unsure.filter(({ path }) => !isWithin(path, scope))
  }

  /** Shows nothing more. */
  close(): void {
    this.#isClosed = true
    this.#disarm()
    this.#texts.clear()
    this.#unsure = []
  }

  #flush(): void {
    if (this.#isClosed) return
    const chunks = current([
      ...this.#unsure,
      ...Array.from(this.#texts).flatMap((text) => text.take()),
    ])
    this.#texts.clear()
    if (chunks.length === 0) return
    this.#arm(gatherMs)
    this.#sending = this.#send(chunks)
  }

  #arm(ms: number): void {
    this.#timer = this.#options.ports.setTimer(ms, () => {
      this.#timer = undefined
      if (!this.#sending) this.#flush()
    })
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async #send(chunks: readonly NewChunk[]): Promise<void> {
    const { store, run, session, epoch, onTrouble, onSent } = this.#options
    this.#onItsWay = chunks
    try {
      const isShown = await store.publish({ run, session, epoch, chunks })
      this.#unsure = []
      if (!isShown) this.close()
    } catch (error) {
      if (this.#isClosed) return
      onTrouble(error)
      if (!isPassing(error)) return this.close()
      this.#unsure = chunks // a part that is there already is not doubled
      this.#disarm()
      this.#arm(troubleMs)
    } finally {
      this.#sending = undefined
      this.#onItsWay = []
      onSent()
    }
    if (!this.#timer) this.#flush()
  }
}

/**
 * Without text of what has begun anew since: where that has arrived already, the store does not know the text
 * before it any more, and would take it for more.
 */
function current(chunks: readonly NewChunk[]): readonly NewChunk[] {
  const latest = new Map(chunks.map(({ path, attempt }) => [path, attempt]))
  return chunks.filter(({ path, attempt }) => attempt === latest.get(path))
}

/** What one attempt at a step shows. */
export class LiveText {
  readonly path: string
  readonly #publisher: Publisher
  #attempt: number
  readonly #isOver: () => boolean
  #redaction: TextRedaction
  #pending = ''
  #parts = 0
  #units = 0
  #hasEnded = false

  /** `isOver`: nobody waits for the step any more. */
  constructor(
    publisher: Publisher,
    place: { readonly path: string; readonly attempt: number; readonly isOver: () => boolean },
  ) {
    this.path = place.path
    this.#publisher = publisher
    this.#attempt = place.attempt
    this.#isOver = place.isOver
    this.#redaction = publisher.redaction()
  }

  publish(text: string): void {
    if (this.#hasEnded || text === '') return
    this.#units += text.length
    if (this.#units > unitsMax) return // for good: later text would not fit to what is shown
    this.#pending += this.#redaction.push(text)
    this.#publisher.add(this)
  }

  /** What was shown is void: another attempt begins within the step. */
  restart(): void {
    if (this.#parts > 0 || this.#pending !== '') this.#attempt++
    this.#pending = ''
    this.#parts = 0
    this.#units = 0
    this.#redaction = this.#publisher.redaction()
  }

  /** As `Publisher.end`. */
  end(): Promise<void> | undefined {
    this.#hasEnded = true
    return this.#publisher.end(this)
  }

  /** What has come since the last time. A character that has come by half waits for its other half. */
  take(): readonly NewChunk[] {
    const isHalf = /[\ud800-\udbff]$/.test(this.#pending)
    const text = isHalf ? this.#pending.slice(0, -1) : this.#pending
    this.#pending = isHalf ? this.#pending.slice(-1) : ''
    if (this.#isOver() || text === '') return []
    return [{ path: this.path, attempt: this.#attempt, part: ++this.#parts, text }]
  }
}
