/** One seed from its beginning to its end: storm, calm, and the checks on what is left. */
import { checkAtRest } from './checks.ts'
import { Director } from './director.ts'
import { newest } from './extras.ts'
import type { FaultKind } from './faults.ts'
import { Operator } from './operator.ts'
import { Report, type Violation } from './report.ts'
import { settle, untilStopped } from './settle.ts'
import type { State } from './states.ts'
import { World } from './world.ts'

export interface Outcome {
  readonly seed: number
  readonly violations: readonly Violation[]
  readonly reached: ReadonlyMap<State, number>
  readonly fired: ReadonlyMap<FaultKind, number>
  readonly digest: string
  readonly events: number
}

export interface SeedOptions {
  readonly trace?: ((line: string) => void) | undefined
  /** Only these kinds of faults. */
  readonly only?: readonly FaultKind[] | undefined
  /** What the generator knows: all that it has learned up to this generation. Default: the newest. */
  readonly generation?: number | undefined
}

/** An event storm beyond this is a livelock. */
const stormEventsMax = 30_000

let watched: Report | undefined
process.on('unhandledRejection', (error) => {
  watched?.break(
    'unhandled',
    `unhandled rejection: ${error instanceof Error ? error.stack : String(error)}`,
  )
})

export async function runSeed(seed: number, options: SeedOptions = {}): Promise<Outcome> {
  const report = new Report(options.trace)
  watched = report
  const { generation = newest, only } = options
  const world = new World(seed, report, { generation, only })
  const { scheduler } = world
  if (report.isTracing) {
    report.trace(
      () => `seed ${seed}: ${[...world.extras.enabled, ...world.faults.enabled].join(', ')}`,
    )
    for (const program of world.programs) report.trace(() => JSON.stringify(program))
    scheduler.onEvent = (label, owner) =>
      report.trace(() => `${scheduler.events} ${scheduler.elapsed} ${owner.name}: ${label}`)
  }
  const operator = new Operator(world)
  const workers = world.chance.between(1, 3)
  for (let i = 0; i < workers; i++) world.addWorker()
  new Director(world).begin()
  operator.begin()

  const stormMs = world.chance.between(4000, 25_000)
  await scheduler.run(() => report.hasFailed || scheduler.elapsed >= stormMs, stormEventsMax)
  if (!report.hasFailed && scheduler.elapsed < stormMs) {
    report.break('liveness', `${stormEventsMax} events in ${scheduler.elapsed} ms: a livelock`)
  }
  if (!report.hasFailed) await settle(world, operator)
  if (!report.hasFailed) await operator.watchers.end()
  if (!report.hasFailed) await operator.waiters.end()
  if (!report.hasFailed) {
    for (const node of world.living) world.stop(node)
    await untilStopped(world)
  }
  if (!report.hasFailed) await checkAtRest(world, operator)
  const { violations, reached } = report
  const { fired } = world.faults
  return { seed, violations, reached, fired, digest: world.digest, events: scheduler.events }
}
