/** The public face is what api/ says, and the canaries of that comparison. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { snapshot } from './api-snapshot.ts'
import { withDeclarations } from './build-declarations.ts'
import { checkEntryPoints, entryPoints, packageExports, snapshotName } from './entry-points.ts'
import { parse, readSources, root } from './source.ts'

describe('the package', () => {
  test('exports the index files of src, each with a snapshot in api', () => {
    const sources = readSources('src').map(({ path }) => path)
    const snapshots = readdirSync(join(root, 'api'))
    expect(checkEntryPoints(packageExports(), sources, snapshots)).toEqual([])
  })

  test('declares what the snapshots in api say (npm run api writes them)', () => {
    withDeclarations((read) => {
      for (const [subpath, entry] of entryPoints(packageExports())) {
        const written = readFileSync(join(root, 'api', snapshotName(subpath)), 'utf8')
        expect(snapshot(entry, read), `everloop${subpath.slice(1)}`).toBe(written)
      }
    })
  })
})

describe('the comparison', () => {
  const exports = { '.': './dist/index.js', './testing': './dist/testing/index.js' }

  test('finds an export without a source, an index that is not exported and stray snapshots', () => {
    const sources = ['src/index.ts', 'src/run/index.ts', 'src/run/loop/index.ts']
    expect(checkEntryPoints(exports, sources, ['index.d.ts', 'old.d.ts'])).toEqual([
      'src/testing/index.ts is exported but missing.',
      'src/run/loop/index.ts is an index, not exported.',
      'api/testing.d.ts is missing: npm run api.',
      'api/old.d.ts is of no entry point.',
    ])
  })
})

describe('a snapshot', () => {
  const of = (files: Record<string, string>): string =>
    snapshot('index.d.ts', (path) => parse(path, files[path] ?? ''))

  const before = {
    'index.d.ts': `export { open, type Options as OpenOptions } from './open.ts'`,
    'open.d.ts': `import type { Lease } from './lease.ts'
export interface Options { readonly lease: Lease }
export declare function open(options: Options): void
export declare function open(path: string): void
export declare function hidden(): void`,
    'lease.d.ts': 'export interface Lease { readonly ms: number }',
  }

  test('holds what is exported and what that mentions, and nothing else', () => {
    expect(of(before)).toContain('export function open(options: Options): void\nfunction open(')
    expect(of(before)).toContain('// as OpenOptions:\nexport interface Options')
    expect(of(before)).toContain('\ninterface Lease { readonly ms: number }')
    expect(of(before)).not.toContain('hidden')
  })

  test('differs when a type changes that is only mentioned', () => {
    const after = { ...before, 'lease.d.ts': 'export interface Lease { readonly s: number }' }
    expect(of(after)).not.toBe(of(before))
  })

  test('names the package of what is passed on', () => {
    const files = { 'index.d.ts': `export type { StandardSchemaV1 } from '@standard-schema/spec'` }
    expect(of(files)).toContain(`export { StandardSchemaV1 } from '@standard-schema/spec'`)
  })

  test.each([`export * from './open.ts'`, 'declare const a: 1; export default a'])(
    'refuses %s',
    (code) => {
      expect(() => of({ ...before, 'index.d.ts': code })).toThrow('index.d.ts')
    },
  )
})
