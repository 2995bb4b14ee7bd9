/**
 * An agent that calls a tool each turn, for a model that answers from a script in this process: what
 * is left of a turn is what the runtime does.
 *
 * The model streams, as real ones do, and takes from the prompt which turn it is, so that a fresh
 * process goes on where another was killed. Every tenth result has 1 MB, the others 300 bytes.
 */
import type { LanguageModelV4, LanguageModelV4StreamPart } from '@ai-sdk/provider'
import type { Flow } from '../src/index.ts'
import { textOf } from './bare.ts'
import { agent, tool } from './subject.ts'

export const answerUnits = 200
export const smallUnits = 300
export const bigUnits = 1_000_000
export const isBig = (turn: number): boolean => turn % 10 === 0

/** The prompt of `LanguageModelV4`, as far as it is looked at. */
type Prompt = readonly { readonly role: string; readonly content: unknown }[]

/** What the measuring does. Nothing of it, and nothing of the model and the tool, is the runtime's. */
export interface AgentHooks {
  /** The model is asked. It answers when this resolves; with `end` without a call. */
  readonly asked: (turn: number, prompt: Prompt) => 'call' | 'end' | Promise<'call' | 'end'>
  /** The model's answer is on its way to the runtime. */
  readonly answering?: (turn: number) => void
  /** What the tool does besides. */
  readonly work?: () => void
  /** The tool has worked for so long. */
  readonly worked?: (ms: number) => void
}

interface AgentShape {
  /** What a call is; see docs/effects.md. */
  readonly effect: 'read' | 'once'
  /** Results of every tenth turn have 1 MB. */
  readonly isBulky: boolean
}

export const prompt = 'Work until there is nothing left to do.'
export type PromptInput = { readonly prompt: string }

export const working = (shape: AgentShape, hooks: AgentHooks): Flow<PromptInput, string> =>
  agent({
    name: 'working',
    model: modelOf(hooks),
    instructions: 'You are measured. Call the tool each turn.',
    tools: [
      tool<{ turn: number }, string>({
        name: 'work',
        description: 'Does a piece of work.',
        inputSchema: {
          type: 'object',
          properties: { turn: { type: 'integer' } },
          required: ['turn'],
          additionalProperties: false,
        },
        effect: shape.effect,
        run: ({ turn }) => {
          const start = performance.now()
          const text = resultOf(turn, shape.isBulky)
          hooks.work?.()
          hooks.worked?.(performance.now() - start)
          return text
        },
      }),
    ],
  }) as Flow<PromptInput, string>

const resultOf = (turn: number, isBulky: boolean): string =>
  textOf(turn, isBulky && isBig(turn) ? bigUnits : smallUnits)

/** What the model, the tool and the user have said until the end of a turn, each thing once. */
export function contentUnits(turns: number, isBulky: boolean): number {
  let units = prompt.length
  for (let turn = 1; turn <= turns; turn++) {
    units += answerUnits + inputOf(turn).length + resultOf(turn, isBulky).length
  }
  return units
}

const inputOf = (turn: number): string => JSON.stringify({ turn })

function modelOf(hooks: AgentHooks): LanguageModelV4 {
  return {
    specificationVersion: 'v4',
    provider: 'bench',
    modelId: 'scripted',
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error('This model only streams.')),
    doStream: async ({ prompt: messages }) => {
      // Instructions and the user's prompt stand before the pairs of answer and result.
      const turn = (messages.length - 2) / 2 + 1
      const verdict = await hooks.asked(turn, messages)
      const parts = partsOf(turn, verdict)
      // Building it is the model's work.
      const stream = new ReadableStream<LanguageModelV4StreamPart>({
        start(controller) {
          for (const part of parts) controller.enqueue(part)
          controller.close()
        },
      })
      hooks.answering?.(turn)
      return { stream }
    },
  }
}

function partsOf(turn: number, verdict: 'call' | 'end'): LanguageModelV4StreamPart[] {
  const call: LanguageModelV4StreamPart = {
    type: 'tool-call',
    toolCallId: `call-${turn}`,
    toolName: 'work',
    input: inputOf(turn),
  }
  return [
    { type: 'stream-start', warnings: [] },
    { type: 'text-start', id: '0' },
    { type: 'text-delta', id: '0', delta: textOf(turn, answerUnits) },
    { type: 'text-end', id: '0' },
    ...(verdict === 'call' ? [call] : []),
    {
      type: 'finish',
      finishReason: {
        unified: verdict === 'call' ? 'tool-calls' : 'stop',
        raw: verdict === 'call' ? 'tool-calls' : 'stop',
      },
      usage: {
        inputTokens: { total: 1000, noCache: 1000, cacheRead: 0, cacheWrite: 0 },
        outputTokens: { total: 60, text: 60, reasoning: 0 },
      },
    },
  ]
}
