/**
 * One attempt at one model, against three clocks: the caller's signal, the time the attempt may take,
 * and the silence that is allowed in a stream. A model that does not react to being aborted is left
 * behind: it can no longer be heard.
 */
import type { LanguageModelV4, LanguageModelV4CallOptions } from '@ai-sdk/provider'
import { formatDuration } from '../../base/duration.ts'
import type { Ports, Timer } from '../../base/ports.ts'
import { AcceptedPrompts } from './accepted-prompt.ts'
import type { ModelAnswer, ModelRequest, Usage } from './answer.ts'
import { callOptions } from './call-options.ts'
import { AttemptFailure } from './failure.ts'
import { modelName, type LanguageModel, type OneModel } from './port.ts'
import { answerOf, type RawAnswer, type Refusal } from './raw-answer.ts'
import { Collector } from './stream.ts'
import { usageOf } from './usage.ts'
import { inWantedFormat } from './wanted-format.ts'

/** How long an attempt may take, unless the agent says otherwise. */
export const attemptMs: number = 10 * 60_000
/** What the signal of a failed attempt says: one for all, as it costs a stack trace. */
const over = new Error('The attempt is over.')

const defaultSilenceMs = 2 * 60_000
/** In so many parts its silence is counted. */
const silenceParts = 8

/** What the model answered that was asked as this one. Throws whatever went wrong, and what the signal was aborted with. */
export async function attempt(
  request: ModelRequest,
  model: LanguageModel,
  asked: OneModel,
): Promise<Omit<ModelAnswer, 'attempts'> | Refusal> {
  const { timeoutMs = attemptMs, silenceMs = defaultSilenceMs, signal } = request
  const watch = new Watch(request.ports, signal)
  const collector = new Collector((delta) => {
    if (!watch.isOver) request.onText?.(delta)
  })
  const name = modelName(model)
  const names = [modelName(asked), name]
  let isCharged = false
  const charge = (usage: Usage): void => {
    isCharged = true
    request.onUsed?.({ names, usage, units: collector.units })
  }
  // The options are made for the model's own specification, and its result is not trusted anyway.
  const newest = model as LanguageModelV4
  try {
    watch.limit(timeoutMs)
    const prompts = request.accepted ?? new AcceptedPrompts()
    const prompt = prompts.of(request.prompt, name)
    const accepted = inWantedFormat({ ...request, prompt }, model)
    const options = callOptions(accepted, model, watch.signal)
    const raw = await watch.orOver(streamed(newest, options, { watch, silenceMs, collector }))
    const usage = usageOf(raw.usage, String(model.provider), raw.providerMetadata)
    if (usage.total !== undefined) charge(usage) // whatever comes of it
    const answer = answerOf(raw, { model: name, usage, tools: request.tools ?? [] })
    if (!isCharged) charge(usage)
    return answer
  } catch (error) {
    watch.stop(over) // whatever of it goes on
    if (!isCharged && collector.units > 0) charge({}) // who has spoken is paid
    throw error
  } finally {
    watch.end()
  }
}

async function streamed(
  model: LanguageModelV4,
  options: LanguageModelV4CallOptions,
  { watch, silenceMs, collector }: Listening,
): Promise<RawAnswer> {
  watch.limitSilence(silenceMs)
  const result: unknown = await model.doStream(options)
  const { stream } = (result ?? {}) as { stream?: ReadableStream<unknown> }
  if (typeof stream?.getReader !== 'function') {
    throw new AttemptFailure('The model returned no stream.', { again: true })
  }
  const reader = stream.getReader()
  // The provider learns that nobody listens any more; what it says to that, nobody listens to either.
  watch.onStop(() => void reader.cancel().catch(() => {}))
  for (;;) {
    const { done, value } = await reader.read()
    if (watch.isOver) throw watch.signal.reason
    if (done) return collector.end()
    watch.hear()
    collector.take(value)
  }
}

interface Listening {
  readonly watch: Watch
  readonly silenceMs: number
  readonly collector: Collector
}

/** The limits of one attempt, and the signal that tells the model when one is reached. */
class Watch {
  readonly signal: AbortSignal
  isOver = false
  readonly #ports: Ports
  readonly #controller = new AbortController()
  readonly #caller: AbortSignal | undefined
  readonly #onAbort = (): void => this.stop(this.#caller?.reason)
  #reject: ((reason: unknown) => void) | undefined
  #leave: (() => void) | undefined
  #limit: Timer | undefined
  #silence: Timer | undefined
  /** The model was heard of since the timer of its silence rang last. */
  #isHeard = false

  constructor(ports: Ports, caller: AbortSignal | undefined) {
    this.#ports = ports
    this.#caller = caller
    this.signal = this.#controller.signal
    if (caller?.aborted === true) this.#onAbort()
    else caller?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** The whole attempt may take this long. */
  limit(ms: number): void {
    if (this.isOver) return
    this.#limit = this.#ports.setTimer(ms, () => {
      this.#expire(`The model took longer than ${formatDuration(ms)}.`)
    })
  }

  /**
   * It may be silent for this long, or an eighth more. No timer is set for each part, as there are
   * thousands, and no clock is asked, as it may be set.
   */
  limitSilence(ms: number): void {
    let silentParts = 0
    const wait = (): void => {
      this.#silence = this.#ports.setTimer(Math.ceil(ms / silenceParts), () => {
        silentParts = this.#isHeard ? 0 : silentParts + 1
        this.#isHeard = false
        if (silentParts < silenceParts) wait()
        else this.#expire(`The model sent nothing for ${formatDuration(ms)}.`)
      })
    }
    if (!this.isOver) wait()
  }

  /** Something came. */
  hear(): void {
    this.#isHeard = true
  }

  /** Calls back when the model is left behind, or has been. */
  onStop(leave: () => void): void {
    if (this.signal.aborted) leave()
    else this.#leave = leave
  }

  /** Settles as the promise does, unless a limit is reached first. */
  orOver<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      if (this.isOver) reject(this.signal.reason)
      promise.then(resolve, reject)
    })
  }

  /** Leaves the model behind, and tells it. */
  stop(reason: unknown): void {
    if (this.isOver) return
    this.end()
    this.#reject?.(reason)
    this.#controller.abort(reason)
    this.#leave?.()
  }

  /** The attempt is over, whatever came of it: nothing of it is heard any more. */
  end(): void {
    this.isOver = true
    this.#caller?.removeEventListener('abort', this.#onAbort)
    this.#limit?.cancel()
    this.#silence?.cancel()
  }

  #expire(message: string): void {
    this.stop(new AttemptFailure(message, { again: true }))
  }
}
