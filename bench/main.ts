/**
 * Runs the benchmarks against the limit, see bare.ts, and prints what came of it.
 *
 * npm run bench -- [--only NAME]... [--rounds N] [--node PATH]... [--dist FOLDER] [--json] [--write]
 *   [--profile FOLDER]
 * npm run bench -- --smoke
 *
 * --only     these cases instead of all
 * --rounds   how often each figure is taken (5)
 * --node     the Node that is measured instead of this one; several give a column each
 * --dist     a package that is built already, such as that of another commit
 * --json     prints JSON instead of tables
 * --write    puts the results into docs/benchmarks.md, in the places of those of the same cases
 * --profile  processor profiles of each case go there
 * --smoke    executes each case once with next to no load: whether it works, not how fast; no figure is shown or judged
 *
 * Each case is executed in a process of its own, one after another.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from './build.ts'
import type * as Cases from './cases.ts'
import { nodeOptions } from './child.ts'
import { type Figure, keeps } from './figure.ts'
import { smoke } from './load.ts'
import { lines, type Result, write } from './report.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '5' },
    node: { type: 'string', multiple: true, default: [process.execPath] },
    dist: { type: 'string' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    profile: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})

if (values.smoke) {
  if (values.write || values.json) throw new Error('Figures of next to no load say nothing.')
  smoke()
}
const rounds = values.smoke ? '1' : values.rounds
const folder = build(values.dist)
// A signal ends a process without its exit listeners, unless somebody listens to it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

const { cases } = (await import(pathToFileURL(join(folder, 'bench/cases.js')).href)) as typeof Cases
const unknown = values.only.filter((name) => !cases.some((each) => each.name === name))
if (unknown.length > 0) {
  const known = cases.map(({ name }) => name).join(', ')
  throw new Error(`There is no case ${unknown.join(', ')}. There are: ${known}.`)
}

const results: Result[] = []
for (const { name, says } of cases) {
  if (values.only.length > 0 && !values.only.includes(name)) continue
  for (const node of values.node) {
    const result = { node: versionOf(node), name, says, figures: execute(node, name) }
    results.push(result)
    if (values.smoke) console.log(smokeOf(result))
    else if (!values.json) console.log(`${lines(result)}\n`)
  }
}
if (values.json) console.log(JSON.stringify(results, undefined, 2))
if (values.write) {
  write(fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url)), results)
}
const missed = results.flatMap(({ figures }) => figures.filter((figure) => !keeps(figure)))
process.exitCode = missed.length > 0 && !values.smoke ? 1 : 0

/** Throws when a figure is none, as of a case that has measured nothing. */
function smokeOf({ name, figures }: Result): string {
  const none = figures.filter(({ spread }) => !Number.isFinite(spread.median))
  if (figures.length > 0 && none.length === 0) return `${name}: ${figures.length} figures`
  throw new Error(`${name} has no figure of: ${none.map(({ what }) => what).join(', ')}.`)
}

function versionOf(node: string): string {
  return execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim()
}

function execute(node: string, name: string): readonly Figure[] {
  const { profile } = values
  const options = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  const script = join(folder, 'bench/run-case.js')
  const told = execFileSync(node, [...nodeOptions, ...options, script, name, rounds], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(told.trim().split('\n').at(-1) ?? '') as Figure[]
}
