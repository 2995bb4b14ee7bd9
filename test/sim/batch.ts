/** Many seeds: what they have to tell together, and how they are spread over threads. */
import { Worker } from 'node:worker_threads'
import type { FaultKind } from './faults.ts'
import type { Violation } from './report.ts'
import { runSeed } from './seed.ts'
import type { State } from './states.ts'

/** A seed that broke something. */
export interface Failure {
  readonly seed: number
  readonly violation: Violation
}

/** What a range of seeds has to tell. */
export interface Summary {
  seeds: number
  events: number
  readonly failures: Failure[]
  readonly reached: Map<State, number>
  readonly fired: Map<FaultKind, number>
  /** Seeds that did something else when they were run again. */
  readonly unsteady: number[]
}

/** One in so many seeds is run twice. */
const twiceEvery = 100
export const emptySummary = (): Summary => ({
  seeds: 0,
  events: 0,
  failures: [],
  reached: new Map(),
  fired: new Map(),
  unsteady: [],
})

/** Runs these seeds in this thread. */
export async function runRange(from: number, to: number): Promise<Summary> {
  const summary = emptySummary()
  for (let seed = from; seed < to; seed++) {
    const outcome = await runSeed(seed)
    summary.seeds++
    summary.events += outcome.events
    const [violation] = outcome.violations
    if (violation) summary.failures.push({ seed, violation })
    addAll(summary.reached, outcome.reached)
    addAll(summary.fired, outcome.fired)
    if (seed % twiceEvery === 0 && (await runSeed(seed)).digest !== outcome.digest) {
      summary.unsteady.push(seed)
    }
  }
  return summary
}

/** Runs the seeds on several threads; stops early once `isEnough` says so. */
export async function runSeeds(options: {
  readonly from: number
  readonly to: number
  readonly jobs: number
  /** How many seeds a thread takes at a time. */
  readonly chunk: number
  readonly isEnough: (summary: Summary) => boolean
  readonly onProgress: (summary: Summary) => void
}): Promise<Summary> {
  const { from, to, jobs, chunk, isEnough, onProgress } = options
  const summary = emptySummary()
  let next = from
  const take = (): { from: number; to: number } | undefined => {
    if (next >= to || isEnough(summary)) return undefined
    const range = { from: next, to: Math.min(to, next + chunk) }
    next = range.to
    return range
  }
  const lanes = Array.from({ length: jobs }, () =>
    lane(take, (part) => {
      merge(summary, part)
      onProgress(summary)
    }),
  )
  await Promise.all(lanes)
  return summary
}

/** One thread, fed range by range. */
function lane(
  take: () => { from: number; to: number } | undefined,
  onPart: (part: Summary) => void,
): Promise<void> {
  const thread = new Worker(new URL('batch-thread.ts', import.meta.url))
  return new Promise((resolve, reject) => {
    const feed = (): void => {
      const range = take()
      if (range) thread.postMessage(range)
      else void thread.terminate().then(() => resolve())
    }
    thread.on('error', reject)
    thread.on('message', (part: Summary) => {
      onPart(part)
      feed()
    })
    feed()
  })
}

function merge(into: Summary, part: Summary): void {
  into.seeds += part.seeds
  into.events += part.events
  into.failures.push(...part.failures)
  into.unsteady.push(...part.unsteady)
  addAll(into.reached, part.reached)
  addAll(into.fired, part.fired)
}

function addAll<K>(into: Map<K, number>, part: ReadonlyMap<K, number>): void {
  for (const [key, count] of part) into.set(key, (into.get(key) ?? 0) + count)
}
