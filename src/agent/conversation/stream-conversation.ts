/**
 * The conversation of an agent's run as it comes, for whoever shows it to users: what happened, as
 * `conversation` tells it, and the text of the answer under way. What else the ledger holds
 * (instructions, definitions of tools, state) is not in it.
 */
import type { Ever } from '../../run/index.ts'
import { endable } from '../../run/outside/endable.ts'
import type { WatchOptions } from '../../run/outside/reference.ts'
import type { ConversationItem } from './conversation-item.ts'
import { ConversationReading } from './conversation-reading.ts'

/** What a stream of a conversation gives. `cursor`: where to go on behind it, after a restart, from anywhere. */
export type ConversationStreamItem =
  /** What happened, in order. An `assistant` takes the place of the text that was shown before it. */
  | {
      readonly type: 'items'
      readonly items: readonly ConversationItem[]
      readonly cursor: string
    }
  /** More text of the answer under way. */
  | { readonly type: 'text'; readonly text: string; readonly cursor: string }
  /** The answer began anew: the text that was shown of it is void. */
  | { readonly type: 'restarted'; readonly cursor: string }

/**
 * The conversation of a run from behind the cursor on, as it comes, until the run has ended, the loop is
 * left (also by `return()` while it waits), or `signal` is aborted. Throws UNKNOWN_RUN at the first item.
 *
 * @example
 * for await (const item of streamConversation(ever, 'ticket-42', { from, signal })) {
 *   response.write(`id: ${item.cursor}\ndata: ${JSON.stringify(item)}\n\n`)
 * }
 */
export function streamConversation(
  ever: Ever,
  run: string,
  options: WatchOptions<string> = {},
): AsyncGenerator<ConversationStreamItem, void> {
  return endable(options.signal, (signal) => itemsOf(ever, run, { ...options, signal }))
}

async function* itemsOf(
  ever: Ever,
  run: string,
  options: WatchOptions<string>,
): AsyncGenerator<ConversationStreamItem, void> {
  const reading = new ConversationReading(ever, run)
  for await (const item of ever.stream(run, options)) {
    const { type, cursor } = item
    switch (type) {
      case 'entry': {
        // What stands before the cursor is read, for what is to be understood, and not told again.
        const items = await reading.readOn(item.event.seq)
        if (items.length > 0) yield { type: 'items', items, cursor }
        break
      }
      case 'text':
        yield { type, text: item.text, cursor }
        break
      case 'restarted':
        yield { type, cursor }
    }
  }
}
