/** A call of a tool, and the keys under which its turn records what becomes of it. */
import type { AnyTool } from '../tools/tool.ts'

/** A call whose arguments fit the tool. */
export interface ToolCall {
  readonly tool: AnyTool
  /** The model's id of the call. */
  readonly id: string
  readonly input: unknown
}

/** The key of the operation that executes the call. */
export const keyOfCall = (id: string): string => `${callKey}${id}`

/** The call that the operation of this key executes; undefined for any other. */
export const executedCall = (key: string): string | undefined =>
  key.startsWith(callKey) ? key.slice(callKey.length) : undefined

const callKey = 'call:'

/** The keys of what comes before that, in order: guards, people, budgets. */
export const keysBefore = (
  id: string,
): { readonly guard: string; readonly approval: string; readonly budget: string } => ({
  guard: `guard:call:${id}`,
  approval: `approval:${id}`,
  budget: `budget:call:${id}`,
})

/** The keys of what comes between the budget and a call whose tool a deploy has changed. */
export const keysAgain = (id: string): { readonly guard: string; readonly approval: string } => ({
  guard: `guard:call:${id} again`,
  approval: `approval:${id} again`,
})

/** The call that a request under this key is about, in whatever round: ids have no spaces. */
export const approvedCall = (key: string): string =>
  key.replace(/^approval:/, '').replace(/ .*/, '')

/** The call that guards with this key have looked at, before it or at its result; undefined for any other. */
export const guardedCall = (key: string): string | undefined =>
  /^guard:(?:call|result):(\S+)/.exec(key)?.[1]
