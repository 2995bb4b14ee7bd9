/**
 * The layers and their arrows, checked file by file without the linter. The table stands here a
 * second time on purpose: a slip in the linter's patterns then shows as a disagreement.
 */
import { resolveImport, type SourceFile } from './source.ts'

interface Layer {
  readonly name: string
  /** Which files belong to the layer. The first layer that matches has the file. */
  readonly files: RegExp
  /** The files it may import. */
  readonly targets: readonly RegExp[]
  /** The packages and modules of Node it may import. */
  readonly packages: readonly RegExp[]
}

const base = /^src\/base\//
const ledger = /^src\/ledger\//
const storeInterface = /^src\/store\/store\.ts$/
/** What all implementations share: the files beside them, not below. */
const storeShared = /^src\/store\/(?!memory\.ts)[^/]+\.ts$/
const scripted = /^src\/scripted\//
const nodeExceptPorts = /^node:(?!timers|perf_hooks|process$|test)/

const layers: readonly Layer[] = [
  {
    name: 'system',
    files: /^src\/base\/system\.ts$/,
    targets: [base],
    packages: [/^node:(?:crypto|fs)$/],
  },
  {
    name: 'following',
    files: /^src\/base\/following\.ts$/,
    targets: [base],
    packages: [/^node:events$/],
  },
  { name: 'base', files: base, targets: [base], packages: [] },
  { name: 'ledger', files: ledger, targets: [base, ledger], packages: [/^node:crypto$/] },
  {
    name: 'store implementation',
    files: /^src\/store\/(?:[^/]+\/|memory\.ts)/,
    targets: [base, ledger, storeShared],
    packages: [nodeExceptPorts],
  },
  {
    name: 'store',
    files: /^src\/store\//,
    targets: [base, ledger, storeShared],
    packages: [nodeExceptPorts],
  },
  {
    name: 'run',
    files: /^src\/run\//,
    targets: [base, ledger, storeInterface, /^src\/run\//],
    packages: [
      /^node:async_hooks$/,
      /^node:crypto$/,
      /^node:zlib$/,
      /^@standard-schema\/spec$/,
      /^@cfworker\/json-schema$/,
    ],
  },
  {
    name: 'agent',
    files: /^src\/agent\//,
    targets: [base, ledger, /^src\/run\//, /^src\/agent\//],
    // Providers are loaded when a model string names one; only their types are known before.
    packages: [
      /^node:crypto$/,
      /^@standard-schema\/spec$/,
      /^@ai-sdk\/[a-z-]+$/,
      /^@cfworker\/json-schema$/,
      /^re2js$/,
      /^node:module$/,
    ],
  },
  {
    name: 'scripted',
    files: scripted,
    targets: [base, scripted],
    packages: [/^node:(http|net)$/, /^@ai-sdk\/provider$/],
  },
  {
    name: 'testing',
    files: /^src\/testing\//,
    targets: [
      base,
      ledger,
      storeInterface,
      /^src\/index\.ts$/,
      // A runtime on virtual time is put together here, as src/open.ts does it on real time.
      /^src\/run\/index\.ts$/,
      /^src\/agent\/environment\.ts$/,
      /^src\/store\/memory\.ts$/,
      scripted,
      /^src\/testing\//,
    ],
    packages: [/^node:(?!test)/],
  },
  {
    name: 'cli',
    files: /^src\/cli\//,
    targets: [/^src\/(?!testing\/)/],
    packages: [/^(?!everloop(\/|$)|vitest$|node:test$)/],
  },
  {
    name: 'composition',
    files: /^src\/[^/]+\.ts$/,
    targets: [/^src\/(?!cli\/|testing\/|scripted\/)/],
    packages: [],
  },
]

/** The folder of a store implementation: they do not know each other. */
const implementation = (path: string): string | undefined => /^src\/store\/[^/]+\//.exec(path)?.[0]

function allows(layer: Layer, from: string, specifier: string): boolean {
  const target = resolveImport(from, specifier)
  if (target === undefined) return layer.packages.some((pattern) => pattern.test(specifier))
  const own = implementation(from)
  if (own !== undefined && own === implementation(target)) return true
  return layer.targets.some((pattern) => pattern.test(target))
}

/** One sentence for each arrow that points upward or out of the table. */
export function checkLayers(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, imports }) => {
    const layer = layers.find(({ files: pattern }) => pattern.test(path))
    if (layer === undefined) return [`${path} belongs to no layer.`]
    return imports.flatMap(({ specifier, line }) => {
      // The one place that loads a user's code, which may lie anywhere.
      if (specifier === undefined && path === 'src/cli/flow-file.ts') return []
      if (specifier === undefined) return [`${path}:${line} imports a computed path.`]
      if (/(^\.\/|[^.]\/)\.\.\//.test(specifier))
        return [`${path}:${line} takes a detour in ${specifier}.`]
      if (specifier.startsWith('.') && !specifier.endsWith('.ts'))
        return [`${path}:${line} imports ${specifier}, which is not a .ts file.`]
      if (allows(layer, path, specifier)) return []
      return [`${path}:${line} imports ${specifier}: ${layer.name} may not.`]
    })
  })
}
