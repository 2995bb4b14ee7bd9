/**
 * Streamed parts, collected into an answer. The order of events is not trusted: a delta without a start
 * opens its part, one behind the end goes on with it, and what the stream never finished is marked as
 * unfinished.
 */
import { isObject } from '../../base/is-object.ts'
import { checkUnits, unitsOf } from './answer-size.ts'
import { AttemptFailure } from './failure.ts'
import type { RawAnswer } from './raw-answer.ts'
import type { RawPart } from './content.ts'

/** A part that comes in deltas. */
interface Growing {
  readonly type: 'text' | 'reasoning' | 'tool-call'
  /** The part that started it. */
  readonly first: RawPart
  text: string
  metadata: unknown
}

/** A place in the order of parts. A streamed call is replaced when it comes as a whole. */
interface Place {
  holds:
    | { readonly is: 'growing'; readonly part: Growing }
    | { readonly is: 'whole'; readonly part: RawPart }
}

/** Collects the parts of one stream. */
export class Collector {
  readonly #onText: (delta: string) => void
  /** In order of first appearance. */
  readonly #places: Place[] = []
  /** The places of growing parts, by kind and id. */
  readonly #growing = new Map<string, Place>()
  /** The keys of calls that have come as a whole. */
  readonly #whole = new Set<string>()
  readonly #warnings: unknown[] = []
  #response: Record<string, unknown> = {}
  #finish: RawPart | undefined
  /** Characters of its texts and of the inputs of its calls so far. */
  units = 0
  /** Half of a character that was cut between two deltas. */
  #half = ''

  constructor(onText: (delta: string) => void) {
    this.#onText = onText
  }

  /** Takes one part. Throws what an error part holds, and an AttemptFailure when it gets too much. */
  take(part: unknown): void {
    if (!isObject(part)) {
      this.#warnings.push('The stream held something that is no part.')
      return
    }
    const { type } = part
    switch (type) {
      case 'text-start':
      case 'text-delta':
      case 'text-end':
        this.#grow('text', part)
        break
      case 'reasoning-start':
      case 'reasoning-delta':
      case 'reasoning-end':
        this.#grow('reasoning', part)
        break
      case 'tool-input-start':
      case 'tool-input-delta':
      case 'tool-input-end':
        this.#grow('tool-call', part)
        break
      case 'tool-call':
        this.#call(part)
        break
      case 'stream-start':
        if (Array.isArray(part['warnings'])) this.#warnings.push(...part['warnings'])
        break
      case 'response-metadata':
        this.#response = { ...this.#response, ...part }
        break
      case 'finish':
        if (this.#finish)
          this.#warnings.push('The stream finished more than once; the first counts.')
        else this.#finish = part
        break
      case 'error':
        throw part['error']
      case 'ping':
      case 'raw':
        break
      default:
        this.#places.push({ holds: { is: 'whole', part } })
    }
  }

  /** What was collected when the stream has ended. */
  end(): RawAnswer {
    if (!this.#finish) {
      throw new AttemptFailure('The stream ended before the model had finished.', { again: true })
    }
    if (this.#half !== '') this.#onText('\uFFFD')
    const { finishReason, usage, providerMetadata } = this.#finish
    return {
      content: this.#places.flatMap(({ holds }) =>
        holds.is === 'whole' ? [holds.part] : grown(holds.part),
      ),
      finishReason,
      usage,
      providerMetadata,
      response: this.#response,
      warnings: this.#warnings,
      units: this.units,
    }
  }

  #grow(type: Growing['type'], part: RawPart): void {
    const key = `${type}:${String(part['id'])}`
    let growing = this.#growingAt(key)
    if (!growing && this.#whole.has(key) && part['type'] !== 'tool-input-start') {
      this.#count(part['delta'])
      return // the rest of what has come as a whole, and no call of its own
    }
    if (!growing || (part['type'] === `${type}-start` && growing.text !== '')) {
      growing = { type, first: part, text: '', metadata: undefined }
      const place: Place = { holds: { is: 'growing', part: growing } }
      this.#growing.set(key, place)
      this.#places.push(place)
    }
    growing.metadata = part['providerMetadata'] ?? growing.metadata
    const { delta } = part
    if (typeof delta !== 'string') return
    this.#count(delta)
    growing.text += delta
    if (type === 'text') this.#tell(delta)
  }

  #growingAt(key: string): Growing | undefined {
    const holds = this.#growing.get(key)?.holds
    return holds?.is === 'growing' ? holds.part : undefined
  }

  /** A whole call takes the place of the input that was streamed for it. */
  #call(part: RawPart): void {
    const key = `tool-call:${String(part['toolCallId'])}`
    const place = this.#growing.get(key)
    this.#growing.delete(key)
    this.#whole.add(key)
    if (place) {
      place.holds = { is: 'whole', part }
      return
    }
    this.#count(part['input'])
    this.#places.push({ holds: { is: 'whole', part } })
  }

  #count(said: unknown): void {
    this.units += unitsOf(said)
    checkUnits(this.units)
  }

  /** A character outside of the first 65,536 is never told in halves. */
  #tell(delta: string): void {
    let text = this.#half + delta
    this.#half = ''
    const last = text.charCodeAt(text.length - 1)
    if (last >= 0xd800 && last <= 0xdbff) {
      this.#half = text.slice(-1)
      text = text.slice(0, -1)
    }
    if (text !== '') this.#onText(text.toWellFormed())
  }
}

/** Streamed input without the call that it was for is of a call that was cut. */
function grown({ type, first, text, metadata }: Growing): RawPart[] {
  const { toolName, providerExecuted } = first
  if (type !== 'tool-call') return [{ type, text, providerMetadata: metadata }]
  if (providerExecuted === true) return []
  return [{ type, toolCallId: first['id'], toolName, input: text, isCut: true }]
}
