/** A call's way to the store and back: how long it takes, and what goes wrong with it. */
import type { FaultKind, Faults } from './faults.ts'

/** Calls that the same things happen to. */
export type Family = 'write' | 'read' | 'heartbeat' | 'claim' | 'end'

/** Two parts of a journey to the store: how long each takes, and what goes wrong in between. */
export interface Journey {
  readonly before: number
  readonly after: number
  readonly failsBefore: boolean
  readonly failsAfter: boolean
}

/** Draws what happens to a call of this family. */
export function journey(faults: Faults, family: Family): Journey {
  const { chance } = faults
  const strikes = (kind: FaultKind): boolean => faults.strikes(kind)
  let before = chance.below(3)
  let after = chance.below(3)
  if (strikes('replies come in another order')) after += chance.below(40)
  let failsBefore = false
  let failsAfter = false
  switch (family) {
    case 'read':
      failsBefore = strikes('read fails')
      if (strikes('read is delayed')) after += chance.between(10, 4000)
      break
    case 'heartbeat':
      failsBefore = strikes('heartbeat fails')
      failsAfter = strikes('reply of a heartbeat is lost')
      if (strikes('heartbeat is delayed past the lease')) before += chance.between(3000, 15_000)
      break
    case 'claim':
      failsBefore = strikes('write fails before the commit')
      failsAfter = strikes('reply of a claim is lost')
      break
    case 'end':
      if (strikes('end of a session is lost')) {
        failsBefore = chance.roll(0.5)
        failsAfter = !failsBefore
      }
      break
    case 'write':
      failsBefore = strikes('write fails before the commit')
      failsAfter = strikes('write fails after the commit')
  }
  if (family === 'write' || family === 'claim') {
    if (strikes('write is delayed before the commit')) before += chance.between(10, 3000)
    if (strikes('write is delayed after the commit')) after += chance.between(10, 3000)
    if (strikes('write takes longer than the lease')) {
      const ms = chance.between(5000, 20_000)
      if (chance.roll(0.5)) before += ms
      else after += ms
    }
  }
  return { before, after, failsBefore, failsAfter }
}
