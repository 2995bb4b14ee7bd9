/** Each tool of `npm run check` refuses a bad file with this project's own configuration. */
import { describe, expect, test } from 'vitest'
import { Fixture } from './fixture.ts'

const good = {
  'src/index.ts': '/** Good. */\nexport const two: number = 2\n',
  'src/testing/index.ts': '/** Good. */\nexport const three: number = 3\n',
  'src/cli/bin.ts': '/** Good. */\nawait Promise.resolve()\nexport const four: number = 4\n',
}

describe('oxlint', () => {
  test('accepts good files', () => {
    using fixture = new Fixture(good)
    const { status, output } = fixture.lint()
    expect(status, output).toBe(0)
  })

  test.each([
    ['a floating promise', 'no-floating-promises', 'Promise.reject(new Error("lost"))'],
    [
      'a promise where none is awaited',
      'no-misused-promises',
      'for (const timer of [1]) if (Promise.resolve(timer)) throw new Error("always")',
    ],
    ['any', 'no-explicit-any', 'export const a: any = 1'],
    [
      'a type imported as a value',
      'consistent-type-imports',
      `import { A } from './a.ts'\nexport type C = A`,
    ],
    [
      'a type-only import cycle',
      'no-cycle',
      `import type { A } from './a.ts'\nexport type Bad = A | 1`,
    ],
    [
      'a suppression of nothing',
      'Unused',
      `// oxlint-disable-next-line no-debugger\nexport const a = 1`,
    ],
    ['a file without meaning', 'no-unused-vars', 'const a = 1'],
  ])('refuses %s', (_, rule, code) => {
    using fixture = new Fixture({
      ...good,
      'src/base/a.ts': `import type { Bad } from './bad.ts'\nexport type A = Bad | 2\n`,
      'src/base/bad.ts': code.includes('type Bad') ? code : `${code}\nexport type Bad = 1\n`,
    })
    const { status, output } = fixture.lint()
    expect(output).toContain(rule)
    expect(status).toBe(1)
  })
})

describe('tsc', () => {
  test('accepts good files', () => {
    using fixture = new Fixture(good)
    const { status, output } = fixture.run('tsc', '-p', 'tsconfig.json')
    expect(status, output).toBe(0)
  })

  test.each([
    ['an index that may miss', 'export const a = (b: number[]): number => b[0]', 'TS2322'],
    [
      'an optional field set to undefined',
      'export const a: { b?: 1 } = { b: undefined }',
      'TS2375',
    ],
    ['an enum', 'export enum A { B }', 'TS1294'],
    ['an unused local', 'export const a = (): void => { const b = 1 }', 'TS6133'],
  ])('refuses %s', (_, code, error) => {
    using fixture = new Fixture({ ...good, 'src/base/bad.ts': code })
    const { status, output } = fixture.run('tsc', '-p', 'tsconfig.json')
    expect(output).toContain(error)
    expect(status).not.toBe(0)
  })

  test('refuses an exported value without a written type in the build', () => {
    using fixture = new Fixture({ ...good, 'src/base/bad.ts': 'export const a = Math.max(1)' })
    const { status, output } = fixture.run('tsc', '-p', 'tsconfig.build.json', '--noEmit')
    expect(output).toContain('TS9010')
    expect(status).not.toBe(0)
  })
})

describe('oxfmt', () => {
  test('refuses a semicolon and accepts good files', () => {
    using fixture = new Fixture({ ...good, 'src/base/bad.ts': 'export const a: number = 1;\n' })
    const { status, output } = fixture.run('oxfmt', '--check', 'src')
    expect(output).toContain('src/base/bad.ts')
    expect(output).not.toContain('src/index.ts')
    expect(status).not.toBe(0)
  })
})

describe('knip', () => {
  test('refuses a file and an export that nobody uses', () => {
    using fixture = new Fixture({
      ...good,
      'src/index.ts': `export { a } from './base/used.ts'\n`,
      'src/base/used.ts': 'export const a: number = 1\nexport const unusedExport: number = 2\n',
      'src/base/unused-file.ts': 'export const c: number = 3\n',
    })
    const { status, output } = fixture.run('knip', '-t', 'tsconfig.build.json')
    expect(output).toContain('unusedExport')
    expect(output).toContain('src/base/unused-file.ts')
    expect(output).not.toContain('src/cli/bin.ts')
    expect(status).toBe(1)
  })
})
