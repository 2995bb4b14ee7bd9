/**
 * The demo: three processes, one run. The first is killed in the middle, the second goes on and
 * ends at a question, the third finishes. This process only watches, kills and answers: nothing
 * that the run needs is in its memory.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EverloopError } from '../../base/errors.ts'
import type { Verdict } from '../../ledger/index.ts'
import { open } from '../../open.ts'
import type { Ever, RunReference } from '../../run/index.ts'
import type { Output } from '../output.ts'
import { askPerson } from '../question-prompt.ts'
import { readExecutions } from './executions.ts'
import type { FileList } from './measure.ts'
import type { WorkerProcess } from './process.ts'
import { Stage } from './stage.ts'
import { survey, type SurveyOutput } from './survey.ts'
import { type Snapshot, stepsOf, type Tally, tallyOf } from './tally.ts'

export interface CrashOptions {
  readonly out: Output
  readonly directory: string
  readonly filesMax: number
  readonly readMs: number
  /** Where everything is kept: empty, and made for this. */
  readonly place: string
  readonly signal: AbortSignal
}

export interface CrashResult {
  readonly tally: Tally
  readonly verdict: Verdict
  readonly output: SurveyOutput
  readonly killed: Snapshot
  readonly answer: unknown
}

export const runId = 'demo'
/** What happens without a terminal. */
const ownAnswer = 'lines'
const batchSize = 25
const patienceMs = 60_000

export async function crash(options: CrashOptions): Promise<CrashResult> {
  const { place } = options
  const store = `sqlite:${join(place, 'ledger.db')}`
  const executions = join(place, 'executions.log')
  writeFileSync(executions, '')
  await using ever = await open({ store, flows: [survey], name: 'demo' })
  const demo = new Demo(ever, { ...options, store, executions })
  return await demo.play()
}

interface DemoOptions extends CrashOptions {
  readonly store: string
  readonly executions: string
}

class Demo {
  readonly #ever: Ever
  readonly #options: DemoOptions
  readonly #stage: Stage

  constructor(ever: Ever, options: DemoOptions) {
    this.#ever = ever
    this.#options = options
    const { out, signal } = options
    this.#stage = new Stage({ ever, run: runId, out, signal, patienceMs })
  }

  async play(): Promise<CrashResult> {
    const { directory, filesMax, readMs, executions } = this.#options
    const stage = this.#stage
    try {
      const input = { directory, filesMax, readMs, executions }
      const run = await this.#ever.start(survey, input, { id: runId })
      const killed = await this.#firstAct()
      await this.#secondAct()
      const answer = await this.#interlude()
      const output = await this.#thirdAct(run)
      stage.scene.close()
      const entries = await stage.entries()
      const tally = tallyOf(killed, entries, readExecutions(executions))
      return { tally, verdict: await this.#ever.verify(runId), output, killed, answer }
    } finally {
      await stage.close()
    }
  }

  /** Executes until the middle, then kills. */
  async #firstAct(): Promise<Snapshot> {
    const stage = this.#stage
    const worker = this.#spawn() // stays until it is killed, however quick it was
    await stage.until(async () => {
      const { steps, total } = await this.#progress()
      if (worker.hasEnded) throw gone()
      return total !== undefined && steps >= Math.max(1, Math.floor((total - 2) / 2))
    })
    await worker.kill(() => this.#isQuiet())
    const { signal } = await worker.ended
    if (signal === null) throw gone()
    await this.#progress()
    stage.scene.end('killed')
    const entries = await stage.entries()
    return { pid: worker.pid, entries, steps: stepsOf(entries) }
  }

  /** Goes on to the question. Then the process ends: the run needs none while it waits. */
  async #secondAct(): Promise<void> {
    await this.#stage.untilEnded(this.#spawn('idle'), () => this.#progress())
    this.#stage.scene.end('waits')
  }

  async #interlude(): Promise<unknown> {
    const { out, signal } = this.#options
    const { scene } = this.#stage
    const [question] = await this.#ever.questions({ run: runId })
    if (!question) throw new EverloopError('INTERNAL', 'The demo run asked no question.')
    if (out.isInteractive) scene.close()
    if (!out.isInteractive || !(await askPerson(this.#ever, question.id, { signal }))) {
      scene.say(`question: ${question.prompt} Nobody is there: the demo answers "${ownAnswer}".`)
      await this.#ever.answer(question.id, ownAnswer, { by: 'demo' })
    }
    const [message] = await this.#ever.store.messages(runId, [])
    return message === undefined
      ? ownAnswer
      : (JSON.parse(message.payload) as { value: unknown }).value
  }

  async #thirdAct(run: RunReference<SurveyOutput>): Promise<SurveyOutput> {
    await this.#stage.untilEnded(this.#spawn('idle'), () => this.#progress())
    const settled = await run.settled()
    if (settled.status !== 'completed') {
      const why = 'error' in settled ? `: ${settled.error.message}` : ''
      throw new EverloopError('RUN_FAILED', `The demo run is ${settled.status}${why}.`, {
        run: runId,
      })
    }
    this.#stage.scene.end('done')
    return settled.output
  }

  #spawn(until?: 'idle'): WorkerProcess {
    const { store } = this.#options
    return this.#stage.spawn({ store, flows: 'survey', ...(until && { until }) })
  }

  /** How many steps are recorded, and how many there will be, as soon as the files are listed. */
  async #progress(): Promise<{ readonly steps: number; readonly total: number | undefined }> {
    const entries = await this.#stage.entries()
    const list = entries.find(({ kind, key }) => kind === 'step.completed' && key === 'list files')
    let total: number | undefined
    if (list?.payload) {
      const { value } = JSON.parse(list.payload) as { readonly value: FileList }
      const files = value.files.length
      // The list, the files, the turns of the loop, the report.
      total = 2 + files + Math.max(1, Math.ceil(files / batchSize))
    }
    const steps = stepsOf(entries).size
    this.#stage.scene.progress(steps, total)
    return { steps, total }
  }

  /** True when everything that was executed is recorded. */
  async #isQuiet(): Promise<boolean> {
    const recorded = stepsOf(await this.#stage.entries())
    return readExecutions(this.#options.executions).every(({ step }) => recorded.has(step))
  }
}

const gone = (): EverloopError =>
  new EverloopError('INTERNAL', 'The first process ended before it could be killed.')
