/**
 * Calls that the model has proposed and of which no entry says yet what became of them. Of those that made
 * no sense none ever will.
 */
import type { ToolCallPart } from '../model/answer.ts'
import type { ConversationItem, Place, Unplaced } from './conversation-item.ts'

export class UntoldCalls {
  /** With where they were proposed and what is wrong with them. */
  readonly #calls = new Map<string, Place & { readonly invalid: string | undefined }>()
  /** Those of the last answer. */
  #last: readonly string[] = []

  /** An answer of the model proposes these. */
  propose(calls: readonly ToolCallPart[], { seq, time }: Place): void {
    for (const { id, invalid } of calls) this.#calls.set(id, { seq, time, invalid })
    this.#last = calls.map(({ id }) => id)
  }

  has(call: string): boolean {
    return this.#calls.has(call)
  }

  /** Takes note of what is told of a call: after a vote, say, it is still open. */
  heed(item: Unplaced): void {
    if (tellsEnd(item)) this.#calls.delete(item.call)
  }

  /** What became of the last answer's calls when a guard refused it: they are not made. */
  refused(reason: string): readonly Unplaced[] {
    return this.#last.map((call): Unplaced => {
      const error = this.#calls.get(call)?.invalid
      return error === undefined
        ? { is: 'unmade', call, reason }
        : { is: 'error', call, error, wasMade: false }
    })
  }

  /** What was wrong with the calls of a turn that never committed. Nothing more will be told of any. */
  end(): readonly ConversationItem[] {
    const items = Array.from(this.#calls).flatMap(([call, { invalid, ...place }]) =>
      invalid === undefined
        ? []
        : [{ ...place, is: 'error', call, error: invalid, wasMade: false } as const],
    )
    this.#calls.clear()
    return items
  }
}

/** Whether nothing needs to be said about the call behind it. */
const tellsEnd = (item: Unplaced): item is Extract<Unplaced, { readonly call: string }> =>
  'call' in item &&
  item.is !== 'asked' &&
  item.is !== 'escalated' &&
  item.is !== 'vote' &&
  item.is !== 'guard' &&
  item.is !== 'child' &&
  !(item.is === 'approval' && (item.verdict === 'approved' || item.verdict === 'voided'))
