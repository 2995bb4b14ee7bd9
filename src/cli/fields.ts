/** What there is to say about one thing, for people: a name and a value on each line. */
import type { Output } from './output.ts'
import { table } from './table.ts'

/** Left out where it has no value. */
export type Field = readonly [name: string, value: string | undefined]

/** The fields as lines. */
export const fields = (out: Output, all: readonly Field[]): string[] =>
  table<Field>(
    [
      { title: '', of: ([name]) => name },
      { title: '', of: ([, value = '']) => value },
    ],
    all.filter(([, value]) => value !== undefined),
    (cell, column) => (column === 0 ? out.style('dim', cell) : cell),
  )
