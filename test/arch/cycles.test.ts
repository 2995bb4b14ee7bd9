/** Import cycles of the sources, and the canary of the search. */
import { expect, test } from 'vitest'
import { checkCycles } from './cycles.ts'
import { parse, readSources } from './source.ts'

test('no files of src need each other', () => {
  expect(checkCycles(readSources('src'))).toEqual([])
})

test('a cycle of three files is found, though one import is a type', () => {
  const files = [
    parse('src/base/a.ts', `import './b.ts'`),
    parse('src/base/b.ts', `import type { C } from './deep/c.ts'\nexport type B = C`),
    parse('src/base/deep/c.ts', `export const a = import('../a.ts')`),
  ]
  expect(checkCycles(files)).toEqual([
    'src/base/a.ts -> src/base/b.ts -> src/base/deep/c.ts -> src/base/a.ts',
  ])
})

test('two ways to one file are no cycle', () => {
  const files = [
    parse('src/base/a.ts', `import './b.ts'\nimport './c.ts'`),
    parse('src/base/b.ts', `import './c.ts'`),
    parse('src/base/c.ts', ''),
  ]
  expect(checkCycles(files)).toEqual([])
})
