/** Sweeps: all points of scenarios, or a sample of them, several at a time. */
import { Chance } from '../power/chance.ts'
import type { Violation } from './checks.ts'
import type { Kit } from './kit.ts'
import { type Baseline, findBaseline, type Point, runPoint } from './point.ts'
import type { Call } from './recording.ts'
import type { Scenario } from './scenario.ts'

export interface Finding {
  readonly scenario: Scenario
  readonly point: Point | undefined
  readonly violations: readonly Violation[]
}

export interface Swept {
  readonly scenario: Scenario
  readonly baseline: Baseline
  readonly points: number
  /** Points that the process never came to: a second process makes the number of calls vary. */
  readonly missed: number
  readonly ms: number
  readonly findings: readonly Finding[]
}

export interface SweepOptions {
  readonly kit: Kit
  /** At which of these calls. */
  readonly choose: (calls: readonly Call[]) => readonly Point[]
  readonly concurrency: number
  readonly onFinding?: (finding: Finding) => void
  /** How long a run may take to settle. */
  readonly patienceMs?: number
}

/** Before odd calls, after even ones: two neighbours differ in nothing but what was answered. */
export const pointAt = (n: number): Point => ({ n, after: n % 2 === 0 })

/** Every call. */
export const everyPoint = (calls: readonly Call[]): Point[] => calls.map((_, i) => pointAt(i + 1))

/**
 * Every call but most of the log frames inside a transaction: a log whose last commit frame is
 * missing is cut off there, however much of the transaction it holds. The first and the last frame
 * stay, and one in between; test/power has images of all of them.
 */
export function distinctPoints(seed: number): (calls: readonly Call[]) => Point[] {
  return (calls) => {
    const isFrame = (i: number): boolean => calls[i]?.op === 'W' && calls[i].path.endsWith('-wal')
    const points: Point[] = []
    for (let from = 0, to = 0; from < calls.length; from = to) {
      for (to = from + 1; isFrame(from) && isFrame(to);) to++
      const middle = from + 2 + ((seed + from) % Math.max(1, to - from - 4))
      for (let i = from; i < to; i++) {
        if (i < from + 2 || i >= to - 2 || i === middle) points.push(pointAt(i + 1))
      }
    }
    return points
  }
}

/**
 * Between all commits, once each: before and after the last frame of every second one, because what
 * comes before a commit is what came after the one before. And every call that is none of the log's.
 */
export function commitPoints(calls: readonly Call[]): Point[] {
  const isLog = (i: number): boolean => calls[i]?.path.endsWith('-wal') ?? false
  const isFrame = (i: number): boolean => isLog(i) && calls[i]?.op === 'W'
  let commits = 0
  return calls.flatMap((_, i) => {
    if (!isLog(i)) return [pointAt(i + 1)]
    if (!isFrame(i) || isFrame(i + 1) || ++commits % 2 === 1) return []
    return [
      { n: i + 1, after: false },
      { n: i + 1, after: true },
    ]
  })
}

/** So many calls, evenly spread, beginning at a place that differs from seed to seed. */
export function somePoints(count: number, seed: number): (calls: readonly Call[]) => Point[] {
  return ({ length }) =>
    Array.from({ length: Math.min(count, length) }, (_, i) => {
      const place = (i + ((seed * 0.618_034) % 1)) / count
      return pointAt(1 + Math.floor(place * length))
    })
}

/** So many calls by chance, each followed by a second kill soon after the restart. */
export function twicePoints(count: number, seed: number): (calls: readonly Call[]) => Point[] {
  const chance = new Chance(seed)
  return ({ length }) =>
    Array.from({ length: count }, () => ({
      ...pointAt(1 + chance.below(length)),
      again: 1 + chance.below(Math.min(length, 60)),
    }))
}

/** Sweeps one scenario. */
export async function sweep(scenario: Scenario, options: SweepOptions): Promise<Swept> {
  const { kit, choose, concurrency, onFinding, patienceMs } = options
  const began = performance.now()
  const findings: Finding[] = []
  const report = (point: Point | undefined, violations: readonly Violation[]): void => {
    if (violations.length === 0) return
    const finding = { scenario, point, violations }
    findings.push(finding)
    onFinding?.(finding)
  }

  const baseline = await findBaseline(scenario, kit)
  report(undefined, baseline.violations)
  const points = choose(baseline.calls)
  const left = points.values()
  let missed = 0
  const lane = async (): Promise<void> => {
    for (const each of left) {
      const { violations, kills } = await runPoint(scenario, each, {
        kit,
        expected: baseline.expected,
        ...(patienceMs === undefined ? {} : { patienceMs }),
      })
      if (kills === 0) missed++
      report(each, violations)
    }
  }
  if (findings.length === 0) await Promise.all(Array.from({ length: concurrency }, lane))
  return {
    scenario,
    baseline,
    points: points.length,
    missed,
    ms: performance.now() - began,
    findings,
  }
}
