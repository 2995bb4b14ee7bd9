/** An answer of a script with all defaults filled in: what the wire formats and the model object encode. */
import type { Malformation } from './malformations.ts'
import type { ScriptedAnswer, ScriptedCall, ScriptedUsage } from './script.ts'

export interface SpokenCall {
  readonly id: string | undefined
  readonly name: string | undefined
  /** JSON, or what is sent in its place. */
  readonly input: string
}

export interface Spoken {
  /** Null where a provider may say null. */
  readonly text: string | null
  readonly reasoning: string
  readonly calls: readonly SpokenCall[]
  /** "stop", "length", "tool-calls", "content-filter", or a word that no provider knows. */
  readonly finish: string | undefined
  readonly usage: ScriptedUsage | undefined
  /** Said in place of each count. */
  readonly countsAs?: unknown
  readonly isObject: boolean
  readonly malformed: Malformation | undefined
}

type Said = Exclude<ScriptedAnswer, { error: string } | { hang: true }>

/**
 * What an answer says, distorted as it asks for. `request` is what is counted as input, `place` what the
 * ids of its calls are made of.
 */
export function spoken(answer: Said, request: string, place: number): Spoken {
  const calls = 'toolCalls' in answer ? answer.toolCalls : []
  const text = 'object' in answer ? JSON.stringify(answer.object) : (answer.text ?? '')
  const reasoning = 'reasoning' in answer ? (answer.reasoning ?? '') : ''
  const inputs = calls.map(inputOf)
  const words = text + reasoning + inputs.join('')
  const counted = {
    input: Math.ceil(request.length / 4),
    output: Math.max(1, Math.ceil(words.length / 4)),
    ...(reasoning === '' ? {} : { reasoning: Math.ceil(reasoning.length / 4) }),
  }
  const plain: Spoken = {
    text,
    reasoning,
    calls: calls.map(({ id, name }, at) => ({
      id: id === null ? undefined : (id ?? `call_${place + 1}_${at + 1}`),
      name,
      input: inputs[at] ?? '',
    })),
    finish: answer.finishReason ?? (calls.length > 0 ? 'tool-calls' : 'stop'),
    usage: answer.usage === null ? undefined : (answer.usage ?? counted),
    isObject: 'object' in answer,
    malformed: answer.malformed,
  }
  return distort(plain)
}

const inputOf = ({ input, rawInput }: ScriptedCall): string =>
  rawInput ?? JSON.stringify(input ?? {})

/** Deeper than a ledger keeps, not deeper than JSON.stringify can write. */
const deep = 2000

/** Gets wrong what is said. What only travels badly is left to the wire. */
function distort(said: Spoken): Spoken {
  const inputs = (change: (input: string) => string): Spoken => ({
    ...said,
    calls: said.calls.map((call) => ({ ...call, input: change(call.input) })),
  })
  switch (said.malformed) {
    case 'bad-json':
      return inputs((input) => input.replaceAll('"', "'"))
    case 'trailing-comma':
      return inputs((input) => input.replace(/\}$/, ',}'))
    case 'deep-json':
      return inputs(() => `{"deep":${'['.repeat(deep)}${']'.repeat(deep)}}`)
    case 'wrong-tool-name':
      return { ...said, calls: said.calls.map((call) => ({ ...call, name: `${call.name}_x` })) }
    case 'no-tool-name':
      return { ...said, calls: said.calls.map((call) => ({ ...call, name: undefined })) }
    case 'duplicate-ids':
      return { ...said, calls: said.calls.map((call) => ({ ...call, id: 'call_same' })) }
    case 'no-ids':
      return { ...said, calls: said.calls.map((call) => ({ ...call, id: undefined })) }
    case 'code-fence':
      return { ...said, text: `Here it is:\n\`\`\`json\n${said.text}\n\`\`\`\nAnything else?` }
    case 'null-content':
      return { ...said, text: null }
    case 'nul-and-surrogates':
      return { ...said, text: `${said.text}\u0000\uD83D and \uDE00.` }
    case 'missing-usage':
      return { ...said, usage: undefined }
    case 'negative-usage':
      return { ...said, countsAs: -5 }
    case 'string-usage':
      return { ...said, countsAs: '12' }
    case 'unknown-finish-reason':
      return { ...said, finish: 'wandered_off' }
    case 'missing-finish-reason':
      return { ...said, finish: undefined }
    default:
      return said
  }
}

/** A text in pieces: words with the space behind them. */
export const inWords = (text: string): string[] => text.match(/\S+\s*|\s+/g) ?? []
