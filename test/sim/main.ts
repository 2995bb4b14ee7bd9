/**
 * The simulator's command.
 *
 *   node test/sim/main.ts --seeds 20000 [--from 1] [--jobs 2]   many seeds, as the gate runs them
 *   node test/sim/main.ts --seed 7 [--trace] [--generation 1]   exactly one seed, step by step
 *   node test/sim/main.ts --mutants [--only name]               every seeded bug must be found
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { runSeeds, type Summary } from './batch.ts'
import { faultNames } from './faults.ts'
import { huntMutants } from './hunt.ts'
import { runSeed } from './seed.ts'
import { leastOf, stateNames } from './states.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '20000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    trace: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string' },
    /** What the generator of the one seed knows, see extras.ts. */
    generation: { type: 'string' },
    /** Ends at the first failure and prints nothing but it, and signs of life. */
    quick: { type: 'boolean', default: false },
    /** How many failures are told. */
    tell: { type: 'string', default: '10' },
  },
})

if (values.mutants) process.exitCode = await huntMutants(Number(values.jobs), values.only)
else if (values.seed === undefined) process.exitCode = await many()
else process.exitCode = await one(Number(values.seed))

async function one(seed: number): Promise<number> {
  const trace = values.trace ? { trace: (line: string) => console.log(line) } : {}
  const { generation } = values
  const knowing = generation === undefined ? {} : { generation: Number(generation) }
  const { violations, events, digest, fired } = await runSeed(seed, { ...trace, ...knowing })
  console.log(`seed ${seed}: ${events} events, digest ${digest}`)
  for (const [fault, count] of fired) console.log(`  ${count} x ${fault}`)
  for (const { invariant, what } of violations) console.log(`BROKEN ${invariant}: ${what}`)
  return violations.length === 0 ? 0 : 1
}

async function many(): Promise<number> {
  const from = Number(values.from)
  const begun = performance.now()
  let told = 0
  const summary = await runSeeds({
    from,
    to: from + Number(values.seeds),
    jobs: Number(values.jobs),
    chunk: values.quick ? 10 : 100,
    isEnough: ({ failures }) => values.quick && failures.length > 0,
    onProgress: ({ failures }) => {
      if (values.quick) process.stdout.write('.')
      for (; told < Math.min(failures.length, Number(values.tell)); told++) tell(failures[told])
    },
  })
  if (values.quick) return summary.failures.length === 0 ? 0 : 1
  const minutes = (performance.now() - begun) / 60_000
  const blind = tellCounts(summary)
  console.log(
    `${summary.seeds} seeds, ${summary.events} events, ${summary.failures.length} failures, ` +
      `${Math.round(minutes * 60)} s, ${Math.round(summary.seeds / minutes)} seeds a minute`,
  )
  for (const seed of summary.unsteady) console.log(`NOT DETERMINISTIC: seed ${seed}`)
  return summary.failures.length + summary.unsteady.length + blind === 0 ? 0 : 1
}

function tell(failure: Summary['failures'][number] | undefined): void {
  if (!failure) return
  const { seed, violation } = failure
  console.log(`FAILED seed ${seed}: ${violation.invariant}: ${violation.what.slice(0, 500)}`)
}

/** Prints what was reached and what happened. Returns how many counters are too low. */
function tellCounts({ seeds, reached, fired }: Summary): number {
  let low = 0
  for (const state of stateNames) {
    const count = reached.get(state) ?? 0
    const least = leastOf(state, seeds)
    const isLow = seeds >= 1000 && count < least
    if (isLow) low++
    console.log(
      `${String(count).padStart(8)} ${state}${isLow ? `  TOO FEW: ${least} expected` : ''}`,
    )
  }
  const silent = faultNames.filter((name) => !fired.has(name))
  const total = [...fired.values()].reduce((a, b) => a + b, 0)
  console.log(
    `${faultNames.length - silent.length} of ${faultNames.length} kinds of faults happened, ${total} times`,
  )
  for (const name of silent) console.log(`NEVER HAPPENED: ${name}`)
  return low + (seeds >= 1000 ? silent.length : 0)
}
