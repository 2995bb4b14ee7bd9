/** Values of a run as JSON for people. Programs are given `plain` values. */
import { clean, cleanLine } from './clean.ts'
import { plain } from './output.ts'

/** On as many lines as it takes. */
export const jsonText = (value: unknown): string =>
  clean(JSON.stringify(plain(value), undefined, 2))

/** On one line, cut to a length. */
export const jsonLine = (value: unknown, unitsMax: number): string =>
  cleanLine(JSON.stringify(plain(value)), unitsMax)
