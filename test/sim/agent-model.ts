/**
 * The model of the simulated agents: what it says is a function of the conversation alone, how long
 * that takes and whether it is heard is up to chance.
 */
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4GenerateResult,
  LanguageModelV4Prompt,
  LanguageModelV4StreamPart,
} from '@ai-sdk/provider'
import type { AgentSpec } from './agent-spec.ts'
import { modelId } from './model-attempts.ts'

/** What the model says. */
export type Saying =
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'calls'; readonly calls: readonly SaidCall[] }

export interface SaidCall {
  readonly id: string
  readonly tool: string
  readonly input: string
}

/** What happens around an answer: time, crashes, trouble. */
export type Around = (prompt: LanguageModelV4Prompt) => Promise<void>

/** One of an agent's models is asked. */
export interface Asking {
  /** Which, and of how many. */
  readonly model: number
  readonly models: number
  readonly prompt: LanguageModelV4Prompt
  readonly signal: AbortSignal | undefined
}

/** An answer that comes piece by piece. */
export interface Utterance {
  /** Its text begins with it. */
  readonly number: number
  /** Time passes until this is said. */
  readonly say: (text: string) => Promise<void>
  /** What it says so far is all: its stream ends here, or fails. */
  readonly breaksOff: () => 'ends' | 'fails' | undefined
  /** A filter has found something in it. */
  readonly isFiltered: () => boolean
}

export const compactionText = 'Make it short.'

export function simulatedModel(spec: AgentSpec, around: Around): LanguageModelV4 {
  const answer = async ({
    prompt,
  }: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> => {
    await around(prompt)
    return resultOf(saying(spec, prompt), prompt)
  }
  return {
    specificationVersion: 'v4',
    provider: 'sim',
    modelId: 'model',
    supportedUrls: {},
    doGenerate: answer,
    doStream: async (options) => ({ stream: streamOf(await answer(options)) }),
  }
}

/** A model that speaks piece by piece: what stands around the answer tells which attempt it is of. */
export function speakingModel(
  spec: AgentSpec,
  model: number,
  attempt: (asking: Asking) => Promise<Utterance>,
): LanguageModelV4 {
  const doStream: LanguageModelV4['doStream'] = async ({ prompt, abortSignal: signal }) => {
    const { models = 1 } = spec
    const utterance = await attempt({ model, models, prompt, signal })
    return { stream: ReadableStream.from(spoken(saying(spec, prompt), prompt, utterance)) }
  }
  return {
    specificationVersion: 'v4',
    provider: 'sim',
    modelId: modelId(model),
    supportedUrls: {},
    doGenerate: () => Promise.reject(new RangeError('It is only streamed.')),
    doStream,
  }
}

/** What it says besides. */
const chatter = 'As a result of this nobody came to see it. '
const pieceUnits = 9

async function* spoken(
  said: Saying,
  prompt: LanguageModelV4Prompt,
  { number, say, breaksOff, isFiltered }: Utterance,
): AsyncGenerator<LanguageModelV4StreamPart, void> {
  const { content, finishReason, usage } = resultOf(said, prompt)
  const text = `(${number}) ${chatter}${said.is === 'text' ? said.text : ''}`
  const id = 'text'
  yield { type: 'text-start', id }
  for (let at = 0; at < text.length; at += pieceUnits) {
    const end = breaksOff()
    if (end === 'fails') throw new TypeError('The connection was reset.')
    if (end === 'ends') return
    const delta = text.slice(at, at + pieceUnits)
    await say(delta)
    yield { type: 'text-delta', id, delta }
  }
  yield { type: 'text-end', id }
  for (const part of content) if (part.type === 'tool-call') yield part
  const filtered = { unified: 'content-filter', raw: undefined } as const
  yield { type: 'finish', finishReason: isFiltered() ? filtered : finishReason, usage }
}

/** What the model says to a conversation, always the same. */
export function saying(spec: AgentSpec, prompt: LanguageModelV4Prompt): Saying {
  const text = JSON.stringify(prompt)
  const dice = new Dice(spec.seed, text)
  if (text.includes(compactionText)) return { is: 'text', text: `In short: ${dice.below(1000)}.` }
  const asked = prompt.findLastIndex(({ role }) => role === 'user')
  const turns = prompt.slice(asked).filter(({ role }) => role === 'assistant').length
  if (turns >= spec.turns || dice.below(100) < 12) {
    const n = dice.below(1000)
    return { is: 'text', text: spec.isStructured ? JSON.stringify({ n }) : `Answer ${n}.` }
  }
  // It reads on in a result that was too long to be told.
  const artifact = readable.exec(text)?.[1]
  if (artifact !== undefined && dice.below(3) === 0) {
    const id = `r${prompt.length}`
    return { is: 'calls', calls: [{ id, tool: 'read_more', input: JSON.stringify({ artifact }) }] }
  }
  // What not every model takes has another id for others.
  const dot = spec.models === undefined ? '.' : '-'
  const count = [1, 1, 1, 2, 2, 3, 4][dice.below(7)] ?? 1
  const calls = Array.from({ length: count }, (_, i) => {
    const tool = spec.tools[dice.below(spec.tools.length)]
    const oddity = dice.below(100)
    return {
      // Some ids stand in several turns, some twice in one.
      id: oddity < 3 ? 'c0' : dice.below(2) === 0 ? `c${i}` : `c${prompt.length}${dot}${i}`,
      tool: oddity > 97 ? 'nothing' : (tool?.name ?? ''),
      input: JSON.stringify(oddity > 94 && oddity < 98 ? { n: 'one' } : { n: dice.below(100) }),
    }
  })
  return { is: 'calls', calls }
}

/** What an excerpt says about the rest, in a prompt as JSON. */
const readable = /read_more\(\{\\"artifact\\":\\"([\w-]{43})/

/** Numbers that follow from a text. */
export class Dice {
  #state: number

  constructor(seed: number, text: string) {
    let hash = seed ^ 0x811c9dc5
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    this.#state = hash
  }

  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end
  }
}

function resultOf(said: Saying, prompt: LanguageModelV4Prompt): LanguageModelV4GenerateResult {
  const input = Math.ceil(JSON.stringify(prompt).length / 4)
  const output = said.is === 'text' ? 5 : 12 * said.calls.length
  return {
    content:
      said.is === 'text'
        ? [{ type: 'text', text: said.text }]
        : said.calls.map(({ id, tool, input: args }) => ({
            type: 'tool-call',
            toolCallId: id,
            toolName: tool,
            input: args,
          })),
    finishReason: { unified: said.is === 'text' ? 'stop' : 'tool-calls', raw: undefined },
    usage: {
      inputTokens: { total: input, noCache: input, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: output, text: output, reasoning: 0 },
    },
    warnings: [],
  }
}

function streamOf(
  result: LanguageModelV4GenerateResult,
): ReadableStream<LanguageModelV4StreamPart> {
  const { content, finishReason, usage } = result
  const parts: LanguageModelV4StreamPart[] = [{ type: 'stream-start', warnings: [] }]
  for (const [i, part] of content.entries()) {
    if (part.type === 'text') {
      const id = String(i)
      parts.push({ type: 'text-start', id })
      parts.push({ type: 'text-delta', id, delta: part.text }, { type: 'text-end', id })
    } else if (part.type === 'tool-call') parts.push(part)
  }
  parts.push({ type: 'finish', finishReason, usage })
  return ReadableStream.from(parts)
}
