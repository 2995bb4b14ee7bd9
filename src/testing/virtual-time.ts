/**
 * Virtual time: ports whose clock stands still until somebody moves it, so that months pass in
 * milliseconds and the same seed gives the same run.
 *
 * Only time and chance are virtual. Microtasks and turns of the event loop are the real ones, and
 * the clock never moves while one of them is left (`settle`), nor while a call to the real world is
 * under way that was announced with `during` or begun by code that is watched (real-work.ts).
 *
 * - Y1 A timer never fires before its time. It may fire late: after `leap`, or when the policy picks
 *   another one first.
 * - Y2 A callback runs in the async context in which it was handed over, as with real timers.
 * - Y3 Without real work everything that happens depends on the seed alone.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Duration, formatDuration, parseDuration } from '../base/duration.ts'
import { EverloopError } from '../base/errors.ts'
import { checkFunctions, checkOptions } from '../base/options.ts'
import type { Ports, Timer } from '../base/ports.ts'
import { systemPorts } from '../base/system.ts'
import { RealWork } from './real-work.ts'

/** A timer that has not fired. */
export interface PendingTimer {
  /** When it is to fire, in milliseconds since 1970. */
  readonly at: number
  /** Timers are numbered in the order in which they were set. */
  readonly order: number
}

/** Chooses the timer that fires next: an index into the pending ones, which are in order of time. */
export type TimerPolicy = (timers: readonly PendingTimer[]) => number

/** Where virtual time begins, and what its chance derives from. */
export interface VirtualTimeOptions {
  /** Where the clock begins. Default: 1 January 2026. */
  readonly start?: Date | number
  /** What all random bytes derive from. Default 1. */
  readonly seed?: number
  /** Default: the earliest timer, of several the one that was set first. */
  readonly policy?: TimerPolicy
}

/** Ports whose time is moved by hand. */
export interface VirtualTime extends Ports {
  setTimer(ms: number, callback: () => void): Timer & PendingTimer
  /** Timers that have not fired. */
  readonly timers: readonly PendingTimer[]
  /** Lets everything happen that needs no time to pass. */
  settle(): Promise<void>
  /** Settles, then fires one timer, unless none is due until then. True if one fired. */
  step(until?: number): Promise<boolean>
  /** Lets this much time pass, timer by timer. */
  advance(duration: Duration): Promise<void>
  /** Lets time pass without firing anything: timers that became due fire late, with the next step. */
  leap(to: Date | number): void
  /**
   * Lets time pass until the condition holds or the promise settles, and returns what it settles
   * with. Throws when nothing is left that could happen, or `within` (default "1d") has passed.
   */
  runUntil<T>(goal: Promise<T>, options?: { readonly within?: Duration }): Promise<T>
  runUntil(
    goal: () => boolean | Promise<boolean>,
    options?: { readonly within?: Duration },
  ): Promise<void>
  /** Time stands still until this work of the real world is done. */
  during<T>(work: Promise<T>): Promise<T>
  /**
   * Calls the code. Time stands still while real work is under way that it began, or what it called:
   * files, processes, sockets, real timers. Not for ever: for 3 seconds at most in which nothing happens
   * in it, 1 second where only connections are open.
   */
  watch<T>(code: () => T): T
}

/** The options of virtual time. */
export const virtualTimeOptions: readonly string[] = ['start', 'seed', 'policy']

/**
 * Makes virtual time.
 *
 * @example
 * const time = virtualTime({ seed: 7 })
 * time.setTimer(60_000, () => console.log('a minute later'))
 * await time.advance('1h')
 */
export function virtualTime(options: VirtualTimeOptions = {}): VirtualTime {
  checkOptions('virtualTime', options, virtualTimeOptions)
  const { start = 0, seed = 0, policy } = options
  checkFunctions('virtualTime', { policy })
  const isTime = start instanceof Date || typeof start === 'number'
  if (!isTime || !Number.isFinite(Number(start))) {
    throw new EverloopError(
      'BAD_OPTION',
      '`start` must be a valid Date, or a number of milliseconds since 1970.',
    )
  }
  if (!Number.isFinite(seed)) throw new EverloopError('BAD_OPTION', '`seed` must be a number.')
  return new Virtual(options)
}

interface Pending extends PendingTimer {
  readonly callback: () => void
}

/** So many turns of the event loop must pass without a sign of life before time may move. */
const quietTurns = 2
/** After so many turns without rest there will be none. */
const turnsMax = 200_000

class Virtual implements VirtualTime {
  readonly clock = { now: (): number => this.#now }
  #now: number
  #chance: () => number
  readonly #policy: TimerPolicy
  /** In order of time, then of setting. */
  readonly #timers: Pending[] = []
  #set = 0
  /** Counts signs of life: whatever is handed to the ports. */
  #life = 0
  #turns = 0
  #working = 0
  #onRest: (() => void) | undefined
  readonly #real = new RealWork(this)

  constructor({ start = Date.UTC(2026, 0, 1), seed = 1, policy = () => 0 }: VirtualTimeOptions) {
    this.#now = Math.round(Number(start))
    this.#chance = chanceOf(seed)
    this.#policy = policy
  }

  get timers(): readonly PendingTimer[] {
    return this.#timers
  }

  monotonic(): number {
    return this.#now
  }

  /** Code takes no time. */
  busy(): number {
    return 0
  }

  setTimer(ms: number, callback: () => void): Timer & PendingTimer {
    this.#life++
    const at = this.#now + Math.max(0, Math.ceil(ms)) // clocks tell whole milliseconds
    const order = this.#set++
    const timer = { at, order, callback: AsyncLocalStorage.bind(callback) }
    this.#timers.splice(this.#indexBehind(at), 0, timer)
    return {
      at,
      order,
      cancel: () => {
        const index = this.#timers.indexOf(timer)
        if (index >= 0) this.#timers.splice(index, 1)
      },
    }
  }

  afterMicrotasks(callback: () => void): void {
    this.#life++
    systemPorts.afterMicrotasks(callback)
  }

  nextTurn(callback: () => void): void {
    this.#turns++
    systemPorts.nextTurn(() => {
      this.#turns--
      this.#life++
      callback()
    })
  }

  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, this.#chance)
  }

  async settle(): Promise<void> {
    for (let turns = 0, quiet = 0; quiet < quietTurns; turns++) {
      if (turns > turnsMax) {
        throw new EverloopError('STALLED', 'Something goes on for ever without time passing.')
      }
      quiet = (await this.#isQuiet()) ? quiet + 1 : 0
    }
  }

  async step(until = Infinity): Promise<boolean> {
    await this.settle()
    return this.#fire(until)
  }

  async advance(duration: Duration): Promise<void> {
    const to = this.#now + parseDuration(duration)
    while (await this.step(to));
    this.#now = Math.max(this.#now, to)
    await this.settle()
  }

  leap(to: Date | number): void {
    this.#now = Math.max(this.#now, Math.ceil(Number(to)))
  }

  async runUntil<T>(
    goal: Promise<T> | (() => boolean | Promise<boolean>),
    { within = '1d' }: { readonly within?: Duration } = {},
  ): Promise<T | undefined> {
    const isPromise = typeof goal !== 'function'
    let settled = false
    const note = (): void => void (settled = true)
    if (isPromise) goal.then(note, note)
    const begun = this.#now
    const end = begun + parseDuration(within)
    for (let turns = 0, quiet = 0; turns <= turnsMax; turns++) {
      quiet = (await this.#isQuiet()) ? quiet + 1 : 0
      if (isPromise ? settled : await goal()) return isPromise ? goal : undefined
      if (quiet < quietTurns) continue
      if (!this.#fire(end)) break
      turns = quiet = 0
    }
    const why =
      this.#timers.length === 0
        ? `nothing is left that could happen, ${formatDuration(this.#now - begun)} after the beginning`
        : `${formatDuration(end - begun)} have passed`
    throw new EverloopError('DEADLINE', `What runUntil waits for did not come: ${why}.`)
  }

  async during<T>(work: Promise<T>): Promise<T> {
    this.#working++
    try {
      return await work
    } finally {
      this.#working--
      this.#life++
      if (this.#working === 0) this.#onRest?.()
    }
  }

  watch<T>(code: () => T): T {
    return this.#real.watch(code)
  }

  /** Lets a turn of the event loop pass. True if nothing happened in it. */
  async #isQuiet(): Promise<boolean> {
    const before = this.#life
    await turn()
    if (this.#working > 0) {
      await new Promise<void>((resolve) => (this.#onRest = resolve))
      return false
    }
    if (this.#real.isUnderWay) {
      await this.#real.moment()
      return false
    }
    return this.#turns === 0 && this.#life === before
  }

  #fire(until: number): boolean {
    const due = this.#timers.slice(0, this.#indexBehind(until))
    if (due.length === 0) return false
    const timer = due[this.#policy(due)]
    if (!timer) throw new RangeError('The policy picked a timer that is not there.')
    this.#timers.splice(this.#timers.indexOf(timer), 1)
    this.#now = Math.max(this.#now, timer.at)
    this.#life++
    timer.callback()
    return true
  }

  /** The index behind all timers that fire at this time or before. */
  #indexBehind(at: number): number {
    let low = 0
    let high = this.#timers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#timers[middle]?.at ?? Infinity) <= at) low = middle + 1
      else high = middle
    }
    return low
  }
}

const turn = (): Promise<void> => new Promise((resolve) => systemPorts.nextTurn(resolve))

/** A stream of bytes from a seed: the generator known as splitmix32. */
function chanceOf(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) & 0xff
  }
}
