/** The conversation of an agent's run, for people: what happened, and what it has cost. */
import type { Ever } from '../../run/index.ts'
import type { ConversationItem } from './conversation-item.ts'
import { ConversationReading } from './conversation-reading.ts'

/** A conversation, and what it has cost so far. */
export interface Conversation {
  readonly run: string
  readonly items: readonly ConversationItem[]
  /** Of the run and those below it: turns, tokens, microUsd (millionths of a dollar), calls. */
  readonly spent: Readonly<Record<string, number>>
}

/**
 * Reads the conversation of a run. Throws UNKNOWN_RUN.
 *
 * @example
 * const { items, spent } = await conversation(ever, 'ticket-42')
 * for (const item of items) if (item.is === 'assistant') console.log(item.text)
 */
export async function conversation(ever: Ever, run: string): Promise<Conversation> {
  const { id } = await ever.get(run)
  const reading = new ConversationReading(ever, id)
  await reading.readOn()
  reading.end()
  return { run: id, items: reading.items, spent: await ever.store.account(id) }
}
