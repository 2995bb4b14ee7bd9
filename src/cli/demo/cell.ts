/** Text of files in a table of Markdown. */
import { clean } from '../clean.ts'

/** The text in one cell, whatever stands in it. */
export const cell = (text: string): string => clean(text).replaceAll(/[|\n]/g, ' ')
