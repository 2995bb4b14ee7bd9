/**
 * The oldest Node that package.json allows, which has the oldest SQLite driver: the stores' conformance,
 * the ledger and agents on the sources, then the examples and the demos on the emitted package.
 *
 *   node test/oldest-node/main.ts
 *
 * That Node is installed beside the project's own, so whoever only uses the project does without it.
 */
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')
const place = join(root, 'node_modules', '.cache', 'oldest-node')
const node = join(place, 'node_modules', 'node', 'bin', 'node')

const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly engines: { readonly node: string }
}
const [, version] = /^>=(\d+\.\d+)$/.exec(engines.node) ?? []
if (version === undefined) throw new Error(`engines.node is ${engines.node}: this expects ">=x.y".`)

if (!existsSync(join(root, 'dist', 'index.js'))) throw new Error('Run "npm run build" first.')

install()
refuseNewer()
const failed: string[] = []
check('conformance, ledger, agents', node, [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--config',
  'test/oldest-node/vitest.config.ts',
])
compileExamples()
for (const example of globSync('examples/*/main.ts', { cwd: root }).toSorted()) {
  check(example, node, [join(place, example.replace(/\.ts$/, '.js'))])
}
for (const demo of [['crash'], ['agent', '--model', 'scripted']]) {
  check(`demo ${demo.join(' ')}`, node, ['dist/cli/bin.js', 'demo', ...demo, '--time', '1s'])
}
console.log(failed.length === 0 ? 'All passed.' : `Failed: ${failed.join('; ')}`)
if (failed.length > 0) process.exitCode = 1

function install(): void {
  const isThere = existsSync(node) && versionOf(node) === `v${version}.0`
  if (isThere) return
  rmSync(place, { recursive: true, force: true })
  mkdirSync(place, { recursive: true })
  // Its own install script fetches the binary; npm asks for each to be allowed by name.
  const own = { private: true, type: 'module', allowScripts: { node: true } }
  writeFileSync(join(place, 'package.json'), JSON.stringify(own))
  const flags = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund']
  const args = ['install', ...flags, `node@${version}.0`]
  const { status } = spawnSync('npm', args, { cwd: place, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error('The oldest Node could not be installed.')
  symlinkSync(root, join(place, 'node_modules', 'everloop'))
}

function versionOf(path: string): string {
  return spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim()
}

/** The canary: it is that Node, and it has what everloop works around. */
function refuseNewer(): void {
  const own = "new (require('node:sqlite').DatabaseSync)(':memory:').prepare('SELECT ?1').get(1)"
  const { stderr } = spawnSync(node, ['--no-warnings', '--eval', own], { encoding: 'utf8' })
  if (versionOf(node) === `v${version}.0` && stderr.includes('column index out of range')) return
  throw new Error(`${node} is not Node ${version}.0, or reads numbered parameters: ${stderr}`)
}

/** Node 24 runs them as they are; `await using` is compiled away for older ones. */
function compileExamples(): void {
  const sources = globSync('examples/*/*.ts', { cwd: root })
  const options = [
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--types',
    'node',
    '--skipLibCheck',
  ]
  const paths = ['--rewriteRelativeImportExtensions', '--rootDir', '.', '--outDir', place]
  const tsc = [
    'node_modules/typescript/bin/tsc',
    '--ignoreConfig',
    ...sources,
    ...options,
    ...paths,
  ]
  check('compiling the examples', process.execPath, tsc)
}

function check(what: string, program: string, args: readonly string[]): void {
  console.log(`> ${what}`)
  const PATH = `${dirname(program)}:${process.env['PATH'] ?? ''}`
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH, NODE_NO_WARNINGS: '1' },
  })
  if (status === 0) return
  failed.push(basename(what) === what ? what : dirname(what))
  console.log(`${stdout}${stderr}\n${what} ended with ${status ?? 'a signal'}.`)
}
