/**
 * The world outside of the runtime, and the truth about it: what was done there under which key, and
 * what is on its way. A request that was sent arrives, even when its sender has died meanwhile.
 */
import type { EffectSpec } from './effect-spec.ts'
import type { Mirror } from './mirror.ts'
import type { Process } from './process.ts'
import type { Report } from './report.ts'
import type { Owner, Scheduler } from './scheduler.ts'

/** Something that a call wants to be done. */
export interface Request {
  readonly run: Mirror
  readonly path: string
  readonly key: string
  readonly effect: EffectSpec['effect']
  readonly attempt: number
  readonly process: Process
  readonly epoch: number | undefined
}

/** Something that was done. */
export interface Deed extends Request {
  /** Its sender was dead when it happened. */
  readonly isOrphan: boolean
  /** Its sender did not hold the run any more. */
  readonly isZombie: boolean
  /** The run was being undone already. */
  readonly isLate: boolean
}

interface Travel {
  readonly request: Request
  readonly land: () => void
}

export class Outside {
  readonly #report: Report
  readonly #scheduler: Scheduler
  readonly #network: Owner
  /** By place: what was done, and the key under which it was asked for. */
  readonly #deeds = new Map<string, Deed[]>()
  readonly #keys = new Map<string, string>()
  readonly #places = new Map<string, string>()
  readonly #specs = new Map<string, EffectSpec>()
  /** By place: the key under which it was undone. */
  readonly #undone = new Map<string, string>()
  readonly #travelling = new Set<Travel>()
  /** By place: how many rows were committed. */
  readonly #bookings = new Map<string, number>()

  constructor(report: Report, scheduler: Scheduler, network: Owner) {
    this.#report = report
    this.#scheduler = scheduler
    this.#network = network
  }

  /** A call begins: a place has one key, and a key one place. */
  meet(run: string, path: string, key: string, spec: EffectSpec): void {
    const place = placeOf(run, path)
    const known = this.#keys.get(place) ?? key
    const other = this.#places.get(key) ?? place
    this.#report.check(known === key, 'effects', () => `${place} has the keys ${known} and ${key}`)
    this.#report.check(
      other === place,
      'effects',
      () => `key ${key} is that of ${other} and ${place}`,
    )
    this.#keys.set(place, key)
    this.#places.set(key, place)
    this.#specs.set(place, spec)
  }

  /** Resolves when it has arrived. */
  send(request: Request, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const travel: Travel = {
        request,
        land: () => {
          takeBack()
          this.#travelling.delete(travel)
          this.#land(request)
          resolve()
        },
      }
      const takeBack =
        ms === 0
          ? () => {}
          : this.#scheduler.after(this.#network, ms, 'request', () => travel.land())
      if (ms === 0) travel.land()
      else this.#travelling.add(travel)
    })
  }

  /** Something is undone: under one key, however often it is tried. */
  undo(run: string, path: string, key: string): void {
    const place = placeOf(run, path)
    const known = this.#undone.get(place) ?? key
    this.#undone.set(place, known)
    this.#report.trace(() => `   "${path}" of run ${run} is undone`)
    this.#report.check(known === key, 'undo', () => `${place} is undone as ${known} and ${key}`)
  }

  wasUndone(run: string, path: string): boolean {
    return this.#undone.has(placeOf(run, path))
  }

  /** The statement that books something for this step. */
  bookingOf(run: string, path: string): string {
    return placeOf(run, path)
  }

  /** These statements were committed. */
  commit(statements: readonly string[]): void {
    for (const place of statements) this.#bookings.set(place, (this.#bookings.get(place) ?? 0) + 1)
  }

  bookingsOf(run: string, path: string): number {
    return this.#bookings.get(placeOf(run, path)) ?? 0
  }

  /** Everything that was booked, and how often. */
  get bookings(): Iterable<{
    readonly run: string
    readonly path: string
    readonly times: number
  }> {
    return Array.from(this.#bookings, ([place, times]) => {
      const [run = '', path = ''] = place.split('\n')
      return { run, path, times }
    })
  }

  /** Much time passes for everybody: what is on its way arrives before. */
  landAll(): void {
    for (const { land } of this.#travelling) land()
  }

  deedsOf(run: string, path: string): readonly Deed[] {
    return this.#deeds.get(placeOf(run, path)) ?? []
  }

  hasHappened(run: string, path: string): boolean {
    return this.deedsOf(run, path).length > 0
  }

  isOnItsWay(run: string, path: string): boolean {
    return Array.from(this.#travelling).some(
      ({ request }) => request.run.id === run && request.path === path,
    )
  }

  specOf(run: string, path: string): EffectSpec | undefined {
    return this.#specs.get(placeOf(run, path))
  }

  /** Where the call with this key stands. */
  placeOf(key: string): { readonly run: string; readonly path: string } | undefined {
    const [run, path] = this.#places.get(key)?.split('\n') ?? []
    return run === undefined || path === undefined ? undefined : { run, path }
  }

  /** Everything that was done, by place. */
  get deeds(): Iterable<Deed> {
    return Array.from(this.#deeds.values()).flat()
  }

  #land(request: Request): void {
    const { run, path, effect, attempt } = request
    const place = placeOf(run.id, path)
    const before = this.#deeds.get(place) ?? []
    // An outside system knows the key of what may be repeated.
    if (effect === 'idempotent' && before.length > 0) return
    const what = `"${path}" of run ${run.id}`
    this.#report.trace(() => `   ${what} happens, attempt ${attempt}`)
    if (effect === 'once') {
      this.#report.check(before.length === 0, 'effects', () => `${what} happened twice`)
      const state = run.calls.get(path)?.state
      this.#report.check(
        state !== 'notDone',
        'E2',
        () => `${what} happened after it was said not to have`,
      )
    }
    const deed = {
      ...request,
      isOrphan: request.process.isDead,
      isZombie: request.epoch !== run.epoch,
      isLate: run.isUndoing || run.hasEnded,
    }
    this.#deeds.set(place, [...before, deed])
  }
}

const placeOf = (run: string, path: string): string => `${run}\n${path}`
