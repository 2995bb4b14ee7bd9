/**
 * What a model call is and what comes of it: plain data, so that an answer goes into the ledger as it
 * is and is the same live and on replay. Nothing in here holds headers, keys or objects of a vendor.
 */
import type {
  LanguageModelV4CallOptions,
  LanguageModelV4Prompt,
  SharedV4ProviderMetadata,
} from '@ai-sdk/provider'
import type { Duration } from '../../base/duration.ts'
import type { Ports } from '../../base/ports.ts'
import type { DefinedTool } from '../tools/tool-schema.ts'
import type { AcceptedPrompts } from './accepted-prompt.ts'
import type { Model } from './port.ts'

/** What an attempt used. */
export interface Used {
  /** The name under which the model was asked, and that under which it answered. */
  readonly names: readonly string[]
  readonly usage: Usage
  /** How long its answer is: characters of the texts and of the inputs of calls. */
  readonly units: number
}

/** How the model is to answer: passed on to the provider as they are. */
export type ModelSettings = Pick<
  LanguageModelV4CallOptions,
  | 'maxOutputTokens'
  | 'temperature'
  | 'stopSequences'
  | 'topP'
  | 'topK'
  | 'presencePenalty'
  | 'frequencyPenalty'
  | 'seed'
  | 'reasoning'
  | 'providerOptions'
  | 'headers'
>

/** How often and when a model is asked again. */
export interface ModelRetry {
  /** Attempts with each model. Default 4. */
  readonly attempts?: number
  /** Before the second attempt. Default "1s". */
  readonly delay?: Duration
  /** By which each further delay is longer. Default 2. */
  readonly factor?: number
  /** No wait is longer, whatever the provider asks for. Default "1m", or `delay` where that is longer. */
  readonly maxDelay?: Duration
}

export interface ModelRequest {
  readonly model: Model
  readonly prompt: LanguageModelV4Prompt
  /** The conversation that the prompt goes on with, when there may be more requests of it. */
  readonly accepted?: AcceptedPrompts | undefined
  readonly tools?: readonly DefinedTool[] | undefined
  readonly responseFormat?: LanguageModelV4CallOptions['responseFormat'] | undefined
  readonly settings?: ModelSettings | undefined
  /** Aborts the call; what it is aborted with is thrown. */
  readonly signal?: AbortSignal | undefined
  /** Text as it comes. Void when `onRestart` is called. Must not throw. */
  readonly onText?: ((delta: string) => void) | undefined
  /** Another attempt begins, with this model. Must not throw. */
  readonly onRestart?:
    | ((next: { readonly model: string; readonly error: string }) => void)
    | undefined
  readonly ports: Ports
  readonly retry?: ModelRetry | undefined
  /** The longest that one attempt may take. Default 10 minutes. */
  readonly timeoutMs?: number | undefined
  /** The longest silence within an attempt. Default 2 minutes. */
  readonly silenceMs?: number | undefined
  /**
   * What each attempt used: of those that failed, where it is known. What it throws ends the call, when
   * it is an error of everloop.
   */
  readonly onUsed?: ((used: Used) => void) | undefined
}

/** Tokens. Undefined is unknown, which is not zero. */
export interface Usage {
  /** All input tokens, those read from and written to a cache among them. */
  readonly input?: number | undefined
  /** All output tokens, those of reasoning among them. */
  readonly output?: number | undefined
  /** Input tokens that were read from a cache: part of `input`. */
  readonly cachedInput?: number | undefined
  /** Input tokens that were written to a cache: part of `input`. */
  readonly cacheWrite?: number | undefined
  /** Output tokens spent on reasoning: part of `output`. */
  readonly reasoning?: number | undefined
  /** `input` and `output`. */
  readonly total?: number | undefined
  /** What the provider said, as it came. */
  readonly raw?: unknown
}

interface Part {
  /** What the provider wants to see again with this part. */
  readonly providerMetadata?: SharedV4ProviderMetadata | undefined
}

export interface TextPart extends Part {
  readonly type: 'text'
  readonly text: string
}

export interface ReasoningPart extends Part {
  readonly type: 'reasoning'
  readonly text: string
}

/** A call that the model proposes. */
export interface ToolCallPart extends Part {
  readonly type: 'tool-call'
  /** Unique within the answer, at most 150 characters. */
  readonly id: string
  /** The id as the model "provider/model" gave it, where that is another, or not every provider takes it. */
  readonly given?: { readonly id: string; readonly by: string } | undefined
  readonly name: string
  /** The decoded JSON; left out when there is none, see `invalid`. */
  readonly input?: unknown
  /** What the model wrote. Left out of records where `input` says the same. */
  readonly rawInput?: string | undefined
  /** Why the call cannot be executed, in words for the model. */
  readonly invalid?: string | undefined
}

export interface FilePart extends Part {
  readonly type: 'file'
  readonly mediaType: string
  readonly data: Uint8Array | string
  /** True when `data` is a URL, else it is bytes or base64. */
  readonly isUrl?: true | undefined
}

export interface SourcePart extends Part {
  readonly type: 'source'
  readonly id: string
  readonly title?: string | undefined
  readonly url?: string | undefined
  readonly mediaType?: string | undefined
}

/** What only its provider understands, and wants to see again. */
export interface CustomPart extends Part {
  readonly type: 'custom'
  readonly kind: string
}

export type AnswerPart =
  | TextPart
  | ReasoningPart
  | ToolCallPart
  | FilePart
  | SourcePart
  | CustomPart

/** "length": a limit of tokens has cut the answer off. "paused": the model wants to be asked to go on. */
export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'paused' | 'other'

/** An attempt that came to nothing. */
export interface FailedAttempt {
  readonly model: string
  /** What happened, without secrets. */
  readonly error: string
  /** The HTTP status, where there was one. */
  readonly status?: number | undefined
  /** How long it took, without the wait that followed. */
  readonly ms: number
}

/** A whole answer of a model. */
export interface ModelAnswer {
  /** Who answered: "provider/model". */
  readonly model: string
  /** All text parts in a row. */
  readonly text: string
  /** All reasoning parts in a row, where there are some. */
  readonly reasoning?: string | undefined
  readonly content: readonly AnswerPart[]
  readonly finishReason: FinishReason
  /** The provider's own word for it. */
  readonly rawFinishReason?: string | undefined
  readonly usage: Usage
  /** What the provider or everloop found odd. */
  readonly warnings: readonly string[]
  /** The attempts that failed before this answer. */
  readonly attempts: readonly FailedAttempt[]
  /** The provider did not take the reasoning in the history: it answered without. */
  readonly isBare?: true | undefined
  readonly responseId?: string | undefined
  /** The model's id as the provider reports it. */
  readonly modelId?: string | undefined
  readonly providerMetadata?: SharedV4ProviderMetadata | undefined
}
