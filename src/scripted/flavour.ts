/** A wire format of a provider: how it asks, answers, streams and fails. */
import type { Spoken } from './spoken.ts'
import type { WireEvent } from './wire.ts'

/** What of a request the format knows. */
export interface Asked {
  readonly model: string
  readonly stream: boolean
  readonly turn: number
  readonly text: string
  readonly tools: readonly string[]
}

export interface Flavour {
  readonly path: string
  asked(body: Record<string, unknown>): Asked
  json(said: Spoken, asked: Asked): unknown
  events(said: Spoken, asked: Asked): WireEvent[]
  error(message: string, status: number): unknown
  /** An event that no version of the format has. */
  readonly unknownEvent: WireEvent
}

/** The seconds at which all scripted answers were made: the first of January 2026. */
export const createdAt = 1_767_225_600

/** A list of records from a request, of which nothing is trusted. */
export function records(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) return []
  return value.filter(
    (one): one is Record<string, unknown> => typeof one === 'object' && one !== null,
  )
}

/** What the chat formats have in common: whose turn it is, and what was said last. */
export function askedIn({
  model,
  stream,
  messages,
}: Record<string, unknown>): Omit<Asked, 'tools'> {
  const all = records(messages)
  return {
    model: String(model),
    stream: stream === true,
    turn: all.filter(({ role }) => role === 'assistant').length,
    text: textIn(all.at(-1)?.['content']),
  }
}

/** Why the answer ended, in the words of a format; null when it does not say. */
export const finishIn = (
  words: Readonly<Record<string, string>>,
  { finish }: Spoken,
): string | null => (finish === undefined ? null : (words[finish] ?? finish))

/** The texts in the content of a message. */
export function textIn(content: unknown): string {
  if (typeof content === 'string') return content
  return records(content)
    .map(({ text, content: inner, output }) => textIn(text ?? inner ?? output ?? ''))
    .join('')
}

/** A count as it is reported, in numbers or in what a script says in their place. */
export const countOf =
  ({ countsAs }: Spoken) =>
  (tokens: number | undefined): unknown =>
    countsAs ?? tokens ?? 0

/** The input of a call in three pieces, cut without regard to what stands there. */
export function inputPieces(input: string): string[] {
  const size = Math.max(1, Math.ceil(input.length / 3))
  return input === ''
    ? ['']
    : (input.match(new RegExp(`[^]{1,${Math.min(size, 60_000)}}`, 'g')) ?? [])
}
