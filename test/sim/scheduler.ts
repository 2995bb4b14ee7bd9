/**
 * The scheduler: everything that happens in a simulated world is an event in one queue.
 *
 * One event at a time is taken, the clock moves to it, its callback is called, and all microtasks
 * and ticks it caused run before the next. Events belong to an owner: those of a dead owner never
 * happen, those of a held one (a process that is frozen) happen when it is let go.
 *
 * Time has two faces, as on a real machine: the time that timers measure only goes forward; the
 * wall clock can jump, which `jump` does.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from '../../src/base/ports.ts'
import type { Chance } from './chance.ts'

export interface Owner {
  readonly name: string
  isDead: boolean
  isHeld: boolean
}

interface Event {
  readonly at: number
  readonly tie: number
  readonly owner: Owner
  readonly label: string
  readonly call: () => void
}

/** How the next event is chosen among those that are near in time. */
export const policies = ['time', 'random', 'priority'] as const
export type Policy = (typeof policies)[number]

/** Events this near to the earliest one may overtake it, in milliseconds. */
const windowMs = 40
const candidatesMax = 8

/** 1 January 2026. */
const epoch = Date.UTC(2026, 0, 1)

export class Scheduler {
  readonly #chance: Chance
  readonly #policy: Policy
  /** The earliest stands last. */
  readonly #queue: Event[] = []
  readonly #backlog = new Map<Owner, Event[]>()
  readonly #priorities = new Map<Owner, number>()
  #now = 0
  #offset = epoch
  #peak = 0
  #count = 0
  #hash = 0x811c9dc5
  onEvent: ((label: string, owner: Owner) => void) | undefined

  constructor(chance: Chance, policy: Policy) {
    this.#chance = chance
    this.#policy = policy
  }

  /** The wall clock, which the store and all entries use. */
  readonly clock: Clock = { now: () => this.#now + this.#offset }

  /** Milliseconds since the world began, as timers measure them. */
  get elapsed(): number {
    return this.#now
  }

  get events(): number {
    return this.#count
  }

  /** A digest of everything that happened so far. */
  get hash(): number {
    return this.#hash
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  /** The latest time the wall clock has ever shown. */
  get peak(): number {
    return Math.max(this.#peak, this.clock.now())
  }

  /** Puts the wall clock forward or back. */
  jump(ms: number): void {
    this.#peak = this.peak
    this.#offset += ms
  }

  /** Calls back after this time, in the async context of the caller. Returns what takes it back. */
  after(owner: Owner, ms: number, label: string, call: () => void): () => void {
    const at = this.#now + Math.max(0, Math.ceil(ms))
    const event = { at, tie: this.#chance.next(), owner, label, call: AsyncLocalStorage.bind(call) }
    this.#insert(event)
    return () => {
      const index = this.#queue.indexOf(event)
      if (index >= 0) this.#queue.splice(index, 1)
      else {
        const held = this.#backlog.get(owner)
        const place = held?.indexOf(event) ?? -1
        if (place >= 0) held?.splice(place, 1)
      }
    }
  }

  /** Lets a held owner go on: everything it missed happens from now on. */
  release(owner: Owner): void {
    owner.isHeld = false
    for (const event of this.#backlog.get(owner) ?? []) this.#insert(event)
    this.#backlog.delete(owner)
  }

  /** Event after event, until the condition holds, nothing is left or the limit is reached. */
  run(until: () => boolean, eventsMax: number): Promise<void> {
    const end = this.#count + eventsMax
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          if (until() || this.#count >= end || !this.#fire()) {
            resolve()
            return
          }
        } catch (error) {
          reject(error)
          return
        }
        setImmediate(turn)
      }
      setImmediate(turn)
    })
  }

  #insert(event: Event): void {
    let low = 0
    let high = this.#queue.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#queue[middle] as Event
      if (other.at > event.at || (other.at === event.at && other.tie > event.tie)) low = middle + 1
      else high = middle
    }
    this.#queue.splice(low, 0, event)
  }

  #fire(): boolean {
    for (;;) {
      const event = this.#take()
      if (!event) return false
      if (event.owner.isDead) continue
      if (event.owner.isHeld) {
        const held = this.#backlog.get(event.owner) ?? []
        held.push(event)
        this.#backlog.set(event.owner, held)
        continue
      }
      this.#now = Math.max(this.#now, event.at)
      this.#count++
      this.#mix(event)
      this.onEvent?.(event.label, event.owner)
      event.call()
      return true
    }
  }

  #take(): Event | undefined {
    const first = this.#queue.at(-1)
    if (!first || this.#policy === 'time') return this.#queue.pop()
    let count = 1
    while (count < candidatesMax) {
      const next = this.#queue.at(-1 - count)
      if (!next || next.at > first.at + windowMs) break
      count++
    }
    return this.#queue.splice(this.#queue.length - 1 - this.#choose(count), 1)[0]
  }

  /** How many places behind the earliest event the chosen one stands. */
  #choose(count: number): number {
    if (count === 1) return 0
    if (this.#policy === 'random') return this.#chance.below(count)
    let best = 0
    let highest = -1
    for (let i = 0; i < count; i++) {
      const owner = (this.#queue.at(-1 - i) as Event).owner
      let priority = this.#priorities.get(owner)
      if (priority === undefined || this.#chance.roll(0.01)) {
        priority = this.#chance.next()
        this.#priorities.set(owner, priority)
      }
      if (priority > highest) {
        highest = priority
        best = i
      }
    }
    return best
  }

  #mix({ owner, label }: Event): void {
    let hash = Math.imul(this.#hash ^ this.#now, 0x01000193)
    for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193)
    for (let i = 0; i < owner.name.length; i++) {
      hash = Math.imul(hash ^ owner.name.charCodeAt(i), 0x01000193)
    }
    this.#hash = hash >>> 0
  }
}
