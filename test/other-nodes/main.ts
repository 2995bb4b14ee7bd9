/**
 * The Nodes that are not the project's own: the oldest that package.json allows, which has the oldest SQLite
 * driver, and the newest, which is the strictest. The stores' conformance, agents, and the ledger or runs on
 * the sources, then the examples and the demos on the emitted package.
 *
 *   node test/other-nodes/main.ts
 *
 * They are installed beside the project's own, so whoever only uses the project does without them.
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
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')
if (!existsSync(join(root, 'dist', 'index.js'))) throw new Error('Run "npm run build" first.')

interface OtherNode {
  readonly version: string
  /** Tests, by how their paths begin. The oldest cannot read sources as they are, which some tests start as processes. */
  readonly tests: readonly string[]
  /** The canary: what this Node does with SQLite and no other one does, and how that shows. */
  readonly trait: { readonly code: string; readonly says: string }
}

const oldest: OtherNode = {
  version: `${minimum()}.0`,
  tests: ['conformance/', 'ledger/', 'agent/', 'run/letting-go.'],
  trait: { code: "db.prepare('SELECT ?1').get(1)", says: 'column index out of range' },
}
const newest: OtherNode = {
  version: '26.10.0',
  tests: ['conformance/', 'agent/', 'run/'],
  trait: {
    code: "db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY)'); db.prepare('INSERT INTO t VALUES (4611686018427387904)').run()",
    says: 'ERR_OUT_OF_RANGE',
  },
}

const failed: string[] = []
for (const one of [oldest, newest]) tryOn(one)
console.log(failed.length === 0 ? 'All passed.' : `Failed: ${failed.join('; ')}`)
if (failed.length > 0) process.exitCode = 1

/** The version that package.json asks for. */
function minimum(): string {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly engines: { readonly node: string }
  }
  const [, version] = /^>=(\d+\.\d+)$/.exec(engines.node) ?? []
  if (version !== undefined) return version
  throw new Error(`engines.node is ${engines.node}: this expects ">=x.y".`)
}

function tryOn({ version, tests, trait }: OtherNode): void {
  const place = join(root, 'node_modules', '.cache', `node-${version}`)
  const node = join(place, 'node_modules', 'node', 'bin', 'node')
  install(version, place, node)
  checkTrait(version, node, trait)
  const on = (what: string): string => `Node ${version}: ${what}`
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config']
  const folders = tests.map((name) => `test/${name}`)
  check(on(tests.join(', ')), node, [...vitest, 'test/other-nodes/vitest.config.ts', ...folders])
  compileExamples(place)
  for (const example of globSync('examples/*/main.ts', { cwd: root }).toSorted()) {
    check(on(example), node, [join(place, example.replace(/\.ts$/, '.js'))])
  }
  for (const demo of [['crash'], ['agent', '--model', 'scripted']]) {
    check(on(`demo ${demo.join(' ')}`), node, ['dist/cli/bin.js', 'demo', ...demo, '--time', '1s'])
  }
}

function install(version: string, place: string, node: string): void {
  if (existsSync(node) && versionOf(node) === `v${version}`) return
  rmSync(place, { recursive: true, force: true })
  mkdirSync(place, { recursive: true })
  // Its own install script fetches the binary; npm asks for each to be allowed by name.
  const own = { private: true, type: 'module', allowScripts: { node: true } }
  writeFileSync(join(place, 'package.json'), JSON.stringify(own))
  const flags = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund']
  const args = ['install', ...flags, `node@${version}`]
  const { status } = spawnSync('npm', args, { cwd: place, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error(`Node ${version} could not be installed.`)
  symlinkSync(root, join(place, 'node_modules', 'everloop'))
}

function versionOf(path: string): string {
  return spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim()
}

/** It is that Node, and it has what everloop works around. */
function checkTrait(version: string, node: string, { code, says }: OtherNode['trait']): void {
  const own = `const db = new (require('node:sqlite').DatabaseSync)(':memory:'); ${code}`
  const { stderr } = spawnSync(node, ['--no-warnings', '--eval', own], { encoding: 'utf8' })
  if (versionOf(node) === `v${version}` && stderr.includes(says)) return
  throw new Error(`${node} is not Node ${version}, or does not say "${says}": ${stderr}`)
}

/** Node 24 runs them as they are; `await using` is compiled away for older ones. */
function compileExamples(place: string): void {
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
  failed.push(what)
  console.log(`${stdout}${stderr}\n${what} ended with ${status ?? 'a signal'}.`)
}
