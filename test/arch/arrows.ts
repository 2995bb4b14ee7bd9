/**
 * Imports that must pass and imports that must not, asked of the linter and of the scanner alike: the
 * canary of both, and the proof that they mean the same layers.
 */

interface Arrow {
  readonly from: string
  readonly code: string
}

/** The files that the imports below lead to. */
export const arrowTargets: Record<string, string> = Object.fromEntries(
  [
    'src/index.ts',
    'src/open.ts',
    'src/base/target.ts',
    'src/ledger/target.ts',
    'src/store/store.ts',
    'src/store/memory.ts',
    'src/store/shared.ts',
    'src/store/sqlite/target.ts',
    'src/store/postgres/target.ts',
    'src/run/target.ts',
    'src/run/loop/target.ts',
    'src/agent/target.ts',
    'src/agent/model/target.ts',
    'src/scripted/target.ts',
    'src/testing/index.ts',
    'src/cli/main.ts',
  ].map((path) => [path, 'export const a: number = 1\nexport type A = number\n']),
)

const one = (from: string, ...specifiers: readonly string[]): Arrow[] =>
  specifiers.map((specifier) => ({ from, code: `export { a } from '${specifier}'` }))

export const allowed: readonly Arrow[] = [
  ...one('src/base/x.ts', './target.ts'),
  { from: 'src/base/system.ts', code: `export { randomBytes } from 'node:crypto'` },
  { from: 'src/base/system.ts', code: `export { readFileSync } from 'node:fs'` },
  { from: 'src/base/following.ts', code: `export { getEventListeners } from 'node:events'` },
  ...one('src/ledger/x.ts', './target.ts', '../base/target.ts'),
  { from: 'src/ledger/x.ts', code: `export { createHash } from 'node:crypto'` },
  ...one('src/store/x.ts', '../base/target.ts', '../ledger/target.ts', './shared.ts', 'node:fs'),
  ...one('src/store/sqlite/x.ts', './target.ts', '../store.ts', '../shared.ts'),
  ...one('src/store/sqlite/x.ts', '../../ledger/target.ts', 'node:fs/promises'),
  ...one('src/run/x.ts', '../base/target.ts', '../ledger/target.ts', '../store/store.ts'),
  ...one('src/run/x.ts', './loop/target.ts', 'node:async_hooks', 'node:zlib'),
  ...one('src/run/x.ts', '@cfworker/json-schema'),
  ...one('src/run/loop/x.ts', '../target.ts', '../../base/target.ts', '../../store/store.ts'),
  ...one(
    'src/testing/x.ts',
    '../index.ts',
    '../ledger/target.ts',
    '../store/store.ts',
    '../store/memory.ts',
  ),
  ...one('src/agent/x.ts', '../run/target.ts', '../ledger/target.ts', './model/target.ts'),
  ...one('src/agent/model/x.ts', '../target.ts', '../../base/target.ts', '@ai-sdk/provider'),
  ...one('src/scripted/x.ts', '../base/target.ts', './target.ts', 'node:http', '@ai-sdk/provider'),
  ...one('src/testing/x.ts', 'node:assert/strict', '../scripted/target.ts'),
  ...one('src/cli/x.ts', '../run/target.ts', '../store/sqlite/target.ts', '../index.ts'),
  ...one('src/cli/x.ts', '../agent/target.ts', '../scripted/target.ts'),
  ...one('src/cli/x.ts', './main.ts', 'commander', 'node:fs/promises'),
  ...one('src/cli/commands/x.ts', '../main.ts', '../../run/target.ts'),
  ...one('src/x.ts', './open.ts', './run/target.ts', './store/sqlite/target.ts'),
  ...one('src/x.ts', './agent/target.ts'),
]

export const forbidden: readonly Arrow[] = [
  ...one('src/base/x.ts', '../ledger/target.ts', '../index.ts', 'node:fs', 'node:crypto', 'zod'),
  ...one('src/base/x.ts', 'node:events'),
  { from: 'src/base/x.ts', code: `import '../ledger/target.ts'` },
  { from: 'src/base/x.ts', code: `import type { A } from '../run/target.ts'\nexport type B = A` },
  { from: 'src/base/x.ts', code: `export type B = import('../run/target.ts').A` },
  { from: 'src/base/x.ts', code: `export const b = import('../run/target.ts')` },
  { from: 'src/base/x.ts', code: `export * from '../run/target.ts'` },
  ...one('src/ledger/x.ts', '../store/store.ts', '../run/target.ts', 'node:fs'),
  ...one('src/store/x.ts', './sqlite/target.ts', './memory.ts', '../run/target.ts', 'pg'),
  ...one('src/store/x.ts', 'node:timers', 'node:timers/promises', '../cli/main.ts'),
  ...one('src/store/sqlite/x.ts', '../memory.ts', '../postgres/target.ts', '../../run/target.ts'),
  ...one('src/store/sqlite/x.ts', 'node:timers/promises', 'node:perf_hooks', '../../index.ts'),
  ...one('src/run/x.ts', '../store/memory.ts', '../store/sqlite/target.ts', '../index.ts'),
  ...one('src/run/x.ts', '../cli/main.ts', 'node:fs', 'everloop', './../base/target.ts', 'zod'),
  ...one('src/run/loop/x.ts', '../../store/memory.ts', '../../open.ts', '../../testing/index.ts'),
  ...one('src/run/x.ts', '../agent/target.ts', '@ai-sdk/provider'),
  ...one('src/agent/x.ts', '../store/store.ts', '../index.ts', '../scripted/target.ts', 'node:fs'),
  ...one('src/agent/model/x.ts', '../../store/store.ts', '../../open.ts', 'ai', 'openai'),
  ...one('src/scripted/x.ts', '../agent/target.ts', '../run/target.ts', 'node:fs', 'ai'),
  ...one(
    'src/testing/x.ts',
    '../run/target.ts',
    '../store/sqlite/store.ts',
    '../open.ts',
    'vitest',
  ),
  ...one('src/testing/x.ts', 'node:test', '../cli/main.ts', '../agent/target.ts'),
  ...one('src/cli/x.ts', '../testing/index.ts', 'everloop', 'everloop/testing', 'vitest'),
  ...one('src/x.ts', './cli/main.ts', './testing/index.ts', 'node:fs'),
  ...one('src/x.ts', './scripted/target.ts'),
]
