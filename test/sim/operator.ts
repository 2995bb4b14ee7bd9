/**
 * The people and systems around the runs: they start runs, send signals, answer questions, and
 * cancel, pause, resume and retry. They try again until they are answered, and note what was said.
 */
import { EverloopError, type ErrorCode } from '../../src/base/errors.ts'
import { messageSignal } from '../../src/agent/loop/inbox.ts'
import type { Ever, GoOnOptions, Question } from '../../src/run/index.ts'
import { Chance } from './chance.ts'
import { isQuestion, type Mirror } from './mirror.ts'
import { recordOf } from './record-of.ts'
import { type Asked, people, type Word, wordOf } from './people.ts'
import { Waiters } from './waiters.ts'
import { Watchers } from './watchers.ts'
import type { Node, World } from './world.ts'

/** What somebody who decides about a call may be told besides. */
const decisionRefusals: readonly ErrorCode[] = ['APPROVAL_REFUSED', 'UNKNOWN_QUESTION', 'BAD_INPUT']

/** What somebody who takes a run in hand may be told besides. */
const handRefusals: readonly ErrorCode[] = ['BAD_OPTION', 'FENCED']

/** Through whom something is asked. */
interface Asking {
  /** Default: one of the clients. */
  readonly node?: Node
  /** What may be told without anything being wrong. */
  readonly also?: readonly ErrorCode[]
}

/** How an answer is given. */
interface Answering {
  /** So that it counts once. */
  readonly id?: string
  readonly mayWait?: boolean
}

/** What a client may be told without anything being wrong. */
const refusals: readonly ErrorCode[] = ['RUN_ENDED', 'RUN_STATE', 'QUESTION_CLOSED', 'UNKNOWN_RUN']

/** How many runs are watched at most, one of them several times perhaps. */
const watchesMax = 4

/** A run that was asked for. */
export interface Started {
  readonly id: string
  readonly flow: number
  readonly input: unknown
}

export class Operator {
  readonly started: Started[] = []
  readonly #world: World
  readonly #chance: Chance
  readonly #clients: readonly Node[]
  readonly watchers: Watchers
  readonly waiters: Waiters
  #watches = 0
  /** Questions that were answered, for those who come late. */
  readonly #answered: string[] = []
  #signals = 0
  /** Who waits for a reply. */
  readonly #pending = new Set<Node>()

  constructor(world: World) {
    this.#world = world
    this.#chance = new Chance(world.seed, 'operator')
    this.#clients = [world.addClient(), world.addClient()]
    this.watchers = new Watchers(world)
    this.waiters = new Waiters(world)
  }

  /** True when nobody waits for a reply. */
  get isIdle(): boolean {
    return Array.from(this.#pending).every(({ process }) => process.isDead)
  }

  /** Begins to start runs and to meddle with them. */
  begin(): void {
    const count = this.#chance.between(1, 3)
    for (let i = 0; i < count; i++) {
      const flow = i === 0 ? 0 : this.#chance.below(this.#world.programs.length)
      const isAgent = this.#world.programs[flow]?.is === 'agent'
      const input = isAgent ? { prompt: `Of ${i}.` } : { of: i }
      const started: Started = { id: `run-${i}`, flow, input }
      this.started.push(started)
      this.#later(this.#chance.between(0, i === 0 ? 200 : 3500), () => this.#start(started))
    }
    this.#tick()
  }

  /** Everything that runs wait for from outside is given to them. */
  feed(run: Mirror): void {
    for (const [path, entry] of run.begun) {
      if (entry.kind === 'signal.awaited') {
        // Whoever goes on talking to an agent is never done.
        const { name } = recordOf(entry, entry.kind)
        if (name !== messageSignal) this.#signal(run.id, name, true)
      } else if (isQuestion(entry)) {
        this.#world.report.trace(() => `   the operator answers ${run.id} ${path}`)
        this.#answer(`${run.id}/${entry.seq}`, true, { mayWait: false })
      }
    }
  }

  resume(run: string, how: GoOnOptions): void {
    this.#ask((ever) => ever.resume(run, how))
  }

  retry(run: string, how: GoOnOptions): void {
    this.#ask((ever) => ever.retry(run, how))
  }

  async #start({ id, flow, input }: Started): Promise<void> {
    const chance = this.#chance
    const options = {
      id,
      ...(chance.roll(0.5) ? { by: 'ann' } : {}),
      ...(chance.roll(0.15) ? { queue: 'slow' } : {}),
      ...(chance.roll(0.1) ? { delay: chance.between(0, 5000) } : {}),
      ...(chance.roll(0.1) ? { deadline: chance.between(500, 40_000) } : {}),
    }
    const isTwice = chance.roll(0.1)
    const isAwaited = this.#world.extras.has('somebody waits for the end')
    const ask = (): void =>
      this.#ask(async (ever) => {
        const handle = await ever.start(`flow-${flow}`, input, options)
        if (isAwaited) this.waiters.wait(handle)
      })
    ask()
    // The same id twice is one run. A deadline is another one each time it is computed.
    if (isTwice) ask()
  }

  #tick(): void {
    this.#later(this.#chance.between(200, 1800), () => {
      if (this.#world.faults.isOver) return
      this.#meddle()
      this.#tick()
    })
  }

  /** Somebody decides in the last moment. */
  #race(run: Mirror): void {
    const { faults, scheduler } = this.#world
    for (const entry of run.begun.values()) {
      if (entry.kind !== 'signal.awaited' && !isQuestion(entry)) continue
      const record = recordOf(entry, entry.kind as 'signal.awaited' | 'question.asked')
      const left = (record.due ?? Infinity) - scheduler.clock.now()
      if (left > 2500 || left < 0 || !faults.strikes('answer or signal races the deadline'))
        continue
      this.#later(left + this.#chance.between(-3, 18), () => {
        if ('name' in record) this.#signal(run.id, record.name, true)
        else this.#answer(`${run.id}/${entry.seq}`, true)
      })
    }
  }

  #meddle(): void {
    const { extras, faults, observer, living } = this.#world
    const chance = this.#chance
    const runs = [...observer.runs.values()]
    if (runs.length === 0) return
    const run = chance.pick(runs)
    for (const any of runs) this.#race(any)
    if (faults.strikes('operator cancels')) this.#ask((ever) => ever.cancel(run.id, 'enough'))
    if (faults.strikes('operator pauses')) this.#ask((ever) => ever.pause(run.id))
    if (faults.strikes('operator cancels what was just paused')) {
      this.#ask((ever) => ever.pause(run.id).then(() => ever.cancel(run.id, 'enough')))
    }
    // No more draws than before: what seeds have shown once they show again.
    const how = { anew: this.#signals % 3 === 0 }
    if (faults.strikes('operator resumes')) this.resume(run.id, how)
    if (faults.strikes('operator retries')) this.retry(run.id, how)
    if (faults.strikes('signal that nobody awaits')) {
      this.#signal(run.id, chance.pick(['go', 'tick', 'data']), chance.roll(0.7))
    }
    const isAgent = observer.agents.has(run.flow)
    if (isAgent && faults.strikes('somebody talks to an agent')) {
      this.#signal(run.id, messageSignal, true)
    }
    for (const entry of run.begun.values()) {
      if (entry.kind === 'signal.awaited' && chance.roll(0.3)) {
        this.#signal(run.id, recordOf(entry, entry.kind).name, chance.roll(0.8))
      }
    }
    if (chance.roll(0.4)) this.#ask((ever) => this.#answerSome(ever))
    if (extras.has('people undo and skip by hand') && chance.roll(0.35)) {
      const undone = runs.filter(({ plan }) => plan.length > 0)
      this.#takeInHand(undone.length > 0 && chance.roll(0.7) ? chance.pick(undone) : run)
    }
    if (extras.has('somebody watches') && this.#watches < watchesMax && chance.roll(0.4)) {
      this.#watches++
      const isInside = living.length > 0 && chance.roll(0.3)
      this.watchers.watch(run.id, isInside ? [chance.pick(living)] : this.#clients)
    }
    if (extras.has('somebody follows a conversation') && chance.roll(0.4)) {
      const talks = runs.filter(({ isAgent: isOfAgent }) => isOfAgent)
      if (talks.length > 0) this.watchers.follow(chance.pick(talks).id, this.#clients)
    }
    if (extras.has('somebody waits for the end') && chance.roll(0.25)) {
      const inside = living.length > 0 && chance.roll(0.3) ? chance.pick(living) : undefined
      this.waiters.find(run.id, inside ?? chance.pick(this.#clients))
    }
    const late = this.#answered.at(-1)
    if (late !== undefined && faults.strikes('answer comes late')) this.#answer(late, true)
  }

  async #answerSome(ever: Ever): Promise<void> {
    for (const question of await ever.questions({})) {
      if (this.#chance.roll(0.5)) this.#decide(question)
    }
  }

  #decide({ id }: Question): void {
    const { faults } = this.#world
    this.#answer(id, !faults.strikes('answer does not fit'))
    if (faults.strikes('answer comes twice')) this.#answer(id, true, { id: `decision on ${id}` })
    if (faults.strikes('two people answer at once')) this.#answer(id, true)
  }

  #answer(question: string, good: boolean, { id, mayWait = true }: Answering = {}): void {
    this.#answered.push(question)
    const by = this.#chance.pick(people)
    const word = this.#wordOn(question, { by, isGood: good, mayWait })
    if (word.is === 'decision') {
      this.#ask((ever) => word.tell(ever.approvals), { also: decisionRefusals })
      return
    }
    const also = good ? [] : (['BAD_INPUT'] as const)
    this.#ask(
      (ever) => ever.answer(question, word.value, { by, ...(id === undefined ? {} : { id }) }),
      { also },
    )
  }

  #wordOn(question: string, how: Pick<Asked, 'by' | 'isGood' | 'mayWait'>): Word {
    const { by, isGood } = how
    const [id = '', seq] = question.split('/')
    const { observer, outside } = this.#world
    const run = observer.runs.get(id)
    const entry = run?.entries[Number(seq) - 1]
    if (!run || !entry) return { is: 'answer', value: { good: isGood, by } }
    return wordOf(this.#chance, outside, { run, entry, ...how })
  }

  #signal(run: string, name: string, good: boolean): void {
    const value = { good, n: ++this.#signals }
    const id = this.#chance.roll(0.6) ? `signal-${value.n}` : undefined
    const delivery = id === undefined ? {} : { id }
    this.#ask((ever) => ever.signal(run, name, value, delivery))
    if (id !== undefined && this.#world.faults.strikes('signal comes twice')) {
      this.#ask((ever) => ever.signal(run, name, value, delivery))
    }
  }

  /** Somebody takes a run in hand: undoes what it has done, or leaves something of it out. */
  #takeInHand(run: Mirror): void {
    const chance = this.#chance
    const by = chance.pick(people)
    const hand: Asking = { node: this.#world.addHand(), also: handRefusals }
    const does = chance.pick(['undo', 'end', 'skip'] as const)
    if (does !== 'skip') {
      this.#ask((ever) => ever.undo(run.id, { by, cancel: does === 'end' }), hand)
      return
    }
    const registered = run.entries.filter(
      ({ kind, payload }) =>
        kind === 'undo.registered' ||
        (kind === 'effect.intended' && payload?.includes('"undo":') === true),
    )
    if (registered.length === 0) return
    const { seq } = chance.pick(registered)
    this.#ask((ever) => ever.skipUndo(run.id, seq, { reason: 'It may stay.', by }), hand)
  }

  /** Asks through one of the clients, again and again while the store is in trouble. */
  #ask(call: (ever: Ever) => Promise<unknown>, { node, also = [] }: Asking = {}): void {
    const asking = node ?? this.#chance.pick(this.#clients)
    const { ever, process } = asking
    const waiting = { ...asking }
    this.#pending.add(waiting)
    const attempt = async (): Promise<void> => {
      for (;;) {
        try {
          await call(ever)
          return
        } catch (error) {
          const code = EverloopError.is(error) ? error.code : undefined
          if (code !== undefined && (refusals.includes(code) || also.includes(code))) return
          if (code !== 'STORE_UNAVAILABLE' && code !== 'STORE_FULL') {
            this.#world.report.break('client', `a client was told ${String(error)}`)
            return
          }
          await process.sleep(this.#chance.between(20, 800), 'client tries again')
        }
      }
    }
    void attempt().then(() => this.#pending.delete(waiting))
  }

  #later(ms: number, call: () => unknown): void {
    this.#world.scheduler.after(this.#world.network, ms, 'operator', () => void call())
  }
}
