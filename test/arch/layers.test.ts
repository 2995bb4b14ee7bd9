/** The layers of the sources, and the canaries of the scanner and of the linter that keep them. */
import { describe, expect, test } from 'vitest'
import { allowed, arrowTargets, forbidden } from './arrows.ts'
import { Fixture } from './fixture.ts'
import { checkLayers } from './layers.ts'
import { parse, readSources } from './source.ts'

const numbered = (arrows: typeof allowed): { path: string; code: string }[] =>
  arrows.map(({ from, code }, index) => ({ path: from.replace('/x.ts', `/x${index}.ts`), code }))

describe('the sources', () => {
  test('were found', () => {
    expect(readSources('src').length).toBeGreaterThan(5)
  })

  test('import downward only', () => {
    expect(checkLayers(readSources('src'))).toEqual([])
  })
})

describe('the scanner', () => {
  test.each(forbidden)('refuses in $from: $code', ({ from, code }) => {
    expect(checkLayers([parse(from, code)])).toHaveLength(1)
  })

  test.each(allowed)('accepts in $from: $code', ({ from, code }) => {
    expect(checkLayers([parse(from, code)])).toEqual([])
  })

  test.each([
    ['src/base/x.ts', 'export const b = (name: string) => import(`./${name}.ts`)'],
    ['src/base/x.ts', `export { a } from './target.js'`],
    ['src/base/x.ts', `export const b = require('node:fs')`],
    ['src/elsewhere/x.ts', `export const b = 1`],
  ])('refuses what the linter cannot see in %s: %s', (from, code) => {
    expect(checkLayers([parse(from, code)])).toHaveLength(1)
  })
})

describe('the linter', () => {
  const lint = (arrows: typeof allowed): { status: number | null; refused: string[] } => {
    const files = numbered(arrows)
    using fixture = new Fixture({
      ...arrowTargets,
      ...Object.fromEntries(files.map(({ path, code }) => [path, `${code}\n`])),
    })
    const { status, output } = fixture.lint('--format', 'unix', '--quiet')
    const refused = output
      .split('\n')
      .filter((line) => /no-restricted-imports|consistent-type-imports/.test(line))
      .map((line) => line.split(':')[0] ?? '')
    return { status, refused: [...new Set(refused)].toSorted() }
  }

  test('refuses every forbidden import', () => {
    const { status, refused } = lint(forbidden)
    expect(refused).toEqual(
      numbered(forbidden)
        .map(({ path }) => path)
        .toSorted(),
    )
    expect(status).toBe(1)
  })

  test('accepts every allowed import', () => {
    expect(lint(allowed).refused).toEqual([])
  })
})
