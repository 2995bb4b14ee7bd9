/**
 * What an agent carries from turn to turn: the conversation and a few counts. Everything a turn needs
 * is in here or in the definition, so that a resume reads one state and the entries of one turn.
 *
 * - N5 `request` is the digest of `messages`, however they have come about: only `withMessages` and
 *   `withOtherMessages` change them.
 */
import { hash } from 'node:crypto'
import { type Amounts, encode, type Taint } from '../../ledger/index.ts'
import { historyMax, type PastCall } from '../guards/guard.ts'
import type { AnswerPart } from '../model/answer.ts'

/** A message of the conversation, as the model is given it. */
export type Message = UserMessage | AssistantMessage | ToolMessage

export interface UserMessage {
  readonly role: 'user'
  readonly text: string
  /** Who sent it, as far as is known. */
  readonly by?: string
}

export interface AssistantMessage {
  readonly role: 'assistant'
  /** The very parts of the recorded answer: the ledger holds them once. */
  readonly parts: readonly AnswerPart[]
}

export interface ToolMessage {
  readonly role: 'tool'
  /** In the order of the calls. */
  readonly results: readonly CallResult[]
}

/** What the model is told about one of its calls. */
export interface CallResult {
  readonly id: string
  readonly tool: string
  readonly is: 'result' | 'error' | 'denied'
  /** A text, or data; with `artifact` an excerpt of what is kept there. */
  readonly value: unknown
  readonly artifact?: { readonly artifact: string; readonly bytes: number }
}

export interface AgentState {
  readonly messages: readonly Message[]
  /** What came in and has not been put before the guards. */
  readonly pending: readonly UserMessage[]
  /** `listening`: the agent has answered and waits for the next message. */
  readonly phase: 'thinking' | 'listening'
  readonly turns: number
  readonly calls: number
  /** Limits that a person has raised, or lifted with Infinity, by `raiseName`. */
  readonly raised: Amounts
  /** Digest of the definition with which the last model call was made. */
  readonly definition: string
  /** Digest of the messages: of each with that of all before it (N5). */
  readonly request: string
  /** Input tokens of the last model call. */
  readonly context: number
  /** Artifacts that the model was told of. */
  readonly artifacts: readonly string[]
  /** What its own calls have read outside, where a build of before has kept it: the ledger holds it now. */
  readonly tainted: readonly Taint[]
  /** How often in a row each guard has had the model try again. */
  readonly retries: Readonly<Record<string, number>>
  /** How often in a row an answer did not fit the output's schema. */
  readonly repairs: number
  /** The last calls, for finding loops. */
  readonly history: readonly PastCall[]
  /** How many messages from the beginning a compaction has replaced. */
  readonly compacted: number
  /** How often in a row no summary could be had, and how many turns and messages there were the last time. */
  readonly unsummarised?: {
    readonly times: number
    readonly turns: number
    readonly messages: number
  }
  /** How often in a row the model has only paused. */
  readonly pauses?: number
  /** How many messages from the beginning go out without their reasoning, as its provider refused it. */
  readonly bare?: number
}

/** The state before the first turn. */
export const initialState = (pending: readonly UserMessage[]): AgentState => ({
  messages: [],
  pending,
  phase: 'thinking',
  turns: 0,
  calls: 0,
  raised: {},
  definition: '',
  request: '',
  context: 0,
  artifacts: [],
  tainted: [],
  retries: {},
  repairs: 0,
  history: [],
  compacted: 0,
})

/** With more in the conversation: hashed is what was added. */
export const withMessages = (state: AgentState, more: readonly Message[]): AgentState => ({
  ...state,
  messages: [...state.messages, ...more],
  request: more.reduce(digestWith, state.request),
})

/** With another conversation: all of it is hashed. */
export const withOtherMessages = (state: AgentState, messages: readonly Message[]): AgentState =>
  withMessages({ ...state, messages: [], request: '' }, messages)

const digestWith = (before: string, message: Message): string =>
  hash('sha256', before + encode(message), 'base64url').slice(0, 22)

/** With messages that came while the turn was under way. */
export const heard = (state: AgentState, messages: readonly UserMessage[]): AgentState =>
  messages.length === 0
    ? state
    : { ...state, phase: 'thinking', pending: [...state.pending, ...messages] }

/** Guards were content: what was sent back before is forgiven. */
export const withoutStrikes = ({ pauses: _over, ...state }: AgentState): AgentState => ({
  ...state,
  retries: {},
  repairs: 0,
})

/**
 * With the calls of a turn remembered. Twice as many are kept as are shown: a list that lost its first
 * item each turn would be written anew each turn.
 */
export function remembered(
  { history }: AgentState,
  calls: readonly PastCall[],
): readonly PastCall[] {
  const all = [...history, ...calls]
  return all.length > 2 * historyMax ? all.slice(-historyMax) : all
}

/** The last calls, as guards are shown them. */
export const recentCalls = ({ history }: AgentState): readonly PastCall[] =>
  history.slice(-historyMax)
