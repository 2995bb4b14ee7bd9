/**
 * The package in the builds of others: a service is bundled into one file with everloop in it, once as ESM and once
 * as CommonJS, and executed where nothing else is: there is no node_modules, and no file of the package.
 *
 *   node test/package/main.ts
 */
import assert from 'node:assert/strict'
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const root = join(import.meta.dirname, '..', '..')
if (!existsSync(join(root, 'dist', 'index.js'))) throw new Error('Run "npm run build" first.')

const folder = mkdtempSync(join(tmpdir(), 'everloop-bundled-'))
try {
  const bundle = await rolldown({
    input: join(import.meta.dirname, 'bundled-child.ts'),
    platform: 'node',
    tsconfig: false, // its paths lead to the sources
    external: '@ai-sdk/anthropic', // what a bundler makes of a package that is not installed
  })
  for (const [format, file] of [
    ['esm', 'service.mjs'],
    ['cjs', 'service.cjs'],
  ] as const) {
    await bundle.write({ format, file: join(folder, file), codeSplitting: false })
    const [count, sum, forbidden, unknown] = serve(file) as [unknown, unknown, Failed, Failed]
    assert.deepEqual([count, sum], [40, 'three'], file)
    assert.equal(forbidden.error.code, 'GUARD_DENIED', file)
    assert.match(unknown.error.message, /Run: npm install @ai-sdk\/anthropic/, file)
    // Two everloops in one process: that of the command line executes agents of the bundle's.
    assert.match(run(`${file}#many`).stdout, /^40$/m, file)
    assert.match(run(`${file}#adder`, '{"prompt":"forbidden"}').stderr, /GUARD_DENIED/, file)
  }
  const part = join(folder, 'part.js')
  writeFileSync(
    part,
    `export { EverloopError } from ${JSON.stringify(join(root, 'dist/index.js'))}`,
  )
  const { output } = await (await rolldown({ input: part, platform: 'node' })).generate()
  assert.ok(output.length === 1 && output[0].code.length < 10_000, 'More is bundled than is used.')
  console.log('Bundled services run.')
} finally {
  rmSync(folder, { recursive: true })
}

interface Failed {
  readonly error: { readonly code?: string; readonly message: string }
}

function serve(file: string): unknown {
  const { status, stdout, stderr } = node([join(folder, file)], {
    LEDGER: `sqlite:${join(folder, file)}.db`,
  })
  assert.equal(status, 0, `${file}: ${stderr}`)
  return JSON.parse(stdout)
}

function run(flow: string, input = '{}'): SpawnSyncReturns<string> {
  const bin = join(root, 'dist', 'cli', 'bin.js')
  return node([bin, 'run', join(folder, flow), '--input', input])
}

function node(args: readonly string[], env: NodeJS.ProcessEnv = {}): SpawnSyncReturns<string> {
  const options = { cwd: folder, encoding: 'utf8', env: { ...process.env, ...env } } as const
  return spawnSync(process.execPath, args, options)
}
