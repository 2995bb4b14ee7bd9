/**
 * Scripts: what a scripted model or server answers, in the words of a test and of a JSON file. A
 * script is a list, one answer after the other, or a function of the request.
 */
import { EverloopError } from '../base/errors.ts'
import { checkOptions } from '../base/options.ts'
import { type Malformation, malformations } from './malformations.ts'

/** Tokens that an answer claims to have used. Cached ones are part of the input, reasoning of the output. */
export interface ScriptedUsage {
  readonly input: number
  readonly output: number
  readonly cachedInput?: number
  readonly cacheWrite?: number
  readonly reasoning?: number
}

/** A call in a scripted answer. */
export interface ScriptedCall {
  readonly name: string
  readonly input?: unknown
  /** Sent as it is in place of `input`: for input that is no JSON. */
  readonly rawInput?: string
  /**
   * Default "call_REQUEST_PLACE", both counted from 1; with `by: 'turn'` "call_TURN_PLACE", so that a
   * request that is sent again gets the same ids. Null leaves it out.
   */
  readonly id?: string | null
}

interface Manner {
  /** Default: a quarter of the characters, as many models count. Null: none is reported. */
  readonly usage?: ScriptedUsage | null
  /** Default "tool-calls" with calls, else "stop". Others are passed on as they are. */
  readonly finishReason?: string
  /** A way to get it wrong. What a model object cannot get wrong, only a server does. */
  readonly malformed?: Malformation
}

/** One answer. */
export type ScriptedAnswer =
  | ({ readonly text: string; readonly reasoning?: string } & Manner)
  | ({
      readonly toolCalls: readonly ScriptedCall[]
      readonly text?: string
      readonly reasoning?: string
    } & Manner)
  /** Structured output. */
  | ({ readonly object: unknown } & Manner)
  /** With a status, that HTTP error; without one, a connection that fails. */
  | {
      readonly error: string
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
    }
  /** No answer, ever. */
  | { readonly hang: true }

/** What a function that answers is handed. */
export interface ScriptedRequest {
  /** How many requests came before. */
  readonly index: number
  /** How often the model has spoken in the conversation so far: the same when a request is repeated. */
  readonly turn: number
  readonly stream: boolean
  /** The text of the last message: what the user said, or what a tool returned. */
  readonly text: string
  /** The names of the tools that are offered. */
  readonly tools: readonly string[]
  /** The request as it came: the call options of the AI SDK, or the JSON of the wire. */
  readonly body: unknown
}

/** What a scripted model answers: one after the other, or as a function of the request says. */
export type Script =
  | readonly ScriptedAnswer[]
  | ((request: ScriptedRequest) => ScriptedAnswer | Promise<ScriptedAnswer>)

/** How a script is read. */
export interface ScriptOptions {
  /**
   * How a list is read: each request takes the next answer ("order", the default), or the one for its
   * turn of the conversation ("turn"), so that a request that is sent again, even by another process,
   * gets the same answer.
   */
  readonly by?: 'order' | 'turn'
}

/** Which answer of a list a request gets, counted from 0. Ids of calls are made of it too. */
export const placeOf = ({ index, turn }: ScriptedRequest, by: ScriptOptions['by']): number =>
  by === 'turn' ? turn : index

/** The answer to a request. Throws SCRIPT_EXHAUSTED when there is none. */
export async function answerTo(
  script: Script,
  request: ScriptedRequest,
  { by = 'order' }: ScriptOptions,
): Promise<ScriptedAnswer> {
  const at = placeOf(request, by)
  const answer = typeof script === 'function' ? await script(request) : script[at]
  if (answer !== undefined) {
    if (typeof script === 'function') checkAnswer(answer, `The script: answer ${request.index + 1}`)
    return answer
  }
  const asked = JSON.stringify(request.text.slice(0, 200))
  throw new EverloopError(
    'SCRIPT_EXHAUSTED',
    typeof script === 'function'
      ? `The script returned no answer to request ${request.index + 1}, ${asked}.`
      : `The script has ${script.length} answers, and ${by === 'order' ? 'request' : 'turn'} ${at + 1} came: ${asked}.`,
  )
}

const manner = ['usage', 'finishReason', 'malformed']
const forms: Readonly<Record<string, readonly string[]>> = {
  toolCalls: ['toolCalls', 'text', 'reasoning', ...manner],
  object: ['object', ...manner],
  error: ['error', 'status', 'headers'],
  hang: ['hang'],
  text: ['text', 'reasoning', ...manner],
}

/** A list of answers from outside, a file say. Throws BAD_OPTION with the place of what is wrong. */
export function checkedScript(value: unknown, where: string): readonly ScriptedAnswer[] {
  if (!Array.isArray(value)) throw bad(`${where}: a script is a list of answers.`)
  for (const [index, answer] of value.entries())
    checkAnswer(answer, `${where}: answer ${index + 1}`)
  return value as readonly ScriptedAnswer[]
}

/** Throws BAD_OPTION unless this can be answered. */
function checkAnswer(answer: unknown, at: string): void {
  if (typeof answer !== 'object' || answer === null) throw bad(`${at} is not an object.`)
  const form = Object.keys(forms).find((key) => key in answer)
  if (form === undefined) throw bad(`${at} has none of: ${Object.keys(forms).join(', ')}.`)
  const strange = Object.keys(answer).find((key) => !forms[form]?.includes(key))
  if (strange !== undefined) {
    throw bad(`${at} has "${strange}"; with "${form}" it takes: ${forms[form]?.join(', ')}.`)
  }
  const { malformed, toolCalls } = answer as { malformed?: string; toolCalls?: unknown }
  if (malformed !== undefined && !malformations.includes(malformed as Malformation)) {
    throw bad(`${at} is malformed as "${malformed}"; known: ${malformations.join(', ')}.`)
  }
  if (form === 'toolCalls' && !isCalls(toolCalls)) {
    throw bad(`${at}: toolCalls is a list of { "name", "input" }.`)
  }
}

/** Throws BAD_OPTION unless this is a script, and these are options of how it is read, or these others. */
export function checkScript(
  where: string,
  script: Script,
  options: ScriptOptions,
  others: readonly string[],
): void {
  checkOptions(where, options, ['by', ...others])
  const { by } = options
  if (by !== undefined && by !== 'order' && by !== 'turn') {
    throw bad(`${where}: by must be "order" or "turn".`)
  }
  if (typeof script !== 'function') checkedScript(script, where)
}

const bad = (what: string): EverloopError => new EverloopError('BAD_OPTION', what)

const isCalls = (calls: unknown): boolean =>
  Array.isArray(calls) &&
  calls.every((call) => typeof (call as { name?: unknown } | null)?.name === 'string')
