/** Names, lengths, heads and suppressions of the files, and the canaries of these checks. */
import { describe, expect, test } from 'vitest'
import { parse, readSources } from './source.ts'
import {
  checkDocstrings,
  checkHeads,
  checkLengths,
  checkNames,
  checkNumbers,
  checkSuppressions,
} from './tidy.ts'

const sources = readSources('src')
const tests = readSources('test')

describe('the files', () => {
  test('have names that say what is inside', () => {
    expect(checkNames([...sources, ...tests])).toEqual([])
  })

  test('of src are short enough to be one idea', () => {
    expect(checkLengths(sources)).toEqual([])
  })

  test('of src begin with what they own and why', () => {
    expect(checkHeads(sources)).toEqual([])
  })

  test('of src give each invariant a number of its own', () => {
    expect(checkNumbers(sources)).toEqual([])
  })

  test('say of all that is public what it is', () => {
    const entryPoints = ['src/index.ts', 'src/testing/index.ts']
    const indexes = sources.filter(({ path }) => entryPoints.includes(path))
    expect(indexes).toHaveLength(2)
    expect(checkDocstrings(indexes, sources)).toEqual([])
  })

  test('that benchmarks load of src are where they say', () => {
    const [subject] = readSources('bench').filter(({ path }) => path === 'bench/subject.ts')
    const loaded = Array.from(
      subject?.text.matchAll(/'..\/modules\/(.*)\.js'/g) ?? [],
      ([, path]) => path,
    )
    expect(loaded).toContain('open')
    const paths = sources.map(({ path }) => path)
    expect(loaded.filter((path) => !paths.includes(`src/${path}.ts`))).toEqual([])
  })

  test('switch no check off without a reason', () => {
    expect(checkSuppressions([...sources, ...tests])).toEqual([])
  })
})

describe('the checks', () => {
  test.each([
    'src/run/utils.ts',
    'src/run/lease-manager.ts',
    'src/store/types.ts',
    'src/common/lease.ts',
    'src/run/runLoop.ts',
    'test/run/lease.helper.test.ts',
  ])('refuse the name %s', (path) => {
    expect(checkNames([parse(path, '')])).toHaveLength(1)
  })

  test('accept a name of two words and a type test', () => {
    const paths = ['src/run/run-handle.ts', 'test/types/flow.test-d.ts']
    expect(checkNames(paths.map((path) => parse(path, '')))).toEqual([])
  })

  test('refuse an export without a docstring', () => {
    const index = parse(
      'src/index.ts',
      "export { type A, b, c as d } from './a.ts'\nexport type { E } from './a.ts'",
    )
    const told = (name: string): string => `/** Told. */\nexport const ${name} = 1\n`
    const file = parse(
      'src/a.ts',
      `${told('b')}\nexport interface A {}\nexport const c = 1\nexport type E = 1`,
    )
    expect(checkDocstrings([index], [file])).toEqual([
      'A has no docstring.',
      'c has no docstring.',
      'E has no docstring.',
    ])
  })

  test('refuse line 501', () => {
    const lines = (count: number): string => 'export {}\n'.repeat(count)
    expect(checkLengths([parse('src/a.ts', lines(500))])).toEqual([])
    expect(checkLengths([parse('src/a.ts', lines(501))])).toHaveLength(1)
  })

  test('refuse a file that begins with code', () => {
    expect(checkHeads([parse('src/a.ts', `import './b.ts'\n/** Late. */`)])).toHaveLength(1)
    expect(checkHeads([parse('src/a.ts', '#!/usr/bin/env node\n/** Early. */')])).toEqual([])
  })

  test('refuse an invariant whose number another file has given', () => {
    const head = (number: string): string => `/**\n * A file.\n *\n * - ${number} A rule.\n */`
    const files = [parse('src/a.ts', head('P1')), parse('src/b.ts', head('P1'))]
    expect(checkNumbers(files)).toEqual(['src/b.ts: P1 is an invariant of src/a.ts already.'])
    expect(checkNumbers([parse('src/a.ts', head('P1')), parse('src/b.ts', head('P2'))])).toEqual([])
  })

  test('refuse a suppression without a reason', () => {
    const line = '// oxlint-disable-next-line no-console'
    expect(checkSuppressions([parse('src/a.ts', line)])).toHaveLength(1)
    expect(checkSuppressions([parse('src/a.ts', `${line} -- a demo prints.`)])).toEqual([])
  })
})
