/**
 * What an agent's code does in the outside world in one process: its model is asked, its tools act,
 * its guards look. Each is checked on the spot, against what the ledger says at that moment.
 */
import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import { current } from '../../src/run/current.ts'
import type { Finding } from '../../src/run/effects/finding.ts'
import type { AgentView, Judged, ToolCall } from './agent-flow.ts'
import { checkRequest, mustOf } from './agent-checks.ts'
import type { Asking, Utterance } from './agent-model.ts'
import type { AgentSpec, GuardSpec, ToolSpec } from './agent-spec.ts'
import { checkCall } from './call-checks.ts'
import { checkConversation } from './conversation-checks.ts'
import { type Call, findOut, perform } from './effect-body.ts'
import type { EffectSpec, UndoSpec } from './effect-spec.ts'
import { attemptsMax, type Manner, mannerOf } from './model-attempts.ts'
import { never, type Process } from './process.ts'
import { secretIn } from './secret-words.ts'
import { type Actor, checkStart } from './start-checks.ts'
import type { Surroundings } from './surroundings.ts'
import { checkTainted } from './taint-checks.ts'
import type { Args } from './tool-face.ts'
import { undo, type UndoCall, undoer } from './undo-body.ts'

/** What a provider says when it has no room: it may be asked again. */
class Overloaded extends Error {
  readonly statusCode = 503
  readonly isRetryable = true
}

/** What a provider says that wants to be asked later, or never again. */
class Refused extends Error {
  readonly statusCode: number
  readonly isRetryable: boolean
  readonly responseHeaders: Readonly<Record<string, string>>

  constructor(manner: 'asks to wait' | 'refuses for good') {
    const isPassing = manner === 'asks to wait'
    super(manner)
    this.statusCode = isPassing ? 429 : 403
    this.isRetryable = isPassing
    this.responseHeaders = isPassing ? { 'retry-after': '9' } : {}
  }
}

export class AgentSight implements AgentView {
  readonly #world: Surroundings
  readonly #process: Process
  readonly #agent: AgentSpec
  /** Calls under way, by run and epoch. */
  readonly #underWay = new Map<string, Set<Call>>()

  constructor(world: Surroundings, process: Process, agent: AgentSpec) {
    this.#world = world
    this.#process = process
    this.#agent = agent
  }

  async asked(prompt: LanguageModelV4Prompt): Promise<void> {
    const { faults } = this.#world
    if (this.#process.isDead) return never()
    this.#checkAsked(prompt, attemptsMax)
    await this.#think()
    if (faults.strikes('model is overloaded')) throw new Overloaded('No room.')
    if (faults.strikes('model never answers')) return never()
  }

  async attempted({ model, models, prompt, signal }: Asking): Promise<Utterance> {
    const { attempts, faults } = this.#world
    if (this.#process.isDead) return never()
    this.#checkAsked(prompt, models * attemptsMax)
    const here = current()
    const manner = this.#manner()
    const attempt =
      here?.step === undefined
        ? { said: '', number: 0, hasFailed: false, manner: 'answers' }
        : attempts.begin({
            run: here.pass.run,
            path: here.step,
            epoch: here.pass.options.row.epoch,
            model,
            models,
            manner,
            signal,
          })
    await this.#think()
    attempt.hasFailed = attempt.manner !== 'answers' && attempt.manner !== 'never answers'
    switch (attempt.manner) {
      case 'is overloaded':
        throw new Overloaded('No room.')
      case 'asks to wait':
      case 'refuses for good':
        throw new Refused(attempt.manner)
      case 'never answers':
        return never()
    }
    let left = attempt.manner === 'breaks off' ? faults.chance.below(6) : Infinity
    const ending = faults.chance.roll(0.5) ? 'ends' : 'fails'
    return {
      number: attempt.number,
      say: async (text) => {
        await this.#think(90)
        if (signal?.aborted !== true) attempt.said += text
      },
      breaksOff: () => (left-- === 0 ? ending : undefined),
      isFiltered: () => attempt.manner === 'is filtered',
    }
  }

  #manner(): Manner {
    const { faults } = this.#world
    if (faults.isOver) return 'answers'
    if (faults.strikes('model is overloaded')) return 'is overloaded'
    if (faults.strikes('model never answers')) return 'never answers'
    return mannerOf(faults.chance)
  }

  /** Time passes until a model says something, and things go wrong. */
  async #think(msMax = 1500): Promise<void> {
    const { chance, report } = this.#world
    await this.#process.sleep(chance.between(1, chance.roll(0.2) ? msMax : 60), 'model')
    if (!this.#crashes()) return undefined
    report.reach('crash while a model answers')
    return never()
  }

  #checkAsked(prompt: LanguageModelV4Prompt, timesMax: number): void {
    const { observer, report, modelCalls } = this.#world
    const here = current()
    const secret = observer.isRedacted ? secretIn(JSON.stringify(prompt)) : undefined
    report.check(secret === undefined, 'secrets', () => `a model is told "${secret}"`)
    if (here?.step?.endsWith('/=model') === true) {
      const actor = this.#actor(here.pass)
      const { run, epoch } = actor
      const key = `${run.id}\n${here.step}\n${epoch}`
      const times = (modelCalls.get(key) ?? 0) + 1
      modelCalls.set(key, times)
      if (times === 1) checkStart(actor, { path: here.step, attempt: 1, isCleanup: false })
      const most = `the model was asked ${times} times by one execution of "${here.step}"`
      report.check(times <= timesMax, 'model calls', () => `run ${run.id}: ${most}`)
      checkRequest(actor, prompt)
      if (run.epoch === epoch) {
        const isSteady = !this.#world.extras.has('deploys change agents')
        const must = mustOf(report, run)
        checkConversation({ run, agent: this.#agent, isSteady }, here.step, { prompt, must })
      }
    }
  }

  called(tool: ToolSpec & { does: 'effect' }, args: Args, call: ToolCall): Promise<unknown> {
    if (this.#process.isDead) return never()
    const here = current()
    const { step: path } = here ?? {}
    if (!here || path === undefined) throw new RangeError('A tool is executed outside of a step.')
    const actor = this.#actor(here.pass)
    if (actor.run.epoch === actor.epoch) {
      const isSteady = !this.#world.extras.has('deploys change agents')
      const must = mustOf(this.#world.report, actor.run)
      const executed = { tool, args, n: args.n, path, id: call.call }
      checkCall(actor.run, this.#agent, executed, { isSteady, must })
    }
    return this.#beside(actor, { ...call, path, isCleanup: false }, tool)
  }

  /** Executes a call; one that no worker has begun before begins only where there is room for it. */
  async #beside(
    actor: Actor,
    call: Call,
    { spec }: { readonly spec: EffectSpec },
  ): Promise<unknown> {
    const { run, epoch } = actor
    const { path, attempt } = call
    const pass = `${run.id}\n${epoch}`
    const underWay = this.#underWay.get(pass) ?? new Set()
    this.#underWay.set(pass, underWay)
    const others = [...underWay].filter((one) => one.path !== path && !one.signal().aborted)
    const isNew = attempt === 1 && (run.begun.get(path)?.epoch ?? epoch) === epoch
    const { parallel } = this.#agent
    const must = mustOf(this.#world.report, run)
    const said = `"${path}" begins beside ${others.length} others, of ${parallel} at a time`
    must(!isNew || others.length < parallel, 'agents', said)
    underWay.add(call)
    try {
      return await perform(actor, spec, call)
    } finally {
      underWay.delete(call)
    }
  }

  findOut(spec: EffectSpec, { idempotencyKey }: { idempotencyKey: string }): Promise<Finding> {
    const here = current()
    const { step: path } = here ?? {}
    if (!here || path === undefined) throw new RangeError('A call is reconciled outside of a step.')
    return findOut(this.#actor(here.pass), spec, { path, idempotencyKey })
  }

  undone(run: string, spec: UndoSpec, call: UndoCall): Promise<unknown> {
    return undo(undoer(this.#world, this.#process, run), spec, call)
  }

  judged(spec: GuardSpec, subject: Judged, said: string): Promise<void> {
    return judge(this.#world, this.#process, spec, subject, said)
  }

  #crashes(): boolean {
    return crashes(this.#world, this.#process)
  }

  /** Who executes this: the process, in the epoch of the pass whose code it is. */
  #actor({
    run,
    options,
  }: {
    readonly run: string
    readonly options: { readonly row: { readonly epoch: number } }
  }): Actor {
    const world = this.#world
    return {
      world,
      process: this.#process,
      run: world.observer.run(run),
      epoch: options.row.epoch,
    }
  }
}

/** A guard is asked, of an agent or of a policy, and says this after some time. */
export async function judge(
  world: Surroundings,
  process: Process,
  spec: GuardSpec,
  subject: Judged,
  said: string,
): Promise<void> {
  const { report, guardSaid, observer } = world
  if (process.isDead) return never()
  const run = observer.run(subject.run)
  const isHolder = process.epochs.get(run.id) === run.epoch
  if (isHolder) checkTainted(observer, run, subject, mustOf(report, run))
  if (spec.ms > 0) await process.sleep(spec.ms, 'guard')
  if (crashes(world, process)) {
    report.reach('crash while a guard looks')
    return never()
  }
  const { guard, position, call } = subject
  guardSaid.set(`${subject.run}\n${guard}\n${position}\n${call}`, said)
  return undefined
}

function crashes(world: Surroundings, process: Process): boolean {
  if (!world.mayCrash(process)) return false
  if (!world.faults.strikes('worker crashes in a step')) return false
  world.crash(process)
  return true
}
