/** The calls that an answer proposes. */
import type { AnswerPart, ToolCallPart } from './answer.ts'

/** The calls among the parts of an answer, in their order. */
export const proposedCalls = (parts: readonly AnswerPart[]): readonly ToolCallPart[] =>
  parts.filter((part) => part.type === 'tool-call')

/** The arguments that the model gave: what it wrote, where that is no JSON. */
export const givenArgs = ({ input, rawInput }: ToolCallPart): unknown => input ?? rawInput

/** A call as guards and people are shown it. */
export const shownCall = (
  call: ToolCallPart,
): { readonly id: string; readonly tool: string; readonly args: unknown } => ({
  id: call.id,
  tool: call.name,
  args: givenArgs(call),
})
