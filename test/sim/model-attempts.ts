/**
 * The attempts at the models of agents that have several, or one that speaks piece by piece: which model
 * is asked follows from what became of the attempts before, computed anew.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Redactor } from '../../src/base/redactor.ts'
import type { Entry } from '../../src/ledger/index.ts'
import { operationPath } from '../../src/ledger/index.ts'
import type { Chance } from './chance.ts'
import type { Mirror } from './mirror.ts'
import type { Must } from './must.ts'
import { recordOf } from './record-of.ts'
import type { Report } from './report.ts'

/** What becomes of an attempt. */
export type Manner =
  | 'answers'
  /** There is no room for it: it may be asked again. */
  | 'is overloaded'
  /** It wants to be left alone for longer than anybody waits. */
  | 'asks to wait'
  | 'refuses for good'
  /** Its stream ends, or fails, before it has finished. */
  | 'breaks off'
  /** A filter stops it: nobody else is asked either. */
  | 'is filtered'
  | 'never answers'

/** How often each model is asked, see agent-flow.ts. */
export const attemptsMax = 3

/** An execution of a model step asks a model. */
export interface Asked {
  readonly run: string
  readonly path: string
  readonly epoch: number
  /** Which of its agent's models, and of how many. */
  readonly model: number
  readonly models: number
  readonly manner: Manner
  /** Aborted when it is left behind. */
  readonly signal: AbortSignal | undefined
}

export interface Attempt extends Asked {
  /** Its text begins with it. */
  readonly number: number
  /** What it has said so far. */
  said: string
  /** It has told that it comes to nothing. */
  hasFailed: boolean
}

/** What a model is called in records. */
export const modelId = (model: number): string => (model === 0 ? 'model' : `model-${model + 1}`)

export function mannerOf(chance: Chance): Manner {
  return chance.weighted<Manner>([
    [50, 'answers'],
    [10, 'is overloaded'],
    [6, 'asks to wait'],
    [10, 'refuses for good'],
    [14, 'breaks off'],
    [1, 'is filtered'],
  ])
}

export class ModelAttempts {
  readonly #report: Report
  readonly #redactor: Redactor | undefined
  readonly #byStep = new Map<string, Attempt[]>()
  #count = 0

  constructor(report: Report, redactor: Redactor | undefined) {
    this.#report = report
    this.#redactor = redactor
  }

  /** A model is asked: the one whose turn it is. */
  begin(asked: Asked): Attempt {
    const { run, path, epoch, model } = asked
    const before = this.#of(run, path)
    const due = next(before.filter((one) => one.epoch === epoch))
    const attempt: Attempt = { ...asked, number: ++this.#count, said: '', hasFailed: false }
    this.#byStep.set(keyOf(run, path), [...before, attempt])
    this.#report.check(
      due === model,
      'models',
      () => `run ${run}: "${path}" asks model ${model}, and ${due ?? 'none'} is due`,
    )
    if (model > 0) this.#report.reach('another model asked')
    return attempt
  }

  /** Whether this is how something that one attempt said begins, as it may be shown. */
  isOfOne(run: string, path: string, text: string): boolean {
    const attempts = this.#of(run, path)
    return attempts.length === 0 || attempts.some((one) => this.#shown(one).startsWith(text))
  }

  /** The model step that this is the beginning of an attempt at. */
  stepOf(run: string, text: string): string | undefined {
    const all = [...this.#byStep.values()].flat()
    return all.find((one) => one.run === run && this.#shown(one).startsWith(text))?.path
  }

  /** What is recorded of a model step is what its last attempt said, and what became of those before. */
  check({ id }: Mirror, entry: Entry, must: Must): void {
    if (entry.key !== '=model') return
    const path = operationPath(entry.scope, entry.key)
    const attempts = this.#of(id, path).filter(({ epoch }) => epoch === entry.epoch)
    const last = attempts.at(-1)
    if (!last) return
    if (entry.kind === 'step.failed') {
      const { code } = recordOf(entry, entry.kind).error
      const isFiltered = last.manner === 'is filtered'
      must(isFiltered === (code === 'MODEL_REFUSED'), 'models', `${code} is what it failed with`)
      must(isFiltered || next(attempts) === undefined, 'models', 'another model was to be asked')
      return
    }
    if (entry.kind !== 'step.completed') return
    const { answer, amounts } = recordOf(entry, entry.kind).value as Recorded
    const nameOf = ({ model }: Attempt): string => `sim/${modelId(model)}`
    must(answer.model === nameOf(last), 'models', `${nameOf(last)} answered, not ${answer.model}`)
    const failed = answer.attempts.map(({ model }) => model)
    const isTold = isDeepStrictEqual(failed, attempts.slice(0, -1).map(nameOf))
    must(isTold, 'models', `${failed.join()} are said to have failed before`)
    const text = answer.content.map((part) => part.text ?? '').join('')
    must(text === this.#shown(last), 'models', `${text} is recorded, said was ${last.said}`)
    const { input, output } = answer.usage
    const hasSpoken = attempts.some(({ said }, i) => said !== '' && i < attempts.length - 1)
    const more = (amounts['tokens'] ?? 0) - input - output
    must(hasSpoken ? more > 0 : more === 0, 'budgets', `${more} tokens more are charged than used`)
    if (hasSpoken) this.#report.reach('model that has spoken asked again')
  }

  #shown({ said }: Attempt): string {
    return this.#redactor?.text(said) ?? said
  }

  #of(run: string, path: string): readonly Attempt[] {
    return this.#byStep.get(keyOf(run, path)) ?? []
  }
}

interface Recorded {
  readonly answer: {
    readonly model: string
    readonly attempts: readonly { readonly model: string }[]
    readonly content: readonly { readonly text?: string }[]
    readonly usage: { readonly input: number; readonly output: number }
  }
  readonly amounts: Readonly<Record<string, number>>
}

/** The model that is to be asked behind these attempts; undefined for none. */
function next(attempts: readonly Attempt[]): number | undefined {
  const last = attempts.at(-1)
  if (!last) return 0
  const { model, models, manner, hasFailed, signal } = last
  const isLeft = signal?.aborted === true
  if (!hasFailed && !isLeft) return undefined
  if (hasFailed && manner === 'is filtered') return undefined
  const hasOthers = model < models - 1
  const isGivenUp =
    attempts.filter((one) => one.model === model).length === attemptsMax ||
    (hasFailed && manner === 'refuses for good') ||
    (hasFailed && manner === 'asks to wait' && hasOthers)
  if (!isGivenUp) return model
  return hasOthers ? model + 1 : undefined
}

const keyOf = (run: string, path: string): string => `${run}\n${path}`
