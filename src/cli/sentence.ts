/** Texts out of a run as parts of what is told in a sentence. */
import { cleanLine } from './clean.ts'

/** As a sentence of its own, cut to a length. */
export const sentenceOf = (text: string): string => ended(excerpt(text, 400))

/** With a full stop, where none of its own ends it. */
export const ended = (text: string): string => (/[.!?…]["”]?$/.test(text) ? text : `${text}.`)

/** In quotes that it does not hold itself. */
export const quoted = (text: string): string => (text.includes('"') ? `“${text}”` : `"${text}"`)

/** One line of it, cut between words. */
export function excerpt(text: string, unitsMax: number): string {
  const line = cleanLine(text, unitsMax)
  if (!line.endsWith('…') || line.length < unitsMax) return line
  const space = line.lastIndexOf(' ')
  return space > unitsMax / 2 ? `${line.slice(0, space)} …` : line
}
