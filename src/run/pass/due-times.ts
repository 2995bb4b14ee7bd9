/**
 * What makes a pass go on by itself: the due times of what waits in it, and the deadline of its run. One
 * alarm is set for the earliest of them.
 */
import type { Cancelled } from '../../base/errors.ts'
import type { Ports } from '../../base/ports.ts'
import type { Store } from '../../store/store.ts'
import { isPast, overdue } from '../work/deadline.ts'
import { Alarm } from './alarm.ts'
import { beginCancelling, type Cancellable } from './cancelling.ts'
import type { Mailbox } from './mailbox.ts'

/** What a pass does here. */
interface Timed extends Cancellable {
  readonly ports: Ports
  readonly store: Store
  readonly mailbox: Mailbox
  readonly options: { readonly deadline: number | undefined }
  /** What the code was told of. */
  readonly cancelled: Cancelled | undefined
  readonly isReplaying: boolean
  readonly isOver: boolean
}

export class DueTimes {
  readonly #pass: Timed
  /** Something that was due goes on. */
  readonly #onRung: () => void
  readonly #alarm: Alarm
  /** Something waits since the alarm was set. */
  #isStale = false

  constructor(pass: Timed, onRung: () => void) {
    this.#pass = pass
    this.#onRung = onRung
    this.#alarm = new Alarm(pass.ports, pass.store.clock, () => this.#ring())
  }

  /** When the run fails, unless it is ending already. */
  get deadline(): number | undefined {
    const { recorded, options } = this.#pass
    return recorded.cancelling ? undefined : options.deadline
  }

  /** When the next pass must go on: what is recorded as begun counts although nobody has asked for it. */
  get next(): number | undefined {
    const { operations, recorded } = this.#pass
    return operations.nextDue(recorded.begun.values(), this.deadline)
  }

  /** Something waits from now on. There may be thousands: the alarm is set when all of them wait. */
  onWait(): void {
    this.#isStale = true
  }

  /** All have asked to wait that are about to. */
  settle(): void {
    if (this.#isStale) this.setAlarm()
  }

  /** Rings for what waits here. For anything else it would ring in vain, again and again. */
  setAlarm(): void {
    this.#isStale = false
    const { operations } = this.#pass
    this.#alarm.set(this.#mayRing ? operations.nextDue([], this.deadline) : undefined)
  }

  /** After a cancel was taken nothing is tried again until the code has been told, which something may keep from it. */
  get #mayRing(): boolean {
    const { recorded, cancelled, isReplaying, isOver } = this.#pass
    return !isReplaying && !isOver && (cancelled !== undefined || !recorded.cancelling)
  }

  /** What becomes due from here on is the next pass's to do. */
  close(): void {
    this.#alarm.set(undefined)
  }

  /** A run whose time is over is cancelled. */
  checkDeadline(): void {
    if (isPast(this.deadline, this.#pass.store.clock)) beginCancelling(this.#pass, overdue)
  }

  #ring(): void {
    const { operations, mailbox, store } = this.#pass
    // A message that has come already may be what an operation is about to stop waiting for.
    if (!this.#mayRing || mailbox.isBusy) return
    for (const operation of operations.dueAt(store.clock.now())) {
      operation.phase = 'busy'
      operation.live.onDue?.(operation)
    }
    this.checkDeadline()
    this.setAlarm()
    this.#onRung()
  }
}
