/**
 * What the entries of an agent's run hold for a conversation. The run may be of a flow that is no agent, and
 * of any build: nothing is taken for granted.
 */
import { type Entry, explicitKey, givenKey, type StateChange } from '../../ledger/index.ts'
import { approvedCall, executedCall, guardedCall } from '../calls/tool-call.ts'
import type { Reply } from '../loop/reply.ts'
import type { CallResult } from '../loop/state.ts'
import { turnKeys } from '../loop/turn-keys.ts'

/** What an agent was started with; nothing where the run is of another flow. */
export function promptsOf(input: unknown): readonly string[] {
  const { prompt, messages } = Object(input) as { prompt?: unknown; messages?: unknown }
  return [prompt, ...listOf(messages)].filter((text) => typeof text === 'string')
}

/** False for what a step returned that asked no model. */
export function isReply(value: unknown): value is Reply {
  const { answer, amounts } = Object(value) as Partial<Reply>
  return Array.isArray(answer?.content) && typeof amounts === 'object'
}

/** What a commit tells of calls for which no entry of their own stands: the model called them wrongly. */
export function resultsOf(change: StateChange): readonly CallResult[] {
  const messages =
    'base' in change
      ? listOf((change.base as { readonly messages?: unknown } | null)?.messages)
      : change.delta.flatMap((edit) => {
          if (edit[1][0] !== 'messages' || edit[0] === 'cut') return []
          return edit[0] === 'splice' ? edit[4] : listOf(edit[2])
        })
  return messages.flatMap(
    (message) =>
      listOf((message as { readonly results?: unknown } | null)?.results) as CallResult[],
  )
}

/** The key of a model's answer, and of the message that an agent has listened for. */
export const modelKey: string = explicitKey(turnKeys.model)
export const nextMessageKey: string = explicitKey(turnKeys.nextMessage)

/** Whether what it holds is an item, or part of one, so that a large value of it is needed. */
export const isShown = ({ kind, key }: Entry): boolean =>
  key === modelKey ||
  key === nextMessageKey ||
  kind === 'question.answered' ||
  callOf(key) !== undefined

/** The call that an operation of this key executes, when it executes one. */
export function callOf(key: string): string | undefined {
  const given = givenKey(key)
  return given === undefined ? undefined : executedCall(given)
}

/** The call that an approval of this key is about. */
export const approvalOf = (key: string): string => approvedCall(givenKey(key) ?? '')

/** The call that guards under this key have looked at, when it was one. */
export const guardedIn = (key: string): string | undefined => guardedCall(givenKey(key) ?? '')

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
