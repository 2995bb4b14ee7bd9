/** What is public: the exports of package.json, the index files behind them and their snapshots. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './source.ts'

/** The exports of package.json by subpath, each of them one file. */
export function packageExports(): Record<string, string> {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const exports: unknown =
    typeof manifest === 'object' && manifest !== null && 'exports' in manifest
      ? manifest.exports
      : undefined
  if (typeof exports !== 'object' || exports === null)
    throw new Error('package.json exports nothing.')
  return Object.fromEntries(
    Object.entries(exports).map(([subpath, file]: [string, unknown]) => {
      if (typeof file !== 'string') throw new Error(`The export ${subpath} is not one file.`)
      return [subpath, file]
    }),
  )
}

/** Public subpaths and their declaration files below the output folder. */
export function entryPoints(exports: Record<string, string>): Map<string, string> {
  return new Map(
    Object.entries(exports)
      .filter(([subpath]) => subpath !== './package.json')
      .map(([subpath, file]) => [subpath, file.replace('./dist/', '').replace(/\.js$/, '.d.ts')]),
  )
}

/** The file in api/ for a public subpath. */
export function snapshotName(subpath: string): string {
  return subpath === '.' ? 'index.d.ts' : `${subpath.slice(2).replaceAll('/', '-')}.d.ts`
}

/** Index files that are the face of a layer towards the layers above, not of the package. */
const internal = new Set(['src/ledger/index.ts', 'src/run/index.ts'])

/** What package.json exports, which index.ts files exist and which snapshots exist must agree. */
export function checkEntryPoints(
  exports: Record<string, string>,
  sources: readonly string[],
  snapshots: readonly string[],
): string[] {
  const entries = entryPoints(exports)
  const expected = [...entries.values()].map((file) => `src/${file.replace(/\.d\.ts$/, '.ts')}`)
  const indexes = sources.filter((path) => path.endsWith('/index.ts') && !internal.has(path))
  const names = [...entries.keys()].map(snapshotName)
  return [
    ...expected.filter((f) => !sources.includes(f)).map((f) => `${f} is exported but missing.`),
    ...indexes.filter((f) => !expected.includes(f)).map((f) => `${f} is an index, not exported.`),
    ...names.filter((n) => !snapshots.includes(n)).map((n) => `api/${n} is missing: npm run api.`),
    ...snapshots.filter((n) => !names.includes(n)).map((n) => `api/${n} is of no entry point.`),
  ]
}
