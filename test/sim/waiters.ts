/**
 * Those who wait for runs through handles of theirs: what `result` and `settled` tell is what the ledger
 * says, and everybody is told in the end.
 */
import { isDeepStrictEqual } from 'node:util'
import { EverloopError } from '../../src/base/errors.ts'
import { encode, isOutcome, operationPath, unescape } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import type { Rest, RunReference, Settled, WaitInfo } from '../../src/run/index.ts'
import { Chance } from './chance.ts'
import { endKinds, type Mirror } from './mirror.ts'
import { outputOf } from './output-of.ts'
import { recordOf } from './record-of.ts'
import { secretIn } from './secret-words.ts'
import type { Node, World } from './world.ts'

/** What may be told without anything being wrong: then it is tried again. */
const passing: readonly string[] = ['STORE_UNAVAILABLE', 'UNKNOWN_RUN']

/** How many wait at most: each of them has the store looked at again and again. */
const waitersMax = 5
/** How often one looks where a run rests before it waits for its end. */
const looksMax = 5

/** How long after the last end everybody may be told of it, in milliseconds and in events. */
const tellingMsMax = 60_000
const tellingEventsMax = 5000

/** Whoever waits, and the process that it does so in; undefined for one that outlives all. */
interface Waiting {
  readonly run: string
  readonly node: Node | undefined
}

/** What can be told of an operation that is waited for, by how it was begun. */
const waits: Partial<Record<Entry['kind'], WaitInfo['kind']>> = {
  'timer.set': 'timer',
  'signal.awaited': 'signal',
  'question.asked': 'question',
  'approval.requested': 'approval',
  'child.started': 'child',
  'step.retrying': 'retry',
  'undo.retrying': 'undo',
  'effect.intended': 'effect',
  'effect.doubted': 'effect',
  'effect.resolved': 'effect',
}

export class Waiters {
  readonly #world: World
  readonly #chance: Chance
  readonly #waiting = new Set<Waiting>()
  #count = 0

  constructor(world: World) {
    this.#world = world
    this.#chance = new Chance(world.seed, 'waiters')
  }

  /** Somebody has been given the handle of a run, and waits for its end. */
  wait(handle: RunReference): void {
    this.#begin({ run: handle.id, node: undefined }, async () => handle)
  }

  /** Somebody looks for a run in this process, and waits for its end. */
  find(run: string, node: Node): void {
    this.#begin({ run, node }, () => node.ever.get(run))
  }

  /** All runs have ended: everybody who waits is told so. */
  async end(): Promise<void> {
    if (this.#count === 0) return
    const { scheduler, report, clients, living } = this.#world
    // Notifications may have been lost while there were faults.
    for (const { store } of [...clients, ...living]) store.tell(0, 'work')
    const last = scheduler.elapsed + tellingMsMax
    const areTold = (): boolean => Array.from(this.#waiting).every(isGone)
    const until = (): boolean => report.hasFailed || areTold() || scheduler.elapsed > last
    await scheduler.run(until, tellingEventsMax)
    for (const one of this.#waiting) {
      const what = `whoever waits for run ${one.run} is not told of its end`
      report.check(isGone(one), 'waiting', () => what)
    }
  }

  #begin(waiting: Waiting, get: () => Promise<RunReference>): void {
    if (this.#count >= waitersMax) return
    this.#count++
    this.#waiting.add(waiting)
    void this.#persist(waiting, get).then(() => this.#waiting.delete(waiting))
  }

  async #persist({ run, node }: Waiting, get: () => Promise<RunReference>): Promise<void> {
    const looks = this.#chance.below(looksMax + 1)
    const [client] = this.#world.clients
    const { process } = node ?? (client as Node)
    for (;;) {
      try {
        const handle = await get()
        for (let n = 0; n < looks; n++) {
          const since = this.#mark(run)
          this.#checkRest(run, await handle.settled(), since)
          await process.sleep(this.#chance.between(50, 3000), 'looks again')
        }
        await this.#result(handle)
        return
      } catch (error) {
        const code = EverloopError.is(error) ? error.code : 'none'
        if (code === 'STORE_CLOSED') return
        if (!passing.includes(code)) {
          this.#must(run, false, `whoever waits is told ${String(error)}`)
          return
        }
        await process.sleep(this.#chance.between(20, 2000), 'waiter tries again')
      }
    }
  }

  async #result(handle: RunReference): Promise<void> {
    const { id } = handle
    let since = this.#mark(id)
    const onRest = (rest: Rest): void => {
      this.#checkRest(id, rest, since)
      since = this.#mark(id)
    }
    try {
      const output = await handle.result({ onRest })
      this.#world.report.reach('result told')
      this.#checkRest(id, { status: 'completed', output }, since)
    } catch (error) {
      const told = EverloopError.is(error) ? endTold(error) : undefined
      if (!told) throw error
      this.#world.report.reach('end told by code that waits')
      this.#checkRest(id, told, since)
    }
  }

  #mark(run: string): Mark {
    return { seq: this.#run(run)?.head?.seq ?? 0, elapsed: this.#world.scheduler.elapsed }
  }

  #run(id: string): Mirror | undefined {
    return this.#world.observer.runs.get(id)
  }

  /** What is told holds at some time since then. */
  #checkRest(id: string, told: Settled, since: Mark): void {
    const { observer, report } = this.#world
    const run = observer.run(id)
    const secret = observer.isRedacted ? secretIn(encode(told)) : undefined
    report.check(secret === undefined, 'secrets', () => `run ${id}: "${secret}" is told`)
    const is = (kind: Entry['kind'], fits: (entry: Entry) => boolean): void => {
      const last = run.entries.findLast(({ seq, ...one }) => one.kind === kind && seq <= since.seq)
      const found = run.entries.some(
        (entry) => entry.kind === kind && (entry.seq > since.seq || entry === last) && fits(entry),
      )
      this.#must(id, found, `${encode(told)} is told, and no ${kind} says so`)
    }
    switch (told.status) {
      case 'completed':
        is('run.completed', (end) =>
          isDeepStrictEqual(outputOf(end, observer.artifacts), told.output),
        )
        return
      case 'failed':
        is('run.failed', (end) =>
          isDeepStrictEqual({ ...recordOf(end, 'run.failed').error }, { ...told.error }),
        )
        return
      case 'cancelled':
        is('run.cancelled', (end) => recordOf(end, 'run.cancelled').reason === told.reason)
        return
      case 'paused':
        is('run.paused', (pause) => {
          const { code, message } = recordOf(pause, 'run.paused')
          return code === told.code && message === told.message
        })
        return
      case 'waiting':
        report.reach('somebody told that a run waits')
        this.#checkWaits(run, told.on, since)
    }
  }

  /** What was open all the while is told, what was over before is not, and nobody held the run. */
  #checkWaits(run: Mirror, on: readonly WaitInfo[], since: Mark): void {
    const { id } = run
    const wasFree = !this.#world.observer.isHeld(run) || run.freeUntil >= since.elapsed
    this.#must(id, wasFree, 'it is said to rest, and was held all the while')
    const ended = run.entries.some(({ kind, seq }) => endKinds.includes(kind) && seq <= since.seq)
    this.#must(id, !ended || run.retries > 0, 'it is said to wait, and had ended before')
    for (const { kind, path, question } of on) {
      const begun = run.entries.filter(
        (entry) => waits[entry.kind] === kind && pathOf(entry) === path,
      )
      const isAsked = begun.some(({ seq }) => question === `${id}/${seq}`)
      this.#must(id, begun.length > 0, `"${path}" is said to wait as ${kind}, and was not begun`)
      this.#must(id, question === undefined || isAsked, `${question} is asked by nobody`)
      const over = run.entries.findLast((entry) => isOutcome(entry.kind) && pathOf(entry) === path)
      const isOver = over && over.seq <= since.seq && over.seq > (begun.at(-1)?.seq ?? 0)
      this.#must(id, isOver !== true, `"${path}" is said to wait, and was over`)
    }
    for (const entry of run.begun.values()) {
      const isTold = entry.seq > since.seq || on.some(({ path }) => path === pathOf(entry))
      this.#must(id, isTold, `"${pathOf(entry)}" is waited for, and not told`)
    }
  }

  #must(run: string, condition: boolean, what: string): void {
    this.#world.report.check(condition, 'waiting', () => `run ${run}: ${what}`)
  }
}

/** A moment in the life of a run. */
interface Mark {
  /** Its last entry. */
  readonly seq: number
  readonly elapsed: number
}

/** It was in a process that is no more. */
const isGone = ({ node }: Waiting): boolean =>
  node !== undefined && (node.process.isDead || node.closed !== undefined)

const pathOf = ({ scope, key }: Entry): string => unescape(operationPath(scope, key))

/** The end that `result` throws. */
function endTold({ code, message, run, cause }: EverloopError): Settled | undefined {
  switch (code) {
    case 'RUN_CANCELLED':
      return { status: 'cancelled', reason: message.replace(`Run "${run}" was cancelled: `, '') }
    case 'DEADLINE':
    case 'RUN_FAILED': {
      const error = cause as Extract<Settled, { readonly status: 'failed' }>['error']
      const isLate = error.code === 'DEADLINE'
      return isLate === (code === 'DEADLINE') ? { status: 'failed', error } : undefined
    }
    default:
      return undefined
  }
}
