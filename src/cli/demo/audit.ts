/**
 * The demo of an agent: three processes, one run. The first is killed while calls of tools are under
 * way, the second while the run waits for an approval, and the third finishes what a person has allowed
 * in between, when no process was there at all.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Conversation, conversation } from '../../agent/conversation/conversation.ts'
import type { Verdict } from '../../ledger/index.ts'
import { open } from '../../open.ts'
import type { Approval, Ever, RunReference, Settled } from '../../run/index.ts'
import { clean } from '../clean.ts'
import { callsText } from '../conversation-text.ts'
import type { Output } from '../output.ts'
import { askPerson } from '../question-prompt.ts'
import {
  answersOf,
  type AuditTally,
  auditTally,
  callsOf,
  failedCallsOf,
  isAnswer,
  type Lines,
  underWay,
} from './audit-tally.ts'
import { modelNamed } from './audit-model.ts'
import type { Setting } from './audit-work.ts'
import { auditor } from './auditor.ts'
import { leave, readExecutions } from './executions.ts'
import type { WorkerOptions, WorkerProcess } from './process.ts'
import { Stage } from './stage.ts'

export interface AuditOptions {
  readonly out: Output
  readonly directory: string
  /** What the model is called: see `chooseModel`. */
  readonly model: string
  /** How long the run should take altogether, so that a person can watch it. */
  readonly timeMs: number
  /** Where everything is kept: empty, and made for this. */
  readonly place: string
  readonly signal: AbortSignal
}

/** A process that was killed. */
export interface Kill {
  readonly pid: number
  readonly during: 'calls' | 'approval'
  /** The tools whose calls were under way. */
  readonly calls: readonly string[]
  /** Answers and calls that were recorded by then. */
  readonly recorded: number
}

export interface AuditResult {
  readonly settled: Settled<string>
  readonly kills: readonly Kill[]
  readonly conversation: Conversation
  readonly tally: AuditTally
  readonly verdict: Verdict
}

export const runId = 'audit'
export const prompt = 'Audit this directory.'

/** A real model may think for long. */
const patienceMs = 600_000
/** A model that asks for more approvals than this gets no further answer. */
const approvalsMax = 3

export async function audit(options: AuditOptions): Promise<AuditResult> {
  const { place, timeMs, directory, model } = options
  const store = `sqlite:${join(place, 'ledger.db')}`
  const file = (name: string): string => join(place, name)
  const setting: Setting = {
    model,
    directory,
    thinkMs: timeMs / 14,
    report: file('report.md'),
    asked: file('asked.log'),
    // A call must take a moment, or it could not be killed in the middle.
    calls: { begun: file('begun.log'), done: file('done.log'), paceMs: Math.max(250, timeMs / 28) },
  }
  const { asked, calls } = setting
  for (const log of [asked, calls.begun, calls.done]) writeFileSync(log, '')
  const flow = auditor({ ...setting, model: await modelNamed(model, setting) })
  await using ever = await open({ store, flows: [flow], name: 'demo' })
  const run = await ever.start(flow, { prompt }, { id: runId })
  return await new Audit(ever, run, { ...options, setting, store }).play()
}

interface PlayOptions extends AuditOptions {
  readonly setting: Setting
  readonly store: string
}

class Audit {
  readonly #ever: Ever
  readonly #run: RunReference<string>
  readonly #options: PlayOptions
  readonly #stage: Stage
  readonly #kills: Kill[] = []

  constructor(ever: Ever, run: RunReference<string>, options: PlayOptions) {
    this.#ever = ever
    this.#run = run
    this.#options = options
    const { out, signal } = options
    this.#stage = new Stage({ ever, run: runId, out, signal, patienceMs })
  }

  async play(): Promise<AuditResult> {
    const stage = this.#stage
    try {
      await this.#killDuringCalls()
      await this.#killDuringApproval()
      await this.#goOn()
      stage.scene.close()
      return {
        settled: await this.#run.settled(),
        kills: this.#kills,
        conversation: await conversation(this.#ever, runId),
        tally: auditTally(await stage.entries(), this.#lines()),
        verdict: await this.#ever.verify(runId),
      }
    } finally {
      await stage.close()
    }
  }

  /**
   * Kills the first process when calls are under way, and some are recorded already. Its calls end when
   * they are allowed to, so that the moment cannot be missed, however slowly the demo itself gets on.
   */
  async #killDuringCalls(): Promise<void> {
    const { setting, place } = this.#options
    const { calls } = setting
    const allowed = join(place, 'allowed.log')
    writeFileSync(allowed, '')
    const worker = this.#spawn({ setting: { ...setting, calls: { ...calls, allowed } } })
    const free = new Set<string>()
    const isMoment = async (): Promise<boolean> => {
      const { isQuiet, underWay: ids, answers, isPartly } = await this.#watch(worker)
      if (!isQuiet) return false
      const isNear = answers >= 2
      if (isNear && isPartly && ids.some((id) => !free.has(id))) return true
      for (const id of isNear ? ids.slice(0, 1) : ids) {
        if (!free.has(id)) leave(allowed, id)
        free.add(id)
      }
      return false
    }
    await this.#untilRest(worker, isMoment)
    // A model that proposed the report at once, or nothing at all, leaves no such moment.
    if (await this.#isAtRest()) return worker.end()
    await worker.kill(isMoment)
    await this.#killed(worker, 'calls')
  }

  /** Lets the second process go on to the approval, and kills it while the run waits. */
  async #killDuringApproval(): Promise<void> {
    if (await this.#isOver()) return
    const worker = this.#spawn({})
    await this.#untilRest(worker)
    if (await this.#approval()) {
      await worker.kill(async () => (await this.#watch(worker)).isQuiet)
      await this.#killed(worker, 'approval')
    } else {
      await worker.end()
      await this.#ended()
    }
  }

  /** Has a person decide, and a process go on, until the run needs neither. */
  async #goOn(): Promise<void> {
    for (let asked = 0; asked < approvalsMax; asked++) {
      const approval = await this.#approval()
      if (!approval) return
      await this.#decide(approval)
      const worker = this.#spawn({ until: 'idle' })
      await this.#stage.untilEnded(worker, () => this.#watch(worker))
      await this.#ended()
    }
  }

  /** No process is there meanwhile: what is decided lies in the store until one comes. */
  async #decide({ id, args, digest }: Approval): Promise<void> {
    const { out, signal } = this.#options
    const { scene } = this.#stage
    if (out.isInteractive) {
      scene.close()
      const { markdown } = args as { readonly markdown?: unknown }
      out.note(`\nThe report that the agent wants to write:\n\n${quoted(String(markdown))}\n`)
      if (await askPerson(this.#ever, id, { signal, shown: digest })) return
    }
    scene.say('approval: write_report. Nobody is there: the demo approves it itself.')
    await this.#ever.approvals.approve(id, { by: 'demo', channel: 'demo', shown: digest })
  }

  #spawn({
    until,
    setting = this.#options.setting,
  }: {
    readonly until?: 'idle'
    readonly setting?: Setting
  }): WorkerProcess {
    const { store } = this.#options
    const worker: WorkerOptions = {
      store,
      flows: 'audit-work',
      env: { EVERLOOP_DEMO: JSON.stringify(setting) },
      ...(until === undefined ? {} : { until }),
    }
    return this.#stage.spawn(worker)
  }

  async #untilRest(worker: WorkerProcess, isSo?: () => Promise<boolean>): Promise<void> {
    await this.#stage.until(async () => {
      // It ends by itself only when something is wrong, which it then says.
      if (worker.hasEnded) await worker.done()
      const isMoment = isSo ? await isSo() : (await this.#watch(worker), false)
      return isMoment || (await this.#isAtRest())
    })
  }

  /** True when the run needs somebody, or nothing any more. */
  async #isAtRest(): Promise<boolean> {
    const { status } = await this.#run.status()
    if (status === 'running' || status === 'ready') return false
    if (status !== 'waiting') return true
    const settled = await this.#run.settled()
    const isLater = settled.status === 'waiting' && settled.on.every(({ kind }) => kind === 'retry')
    return !isLater
  }

  async #isOver(): Promise<boolean> {
    const { status } = await this.#run.status()
    return status !== 'ready' && status !== 'running' && status !== 'waiting'
  }

  async #approval(): Promise<Approval | undefined> {
    const [approval] = await this.#ever.approvals.list({ run: runId })
    return approval
  }

  /** What is recorded, what is under way, and whether everything that was done is recorded. */
  async #watch({ pid }: WorkerProcess): Promise<{
    readonly isQuiet: boolean
    readonly answers: number
    /** The ids of the calls that are under way, and the tools that they call. */
    readonly underWay: readonly string[]
    readonly tools: readonly string[]
    /** Of several calls of the last answer, one at least is recorded. */
    readonly isPartly: boolean
  }> {
    const { scene } = this.#stage
    const entries = await this.#stage.entries()
    const lines = this.#lines()
    const recorded = callsOf(entries)
    const answers = answersOf(entries)
    scene.progress(answers + recorded.length, undefined)
    const { items } = await conversation(this.#ever, runId)
    const last = items.findLast((item) => item.is === 'assistant')
    if (last) scene.doing(callsText(last))
    // Ids are unique within an answer only. Failed calls leave no line at their end.
    const current = new Set(last?.calls.map(({ id }) => id))
    const answered = entries.findLastIndex(isAnswer)
    const failed = new Set(failedCallsOf(entries.slice(answered + 1)))
    const ids = underWay(pid, lines).filter((id) => current.has(id) && !failed.has(id))
    return {
      isQuiet: lines.done.every(({ step }) => recorded.includes(step)),
      answers,
      underWay: ids,
      tools: ids.map((call) => last?.calls.find(({ id }) => id === call)?.tool ?? call),
      isPartly:
        !last ||
        last.calls.length < 2 ||
        last.calls.some(({ id }) => recorded.includes(id) || failed.has(id)),
    }
  }

  async #killed(worker: WorkerProcess, during: Kill['during']): Promise<void> {
    const { answers, tools: calls } = await this.#watch(worker)
    const recorded = answers + callsOf(await this.#stage.entries()).length
    this.#kills.push({ pid: worker.pid, during, calls, recorded })
    this.#stage.scene.end('killed', `killed with SIGKILL${momentOf(during, calls.length)}`)
  }

  async #ended(): Promise<void> {
    const { status } = await this.#run.status()
    if (status === 'completed') this.#stage.scene.end('done')
    else this.#stage.scene.end('waits', `ended: the run is ${status}`)
  }

  #lines(): Lines {
    const { asked, calls } = this.#options.setting
    const [all, begun, done] = [asked, calls.begun, calls.done].map(readExecutions)
    return { asked: all ?? [], begun: begun ?? [], done: done ?? [] }
  }
}

function momentOf(during: Kill['during'], calls: number): string {
  if (during === 'approval') return ' while the run waits'
  return calls === 0 ? '' : ` in the middle of ${calls === 1 ? 'a call' : `${calls} calls`}`
}

const quoted = (text: string): string =>
  clean(text)
    .split('\n')
    .map((line) => `  | ${line}`)
    .join('\n')
