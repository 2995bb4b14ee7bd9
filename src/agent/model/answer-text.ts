/** The text of an answer, for those who have its parts only. */
import type { AnswerPart } from './answer.ts'

/** All text parts in a row. */
export const answerText = (parts: readonly AnswerPart[]): string =>
  parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
