/**
 * The deep sweep: kills every scenario at its durable calls, canaries first.
 *
 *   node test/crash/main.ts                          every call that can make a difference
 *   node test/crash/main.ts --every                  every call
 *   node test/crash/main.ts --scenario "parallel"    scenarios whose names begin so
 *   node test/crash/main.ts --scenario "parallel" --point 17   one point; its files are kept
 *   node test/crash/main.ts --scenario "parallel" --point 17 --again 5    and its successor at its 5th
 *   node test/crash/main.ts --twice 200              so many points by chance, killed twice each
 *   node test/crash/main.ts --sample 40              so many points in all
 *
 * Ends with 1 when anything is bad, or when a canary is not found.
 */
import { parseArgs } from 'node:util'
import { canaries } from './canaries.ts'
import type { Canary } from './canary.ts'
import { Kit } from './kit.ts'
import { findBaseline, runPoint } from './point.ts'
import { describeCall } from './recording.ts'
import type { Scenario } from './scenario.ts'
import { scenarios } from './scenarios/index.ts'
import {
  commitPoints,
  distinctPoints,
  everyPoint,
  type Finding,
  pointAt,
  somePoints,
  sweep,
  type SweepOptions,
  type Swept,
  twicePoints,
} from './sweep.ts'

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', default: '' },
    point: { type: 'string' },
    sample: { type: 'string' },
    again: { type: 'string' },
    twice: { type: 'string' },
    every: { type: 'boolean', default: false },
    processes: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
  },
})

const seed = Number(values.seed)
const concurrency = Number(values.processes)
const chosen = [...scenarios, ...(values.scenario === '' ? [] : canaries)].filter(({ name }) =>
  name.startsWith(values.scenario),
)
const [only] = chosen
if (!only) throw new Error(`No scenario begins with "${values.scenario}".`)
using kit = await Kit.make()
process.exitCode = (
  values.point === undefined ? await all() : await reproduce(only, Number(values.point))
)
  ? 0
  : 1

async function reproduce(scenario: Scenario, n: number): Promise<boolean> {
  const { calls, folder: recorded, expected } = await findBaseline(scenario, kit)
  const call = calls[n - 1]
  console.log(
    `${scenario.name}: call ${n} of ${calls.length}: ${call ? describeCall(call, `${recorded}/store`) : 'none'}`,
  )
  const again = values.again === undefined ? {} : { again: Number(values.again) }
  const at = { ...pointAt(n), ...again }
  const { violations, kills, ms, folder } = await runPoint(scenario, at, {
    kit,
    expected,
    keep: true,
  })
  for (const { kind, what } of violations) console.log(`  ${kind}: ${what}`)
  const end = kills > 0 ? `killed ${kills} times` : 'not killed: it had done everything before'
  console.log(`${violations.length} violations, ${end}, ${Math.round(ms)} ms, files in ${folder}`)
  return violations.length === 0
}

async function all(): Promise<boolean> {
  const began = performance.now()
  const seen = values.scenario === '' ? await seeCanaries() : true
  const swept: Swept[] = []
  for (const scenario of chosen) {
    const one = await sweep(scenario, {
      kit,
      choose: choice(scenario, swept.length),
      concurrency,
      onFinding: tell,
    })
    swept.push(one)
    console.log(line(one))
  }
  const points = swept.reduce((sum, one) => sum + one.points, 0)
  const bad = swept.reduce((sum, one) => sum + one.findings.length, 0)
  const seconds = Math.round((performance.now() - began) / 1000)
  console.log(`${swept.length} scenarios, ${points} kill points, ${bad} bad, ${seconds} s`)
  return bad === 0 && seen
}

function choice({ isLong }: Scenario, i: number): SweepOptions['choose'] {
  if (values.every) return everyPoint
  if (values.twice !== undefined) return twicePoints(share(values.twice), seed * 100 + i)
  if (values.sample === undefined) return isLong ? commitPoints : distinctPoints(seed)
  return somePoints(share(values.sample), seed + i)
}

/** Of so many points, those of one scenario. */
function share(count: string): number {
  return Math.ceil(Number(count) / chosen.length)
}

/** Each canary must be found at one point at least. */
async function seeCanaries(): Promise<boolean> {
  let seen = true
  for (const canary of canaries) {
    const found = await seeCanary(canary)
    seen &&= found > 0
    console.log(
      `${found > 0 ? 'seen  ' : 'MISSED'} ${canary.name}: ${canary.finds} at ${found} points`,
    )
  }
  return seen
}

async function seeCanary(canary: Canary): Promise<number> {
  const { findings } = await sweep(canary, {
    kit,
    choose: somePoints(12, seed),
    concurrency,
    ...(canary.finds === 'stuck' ? { patienceMs: 1500 } : {}),
  })
  return findings.filter(({ violations }) => violations.some(({ kind }) => kind === canary.finds))
    .length
}

function line({ scenario, baseline, points, missed, ms, findings }: Swept): string {
  const cells = [
    scenario.name.padEnd(32),
    `${String(baseline.calls.length).padStart(4)} calls`,
    `${String(points).padStart(4)} points`,
    `${String(missed).padStart(3)} not reached`,
    `${String(Math.round(ms / Math.max(1, points))).padStart(4)} ms each`,
    `${String(findings.length).padStart(3)} bad`,
  ]
  return cells.join('  ')
}

function tell({ scenario, point: at, violations }: Finding): void {
  const second = at?.again === undefined ? '' : ` --again ${at.again}`
  const again = at ? ` --point ${at.n}${second}` : ''
  console.log(`BAD  node test/crash/main.ts --scenario "${scenario.name}"${again}`)
  for (const { kind, what } of violations) console.log(`       ${kind}: ${what}`)
}
