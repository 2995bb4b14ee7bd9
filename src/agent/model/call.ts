/**
 * Calls a model until it has answered: again with a growing delay where that helps, then the next
 * model. Retries stand here, inside the durable step, and not around it: what is recorded is an answer
 * or a failure for good, and a replay never counts attempts.
 */
import { type BackOff, backOffOf, waitMs } from '../../base/back-off.ts'
import { counted } from '../../base/counted.ts'
import { EverloopError } from '../../base/errors.ts'
import type { Ports } from '../../base/ports.ts'
import { checkOptions } from '../../base/options.ts'
import type { FailedAttempt, ModelAnswer, ModelRequest, ModelRetry } from './answer.ts'
import { attempt } from './attempt.ts'
import { AttemptFailure, failureOf } from './failure.ts'
import { ModelError } from './model-error.ts'
import { isBeside } from './place.ts'
import { type LanguageModel, modelName, modelsOf, type OneModel } from './port.ts'
import { Refusal } from './raw-answer.ts'
import { excerpt } from './redact.ts'
import { resolveModel } from './resolve.ts'
import { type Dispensable, withoutRefused } from './without-refused.ts'

/**
 * The answer of the first model that gives one.
 *
 * Throws a ModelError when none does (MODEL_FAILED) or a filter stopped one (MODEL_REFUSED),
 * UNKNOWN_MODEL and other errors of everloop as they are, and what the signal was aborted with.
 */
export async function callModel(request: ModelRequest): Promise<ModelAnswer> {
  const retry = retryOf(request.retry)
  const models = modelsOf(request.model)
  const attempts: FailedAttempt[] = []
  let last: AttemptFailure | undefined
  let first: LanguageModel | undefined
  for (const [index, one] of models.entries()) {
    const model = typeof one === 'string' ? await found(one) : one
    if (model instanceof AttemptFailure) {
      last = model
      attempts.push({ model: modelName(one), error: last.message, ms: 0 })
      continue
    }
    if (index === 0) first = model
    // Headers may hold a key, and are meant for the first.
    const asked = first && isBeside(model, first) ? request : withoutHeaders(request)
    // Who asks for more patience than we have is asked again only when nobody else can be.
    const patienceMs = index < models.length - 1 ? retry.maxDelayMs : Infinity
    const result = await askModel({ request: asked, model, one, retry, patienceMs, attempts, last })
    if (!(result instanceof AttemptFailure)) return { ...result, attempts }
    last = result
  }
  throw failed(attempts, last)
}

/** One model that is asked until it answers or there is no point in going on. */
interface Asking {
  readonly request: ModelRequest
  readonly model: LanguageModel
  /** The same model as the user gave it. */
  readonly one: OneModel
  readonly retry: BackOff
  /** When its provider asks for a longer wait, the model is given up. */
  readonly patienceMs: number
  /** Those of the whole call. It is added to. */
  readonly attempts: FailedAttempt[]
  /** The failure before, of this or another model. */
  readonly last: AttemptFailure | undefined
}

type Answered = Omit<ModelAnswer, 'attempts'>

/** The model's answer, or its last failure. Throws what `callModel` throws. */
async function askModel(asking: Asking): Promise<Answered | AttemptFailure> {
  const { retry, patienceMs } = asking
  const { ports, signal } = asking.request
  let { request, last } = asking
  const leftOut = new Set<Dispensable>()
  let most = retry.attempts
  for (let number = 1; ; number++) {
    const result = await tryModel({ ...asking, request, last })
    if (!(result instanceof AttemptFailure)) {
      return leftOut.has('reasoning') ? { ...result, isBare: true } : result
    }
    last = result
    const { refuses } = last
    if (refuses !== undefined && refuses !== 'content' && !leftOut.has(refuses)) {
      request = withoutRefused(request, refuses)
      leftOut.add(refuses)
      most++ // it is asked something else, at once
      continue
    }
    if (!last.again || number === most || (last.waitMs ?? 0) > patienceMs) return last
    await pause(delayMs(retry, number, last, ports), ports, signal)
  }
}

/** One attempt, noted when it fails. Throws what no further attempt could mend. */
async function tryModel(asking: Asking): Promise<Answered | AttemptFailure> {
  const { request, model, one, attempts, last } = asking
  const { ports, signal } = request
  signal?.throwIfAborted()
  const name = modelName(model)
  if (last) request.onRestart?.({ model: name, error: last.message })
  const began = ports.clock.now()
  try {
    const answer = await attempt(request, model, one)
    if (answer instanceof Refusal) throw refused(answer, name, attempts)
    return answer
  } catch (thrown) {
    if (signal?.aborted === true) throw signal.reason
    if (EverloopError.is(thrown)) throw thrown
    const now = ports.clock.now()
    const failure = failureOf(thrown, now)
    const { message, status } = failure
    const known = status === undefined ? {} : { status }
    attempts.push({ model: name, error: message, ...known, ms: now - began })
    if (failure.refuses === 'content') throw refused(new Refusal(message), name, attempts)
    return failure
  }
}

/** The model, or why there is none. Throws UNKNOWN_MODEL. */
async function found(model: string): Promise<LanguageModel | AttemptFailure> {
  try {
    return await resolveModel(model)
  } catch (thrown) {
    if (EverloopError.is(thrown)) throw thrown
    return new AttemptFailure(failureOf(thrown, 0).message, { again: false })
  }
}

function withoutHeaders(request: ModelRequest): ModelRequest {
  if (request.settings?.headers === undefined) return request
  const { headers: _meantForTheFirst, ...settings } = request.settings
  return { ...request, settings }
}

function failed(attempts: readonly FailedAttempt[], last: AttemptFailure | undefined): ModelError {
  const models = [...new Set(attempts.map(({ model }) => model))].join(', ')
  const tries = counted(attempts.length, 'attempt')
  return new ModelError(
    'MODEL_FAILED',
    `No answer from ${models} after ${tries}: ${last?.message ?? 'no attempt was made'}`,
    { attempts, status: last?.status, body: last?.body },
  )
}

function refused(
  { text, usage }: Refusal,
  name: string,
  attempts: readonly FailedAttempt[],
): ModelError {
  const said = text.trim() === '' ? '' : ` It said: ${excerpt(text, 300)}`
  const message = `${name} was stopped by a content filter.${said} Change the prompt, or ask another model.`
  return new ModelError('MODEL_REFUSED', message, { attempts, usage })
}

const usualAttempts = 4
const usualRetry = backOffOf({ attempts: usualAttempts }, '1m')

/** With all defaults filled in. Throws BAD_OPTION. */
export function retryOf(retry: ModelRetry | undefined): BackOff {
  if (retry === undefined) return usualRetry
  checkOptions('retry', retry, ['attempts', 'delay', 'factor', 'maxDelay'])
  const { attempts = usualAttempts, ...rest } = retry
  return backOffOf({ attempts, ...rest }, '1m')
}

/** What the provider asks for, else a growing wait. */
function delayMs(retry: BackOff, number: number, failure: AttemptFailure, ports: Ports): number {
  if (failure.waitMs !== undefined) return Math.min(failure.waitMs, retry.maxDelayMs)
  return waitMs(ports, retry, number)
}

function pause(ms: number, ports: Ports, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = (): void => {
    timer.cancel()
    reject(signal?.reason)
  }
  const timer = ports.setTimer(ms, () => {
    signal?.removeEventListener('abort', onAbort)
    resolve()
  })
  if (signal?.aborted === true) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  return promise
}
