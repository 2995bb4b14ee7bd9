/** What must hold of runs in hand beside each other, at the moment at which the body of a step begins (W5). */
import { provenMs } from '../../src/run/work/last-chance.ts'
import { barrenMax } from '../../src/run/work/opening.ts'
import type { Mirror } from './mirror.ts'
import type { Actor } from './start-checks.ts'

/** A run that would be parked if it were lost once more begins beside nothing, and nothing begins beside it. */
export function checkAlone({ world, process, run, epoch }: Actor): void {
  const { observer, report } = world
  if (run.epoch !== epoch || run.holder === undefined) return
  const now = process.ports.monotonic()
  const isNew = ({ freeUntil }: Mirror): boolean => freeUntil + provenMs > now
  const must = (other: Mirror, isAlone: boolean): void =>
    report.check(
      isAlone,
      'W5',
      () => `run ${run.id} begins beside run ${other.id}, and one is on its last chance`,
    )
  if (isOnLastChance(run)) report.reach('run on its last chance executed')
  for (const [id, begun] of process.begun) {
    const other = observer.run(id)
    if (other === run || other.holder !== run.holder || other.epoch !== begun) continue
    const areTogether = other.freeUntil === run.freeUntil
    const isFirst = other.freeUntil < run.freeUntil && isNew(other)
    if (isOnLastChance(other)) must(other, !areTogether && !isFirst)
    if (!isOnLastChance(run)) continue
    // One that waits for something holds up nobody: only what was at work when this one was claimed.
    const isAtWork = [...process.bodies].some(
      (body) => body.run === other && body.since < run.freeUntil && !body.signal().aborted,
    )
    must(other, !areTogether && !(isFirst && isAtWork))
  }
}

const isOnLastChance = ({ barren }: Mirror): boolean => barren === barrenMax - 1
