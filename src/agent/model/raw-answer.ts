/** From what a model has streamed, of which nothing is trusted, to an answer. */
import { isObject } from '../../base/is-object.ts'
import type { DefinedTool } from '../tools/tool-schema.ts'
import type { FinishReason, ModelAnswer, Usage } from './answer.ts'
import { checkUnits } from './answer-size.ts'
import { contentOf, metadataOf } from './content.ts'
import { AttemptFailure } from './failure.ts'

/** An answer as it came. */
export interface RawAnswer {
  readonly content: readonly unknown[]
  readonly finishReason: unknown
  readonly usage: unknown
  readonly providerMetadata: unknown
  readonly response: Readonly<Record<string, unknown>>
  readonly warnings: readonly unknown[]
  /** Characters of its texts and of the inputs of its calls. */
  readonly units: number
}

interface About {
  readonly model: string
  readonly usage: Usage
  readonly tools: readonly DefinedTool[]
}

/** A model's refusal: an answer, but not one to go on with. */
export class Refusal {
  readonly text: string
  /** Undefined when it came in the place of an answer. */
  readonly usage: Usage | undefined

  constructor(text: string, usage?: Usage) {
    this.text = text
    this.usage = usage
  }
}

/**
 * The answer, or a refusal. Throws an AttemptFailure when the model did not come to an end, or too late.
 */
export function answerOf(
  raw: RawAnswer,
  { model, usage, tools }: About,
): Omit<ModelAnswer, 'attempts'> | Refusal {
  checkUnits(raw.units)
  const { unified, raw: word } = finishOf(raw.finishReason)
  const isCut = unified === 'length'
  const { parts, warnings } = contentOf(raw.content, { model, tools, isCut })
  const texts = (type: 'text' | 'reasoning'): string =>
    parts.map((part) => (part.type === type ? part.text : '')).join('')
  const text = texts('text')
  const reasoning = texts('reasoning')
  if (unified === 'content-filter') return new Refusal(text, usage)
  refuseUnfinished(unified, word)
  const calls = parts.some(({ type }) => type === 'tool-call')
  const { id, modelId } = raw.response
  return {
    model,
    text,
    ...(reasoning === '' ? {} : { reasoning }),
    content: parts,
    finishReason: finish(unified, word, calls),
    ...(word === undefined ? {} : { rawFinishReason: word }),
    usage,
    warnings: [
      ...raw.warnings.map(warningText),
      ...warnings,
      ...(usage.input === undefined || usage.output === undefined
        ? ['The usage is not known.']
        : []),
      ...(parts.length === 0 ? ['The answer is empty.'] : []),
    ],
    ...(typeof id === 'string' ? { responseId: id.slice(0, 200) } : {}),
    ...(typeof modelId === 'string' ? { modelId: modelId.slice(0, 200) } : {}),
    ...metadataOf({ providerMetadata: raw.providerMetadata }),
  }
}

/** V2 says it in one word, V3 and V4 in their own and the provider's. */
function finishOf(reason: unknown): {
  readonly unified: unknown
  readonly raw: string | undefined
} {
  const { unified, raw } = isObject(reason) ? reason : { unified: reason, raw: undefined }
  return {
    unified: unified === 'unknown' ? 'other' : unified,
    raw: typeof raw === 'string' ? raw.toWellFormed().slice(0, 100) : undefined,
  }
}

/**
 * A stream whose end the model did not announce may have lost anything, and calls in it must not be
 * executed.
 */
function refuseUnfinished(unified: unknown, word: string | undefined): void {
  if (unified === 'error') {
    throw new AttemptFailure('The model ended with an error that the provider does not explain.', {
      again: true,
    })
  }
  const isSilent = word === undefined && (unified === 'other' || unified === undefined)
  if (unified === 'interrupted' || isSilent) {
    throw new AttemptFailure('The stream ended before the model had finished.', { again: true })
  }
}

/** The two words are Anthropic's, and mean what the AI SDK has no word for, or had none for. */
function finish(unified: unknown, word: string | undefined, calls: boolean): FinishReason {
  if (unified === 'length' || word === 'model_context_window_exceeded') return 'length'
  if (calls) return 'tool-calls'
  if (word === 'pause_turn') return 'paused'
  return unified === 'stop' || unified === 'tool-calls' ? 'stop' : 'other'
}

function warningText(warning: unknown): string {
  if (typeof warning === 'string') return warning.slice(0, 300)
  if (!isObject(warning)) return 'The provider sent a warning that cannot be read.'
  const { type, feature, setting, tool, details, message } = warning
  const about = feature ?? setting ?? (isObject(tool) ? tool['name'] : undefined)
  return [type, about, details ?? message]
    .filter((word) => typeof word === 'string' && word !== '')
    .join(': ')
    .slice(0, 300)
}
