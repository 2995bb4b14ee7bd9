/**
 * The simulated world of one seed: one store, processes that come and go, and what is shared by all
 * who look at them.
 */
import type { AnyFlow } from '../../src/run/index.ts'
import { Ever, Flows } from '../../src/run/index.ts'
import { EverloopError } from '../../src/base/errors.ts'
import { Redactor } from '../../src/base/redactor.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { environmentOf } from '../../src/agent/environment.ts'
import type { Environment } from '../../src/run/pass/pass-options.ts'
import { agentOf, type AgentView, policyOf } from './agent-flow.ts'
import { type AgentSpec, redeployed } from './agent-spec.ts'
import { AgentSight, judge } from './agent-view.ts'
import { Chance } from './chance.ts'
import { Extras } from './extras.ts'
import { FaultyStore } from './faulty-store.ts'
import { type FaultKind, Faults } from './faults.ts'
import { interpret } from './interpret.ts'
import { ModelAttempts } from './model-attempts.ts'
import { Observer } from './observer.ts'
import { Outside } from './outside.ts'
import { PassView } from './pass-view.ts'
import { Process } from './process.ts'
import { flowIn, inVersions, versions } from './flow-versions.ts'
import { type PolicySpec, under, writePolicies } from './policy-spec.ts'
import { type Program, writePrograms } from './programs.ts'
import type { Report } from './report.ts'
import { type Owner, policies, Scheduler } from './scheduler.ts'
import type { Surroundings } from './surroundings.ts'
import { secretIn, secretWords } from './secret-words.ts'
import { takeBackAction } from './take-back.ts'
import { undo, undoer } from './undo-body.ts'

/** A process with a runtime in it. */
export interface Node {
  readonly process: Process
  readonly store: FaultyStore
  readonly ever: Ever
  /** It has the flows, and not the actions that undo what they do. */
  readonly lacksActions: boolean
  /** It has the older version of each flow alone. */
  readonly isOld: boolean
  /** Resolves when `close` is through. */
  closed: Promise<void> | undefined
  isClosed: boolean
}

/** So small that states of a few turns are kept in blocks. */
const smallBlocks = { closed: 300, least: 60 }

/** What the world does to runtimes. Whether a pause was called for, its entry is asked: entry-checks.ts. */
const expectedTroubles: readonly string[] = [
  'STORE_UNAVAILABLE',
  'STORE_FULL',
  'STORE_CLOSED',
  'FENCED',
  'CRASH_LOOP',
  'CHILD_GONE',
]

export class World implements Surroundings {
  readonly seed: number
  readonly report: Report
  readonly scheduler: Scheduler
  readonly observer: Observer
  readonly outside: Outside
  readonly faults: Faults
  readonly extras: Extras
  readonly chance: Chance
  readonly store: Store
  readonly programs: readonly Program[]
  /** What is imposed on all agents, in every process. */
  readonly policies: readonly PolicySpec[]
  readonly leaseMs: number
  readonly network: Owner = { name: 'network', isDead: false, isHeld: false }
  readonly workers: Node[] = []
  readonly clients: Node[] = []
  /** What each execution of code saw, by run and place. */
  readonly seen = new Map<string, string>()
  /** The epoch that last executed an attempt of a step, by run, path and attempt. */
  readonly executions = new Map<string, number>()
  readonly modelCalls = new Map<string, number>()
  readonly attempts: ModelAttempts
  readonly guardSaid = new Map<string, string>()
  readonly deployments = new Map<string, number>()
  /** How often the code was deployed. */
  deployment = 1
  isFull = false
  isDown = false
  #processes = 0

  constructor(
    seed: number,
    report: Report,
    {
      generation,
      only,
    }: { readonly generation: number; readonly only: readonly FaultKind[] | undefined },
  ) {
    this.seed = seed
    this.report = report
    this.extras = new Extras(seed, generation)
    const plan = new Chance(seed, 'plan')
    this.chance = new Chance(seed, 'world')
    this.scheduler = new Scheduler(new Chance(seed, 'schedule'), plan.pick(policies))
    this.outside = new Outside(report, this.scheduler, this.network)
    const count = plan.between(1, 4)
    this.programs = writePrograms(new Chance(seed, 'programs'), count, this.extras)
    this.policies = writePolicies(new Chance(seed, 'policies'), this.extras)
    const agents = new Map(
      this.programs.flatMap((one) =>
        one.is === 'agent' ? [[one.name, under(this.policies, one.name, one.agent)] as const] : [],
      ),
    )
    this.attempts = new ModelAttempts(report, this.redactor())
    this.observer = new Observer(report, this.scheduler, {
      outside: this.outside,
      guardSaid: this.guardSaid,
      agents,
      deployments: this.deployments,
      isSteady: !this.extras.has('deploys change agents'),
      mayLackActions: this.extras.has('workers lack actions'),
      isRedacted: this.extras.isRedacted,
      attempts: this.attempts,
    })
    this.faults = new Faults(plan, new Chance(seed, 'faults'), only)
    this.leaseMs = plan.pick([2000, 5000, 10_000])
    this.store = memoryStore({ clock: this.scheduler.clock })
    this.store.subscribe((change) => {
      for (const node of [...this.workers, ...this.clients]) node.store.notify(change)
    })
  }

  /** Starts a process that works. */
  addWorker(): Node {
    const node = this.#add('worker')
    this.workers.push(node)
    this.observer.onUp()
    const concurrency = this.chance.pick([1, 2, 16])
    void node.ever.work({ concurrency }).catch((error: unknown) => this.#onTrouble(error))
    if (this.faults.has('worker crashes again and again')) {
      if (this.faults.strikes('worker crashes again and again')) {
        this.scheduler.after(this.network, this.chance.between(1, 600), 'crash', () => {
          if (!this.faults.isOver) this.crash(node.process)
        })
      }
    }
    return node
  }

  /** Starts a process that only talks to runs. */
  addClient(): Node {
    const node = this.#add('client')
    this.clients.push(node)
    return node
  }

  /** Starts a process of somebody who takes a run in hand. */
  addHand(): Node {
    return this.#add('hand')
  }

  get living(): readonly Node[] {
    return this.workers.filter(({ process, closed }) => !process.isDead && !closed)
  }

  /** True for processes whose death is part of the game now. */
  mayCrash(process: Process): boolean {
    return !this.faults.isOver && /^(worker|hand)-/.test(process.name)
  }

  /** The process is gone from one moment to the next. */
  crash(process: Process): void {
    if (process.isDead) return
    this.report.trace(() => `** ${process.name} crashes`)
    process.die()
    this.#noteDown()
    if (this.faults.strikes('death of a worker is known at once')) {
      for (const token of process.sessions) this.#buryAlive(token)
    }
    if (this.faults.isOver || !process.name.startsWith('worker')) return
    this.scheduler.after(this.network, this.chance.between(5, 12_000), 'restart', () => {
      if (!this.faults.isOver) this.addWorker()
    })
  }

  /** Nothing happens in the process for this long. */
  freeze(process: Process, ms: number): void {
    if (process.isHeld) return
    this.report.trace(() => `** ${process.name} freezes for ${ms} ms`)
    process.freeze()
    this.scheduler.after(this.network, ms, 'thaw', () => process.thaw())
  }

  /** Puts the wall clock forward or back. */
  jump(ms: number): void {
    // The clock of a machine that was asleep: for all others that time has passed.
    if (ms > 0) this.outside.landAll()
    this.scheduler.jump(ms)
  }

  /** Ends a worker gracefully. */
  stop(node: Node): void {
    this.report.trace(() => `** ${node.process.name} stops`)
    const isBusy = Array.from(this.observer.runs.values()).some(
      ({ holder }) => holder !== undefined && node.process.sessions.includes(holder),
    )
    if (isBusy) this.report.reach('run given back by a graceful stop')
    node.closed ??= node.ever.close().then(() => {
      node.isClosed = true
      this.report.trace(() => `** ${node.process.name} has stopped`)
    })
    this.#noteDown()
  }

  /** Limits how many runs of a queue are held at a time. */
  limitQueue(name: string, concurrency: number | null): void {
    this.observer.limits.set(name, concurrency ?? Infinity)
    void this.store.limitQueue(name, concurrency)
  }

  /** All that there is to say about where the world stands: for the determinism check. */
  get digest(): string {
    const heads = Array.from(this.observer.runs.values(), (run) => run.head?.hash ?? '').join()
    return `${this.scheduler.events} ${this.scheduler.hash.toString(16)} ${heads}`
  }

  #add(kind: string): Node {
    const name = `${kind}-${++this.#processes}`
    this.report.trace(() => `** ${name} starts`)
    const isSkewed = kind === 'worker' && this.faults.strikes('clock of a process is wrong')
    const skewMs = isSkewed ? this.chance.between(-3_600_000, 3_600_000) : 0
    const mayLack = kind === 'worker' && this.extras.has('workers lack actions')
    const lacksActions = mayLack && !this.faults.isOver && this.chance.roll(0.4)
    const isMixed = this.extras.has('runs move to another version')
    // Whoever only starts runs has the older version, so that there is something to move.
    const isOld = isMixed && !this.faults.isOver && (kind === 'client' || this.chance.roll(0.4))
    const served = isMixed && !isOld ? versions : [versions[0]]
    const process = new Process(name, this.scheduler, new Chance(this.seed, name), skewMs)
    const store = new FaultyStore(this, process, this.deployment)
    const ever = new Ever({
      store,
      ports: process.ports,
      flows: new Flows(this.#flows(process, lacksActions, served)),
      leaseMs: this.leaseMs,
      name,
      redactor: this.redactor(),
      ...this.environment({
        judged: (guard, subject, said) => judge(this, process, guard, subject, said),
      }),
      development: this.extras.has('turns are executed twice'),
      ...(this.extras.has('states are kept in blocks') ? { blockSizes: smallBlocks } : {}),
      onTrouble: (error, run) => this.#onTrouble(error, run),
    })
    return { process, store, ever, lacksActions, isOld, closed: undefined, isClosed: false }
  }

  /** The flows as this process has loaded them: new objects in each. */
  #flows(process: Process, lacksActions: boolean, served: readonly string[]): AnyFlow[] {
    const { programs, deployment } = this
    const actions = takeBackAction((run, spec, call) =>
      undo(undoer(this, process, run), spec, call),
    )
    return inVersions(served, programs, (program, flows, version) => {
      const { name } = program
      if (program.is === 'agent') {
        const spec = this.#deployed(name, program.agent, deployment)
        const view = new AgentSight(this, process, under(this.policies, name, spec))
        const children = (at: number): AnyFlow => flows[at] as AnyFlow
        return agentOf(name, spec, view, { children, deployment })
      }
      return flowIn(version, program, {
        actions: lacksActions ? [] : [actions],
        run: (run, input: unknown) => {
          const view = new PassView(this, process, run.id, this.#versionOf(deployment))
          view.same('input', input)
          return interpret({ view, flows, programs, version }, run, program.body)
        },
      })
    })
  }

  /** What inputs say of the code that has made them. */
  #versionOf(deployment: number): number | undefined {
    return this.extras.has('inputs drift') ? deployment : undefined
  }

  /** What is imposed on the agents that a process executes, watched by this. */
  environment(view: Pick<AgentView, 'judged'>): { readonly environment?: Environment } {
    if (this.policies.length === 0) return {}
    const policies = this.policies.map((one) => policyOf(one, view))
    return { environment: environmentOf({ policies }).environment }
  }

  /** Knows secrets that values, errors and states of the programs are full of. */
  redactor(): Redactor | undefined {
    if (!this.extras.isRedacted) return undefined
    const redactor = new Redactor()
    for (const secret of secretWords) redactor.add('WORDS', secret)
    return redactor
  }

  /** The agent as this deployment of the code has it. */
  #deployed(name: string, spec: AgentSpec, deployment: number): AgentSpec {
    if (deployment === 1 || !this.extras.has('deploys change agents')) return spec
    return redeployed(spec, new Chance(this.seed, `deployment ${deployment} of ${name}`))
  }

  #buryAlive(token: string): void {
    this.scheduler.after(this.network, this.chance.below(50), 'known death', () => {
      void this.store.closeSession(token).then(() => this.observer.onCloseSession(token))
    })
  }

  #noteDown(): void {
    if (this.living.length === 0) this.observer.onDown()
  }

  /** What a runtime tells about trouble: bugs of its own are never to be heard of. */
  #onTrouble(error: unknown, run?: string): void {
    const code = EverloopError.is(error) ? error.code : 'none'
    this.report.trace(() => `   trouble ${run ?? ''} ${code} ${String(error)}`)
    const secret = this.extras.isRedacted ? secretIn(String(error)) : undefined
    if (secret !== undefined)
      this.report.break('secrets', `"${secret}" is told of ${String(error)}`)
    if (expectedTroubles.includes(code)) return
    if (code === 'UNKNOWN_ACTION' && this.extras.has('workers lack actions')) return
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.stack : ''
    this.report.break('trouble', `${run ?? 'a worker'}: ${code} ${String(error)} ${cause}`)
  }
}
