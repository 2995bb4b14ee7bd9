/** What comments and documents cite is there, and the canaries of these checks. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { invariants } from '../../src/ledger/invariants/invariants.ts'
import {
  checkNumbersCited,
  checkPathsCited,
  type Citing,
  commentsOf,
  statedIn,
} from './citations.ts'
import { parse, readSources, root } from './source.ts'

const sources = readSources('src')
const stated = [...statedIn(sources), ...invariants.map(({ id }) => id)]
const architecture = read('ARCHITECTURE.md')

function read(path: string): Citing {
  return { path, text: readFileSync(join(root, path), 'utf8') }
}

describe('what is cited is there', () => {
  test('invariants, by number', () => {
    const documents = readdirSync(join(root, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => read(`docs/${name}`))
    const comments = [...sources, ...readSources('test')].map(commentsOf)
    const documented = [architecture, read('README.md'), read('STYLE.md'), ...documents]
    expect(checkNumbersCited(comments, stated, documented)).toEqual([])
  })

  test('files, by path', () => {
    expect(checkPathsCited([architecture], sources)).toEqual([])
  })
})

describe('the checks', () => {
  const none = ['Z', 9].join('') // apart, as this file is checked too
  const file = parse(
    'src/a.ts',
    `/**\n * - Z1 One.\n * - Z2 Two. */\nconst Z8 = 1 // as ${none} says`,
  )

  test('find the numbers that heads state, and look for them in comments alone', () => {
    expect(statedIn([file])).toEqual(['Z1', 'Z2'])
    expect(checkNumbersCited([commentsOf(file)], ['Z1', 'Z2'], [])).toEqual([
      `src/a.ts: ${none} is no invariant.`,
    ])
  })

  test('refuse a document that leaves out the last one', () => {
    const document = { path: 'a.md', text: 'Z1 to Z2, and V8.' }
    expect(checkNumbersCited([], ['Z1', 'Z2'], [document])).toEqual([])
    expect(checkNumbersCited([], ['Z1', 'Z2', 'Z3'], [document])).toEqual([
      'a.md: Z1 to Z2 are not all.',
    ])
  })

  test('refuse a path that leads nowhere', () => {
    const files = [{ path: 'src/run/a.ts' }]
    const text = '`run/a.ts`, `src/run/a.ts`, `a.ts`, `store/a.ts`, `b.ts`'
    expect(checkPathsCited([{ path: 'a.md', text }], files)).toEqual([
      'a.md: there is no file store/a.ts in src.',
      'a.md: there is no file b.ts in src.',
    ])
  })
})
