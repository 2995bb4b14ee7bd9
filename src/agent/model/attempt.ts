/**
 * One attempt at one model, against three clocks: the caller's signal, the time the attempt may take,
 * and the silence that is allowed in a stream. A model that does not react to being aborted is left
 * behind: it can no longer be heard.
 */
import type { LanguageModelV4, LanguageModelV4CallOptions } from '@ai-sdk/provider'
import { formatDuration } from '../../base/duration.ts'
import type { Ports, Timer } from '../../base/ports.ts'
import type { ModelAnswer, ModelRequest } from './answer.ts'
import { callOptions } from './call-options.ts'
import { AttemptFailure } from './failure.ts'
import { modelName, type LanguageModel } from './port.ts'
import { answerOf, generated, type RawAnswer, type Refusal } from './raw-answer.ts'
import { Collector } from './stream.ts'

const defaultTimeoutMs = 10 * 60_000
/** What the signal of a finished attempt says: one for all, as it costs a stack trace. */
const over = new Error('The attempt is over.')

const defaultIdleTimeoutMs = 2 * 60_000

/** What the model answered. Throws whatever went wrong, and what the signal was aborted with. */
export async function attempt(
  request: ModelRequest,
  model: LanguageModel,
): Promise<Omit<ModelAnswer, 'attempts'> | Refusal> {
  const { timeoutMs = defaultTimeoutMs, idleTimeoutMs = defaultIdleTimeoutMs, signal } = request
  const watch = new Watch(request.ports, signal)
  // The options are made for the model's own specification, and its result is not trusted anyway.
  const asked = model as LanguageModelV4
  try {
    watch.limit(timeoutMs, `The model took longer than ${formatDuration(timeoutMs)}.`)
    const options = callOptions(request, model.specificationVersion, watch.signal)
    const result = request.stream
      ? streamed(request, asked, options, { watch, idleMs: idleTimeoutMs })
      : Promise.resolve(asked.doGenerate(options)).then(generated)
    const raw = await watch.orOver(result)
    const provider = String(model.provider)
    return answerOf(raw, { model: modelName(model), provider, tools: request.tools ?? [] })
  } finally {
    watch.end()
  }
}

async function streamed(
  request: ModelRequest,
  model: LanguageModelV4,
  options: LanguageModelV4CallOptions,
  { watch, idleMs }: { readonly watch: Watch; readonly idleMs: number },
): Promise<RawAnswer> {
  const silence = `The model sent nothing for ${formatDuration(idleMs)}.`
  const collector = new Collector((delta) => {
    if (!watch.isOver) request.onText?.(delta)
  })
  watch.idle(idleMs, silence)
  const result: unknown = await model.doStream(options)
  const { stream } = (result ?? {}) as { stream?: ReadableStream<unknown> }
  if (typeof stream?.getReader !== 'function') {
    throw new AttemptFailure('The model returned no stream.', { again: true })
  }
  const reader = stream.getReader()
  const leave = (): void => void reader.cancel().catch(() => {})
  watch.signal.addEventListener('abort', leave, { once: true })
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (watch.isOver) throw watch.signal.reason
      if (done) return collector.end()
      watch.idle(idleMs, silence)
      collector.take(value)
    }
  } finally {
    // Harmless at the end of a stream; before it, the provider learns that nobody listens.
    leave()
    watch.signal.removeEventListener('abort', leave)
  }
}

/** The limits of one attempt, and the signal that tells the model when one is reached. */
class Watch {
  readonly signal: AbortSignal
  isOver = false
  readonly #ports: Ports
  readonly #controller = new AbortController()
  readonly #caller: AbortSignal | undefined
  readonly #over: Promise<never>
  readonly #reject: (reason: unknown) => void
  readonly #onAbort = (): void => this.#stop(this.#caller?.reason)
  readonly #timers = new Map<'limit' | 'idle', Timer>()

  constructor(ports: Ports, caller: AbortSignal | undefined) {
    this.#ports = ports
    this.#caller = caller
    this.signal = this.#controller.signal
    const { promise, reject } = Promise.withResolvers<never>()
    this.#over = promise
    this.#reject = reject
    promise.catch(() => {}) // nobody may be waiting any more
    if (caller?.aborted === true) this.#onAbort()
    else caller?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** The whole attempt may take this long. */
  limit(ms: number, message: string): void {
    this.#arm('limit', ms, message)
  }

  /** From now on it may be silent for this long. */
  idle(ms: number, message: string): void {
    this.#arm('idle', ms, message)
  }

  /** Settles as the promise does, unless a limit is reached first. */
  orOver<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => {}) // it may fail after it was left behind
    return Promise.race([this.#over, promise])
  }

  /** The attempt is over, whatever came of it: nothing of it is heard any more. */
  end(): void {
    this.#caller?.removeEventListener('abort', this.#onAbort)
    this.#stop(over)
  }

  #arm(name: 'limit' | 'idle', ms: number, message: string): void {
    this.#timers.get(name)?.cancel()
    if (this.isOver) return
    const onTime = (): void => this.#stop(new AttemptFailure(message, { again: true }))
    this.#timers.set(name, this.#ports.setTimer(ms, onTime))
  }

  #stop(reason: unknown): void {
    if (this.isOver) return
    this.isOver = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.#reject(reason)
    this.#controller.abort(reason)
  }
}
