/** Nothing goes past the ports, and the canaries of the scanner and of the linter that see to it. */
import { describe, expect, test } from 'vitest'
import { Fixture } from './fixture.ts'
import { bannedUses, harmlessUses, hiddenUses } from './port-uses.ts'
import { checkPorts } from './ports.ts'
import { parse, readSources } from './source.ts'

test('all below cli and testing takes time, chance and environment from the ports', () => {
  expect(checkPorts(readSources('src'))).toEqual([])
})

describe('the scanner', () => {
  test.each([...bannedUses, ...hiddenUses])('refuses %s', (code) => {
    expect(checkPorts([parse('src/run/x.ts', code)])).not.toEqual([])
  })

  test.each(harmlessUses)('accepts %s', (code) => {
    expect(checkPorts([parse('src/run/x.ts', code)])).toEqual([])
  })

  test('watches all layers below cli and testing, and nothing else', () => {
    const paths = ['base/x', 'ledger/x', 'store/sqlite/x', 'run/x', 'agent/model/x', 'scripted/x']
    const others = ['cli/x', 'testing/x', 'base/system']
    const files = [...paths, ...others].map((path) =>
      parse(`src/${path}.ts`, 'export const a = Date.now()'),
    )
    expect(checkPorts(files)).toHaveLength(paths.length)
  })
})

describe('the linter', () => {
  const refused = (codes: readonly string[]): string[] => {
    using fixture = new Fixture(
      Object.fromEntries(
        codes.map((code, index) => [`src/store/sqlite/x${index}.ts`, `${code}\n`]),
      ),
    )
    const { output } = fixture.lint('--format', 'unix', '--quiet')
    const lines = output.split('\n').filter((line) => line.includes('no-restricted-'))
    return [...new Set(lines.map((line) => /x(\d+)\.ts/.exec(line)?.[1] ?? line))].toSorted()
  }

  test('refuses what it can name', () => {
    expect(refused(bannedUses)).toEqual([...bannedUses.keys()].map(String).toSorted())
  })

  test('accepts harmless code', () => {
    expect(refused(harmlessUses)).toEqual([])
  })
})
