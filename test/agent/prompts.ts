/** What a scripted model was sent. */
import type { ScriptedModel } from 'everloop/testing'

/** A message of a prompt, as far as tests look at it. */
export interface SentMessage {
  readonly role: string
  readonly content: readonly {
    readonly toolCallId?: string
    readonly output?: { readonly type: string; readonly value?: unknown; readonly reason?: string }
  }[]
}

/** The prompt of the n-th request, counted from 0. */
export function promptOf({ requests }: ScriptedModel, n: number): readonly SentMessage[] {
  const { body } = requests[n] ?? {}
  return (body as { readonly prompt?: readonly SentMessage[] } | undefined)?.prompt ?? []
}

/** What the model was told of its calls in the n-th request. */
export const toldOf = (model: ScriptedModel, n: number): readonly unknown[] =>
  promptOf(model, n)
    .at(-1)
    ?.content.map(({ output }) => output) ?? []

/** The text of the last message of the last request. */
export const lastTextOf = ({ requests }: ScriptedModel): string => requests.at(-1)?.text ?? ''
