/** A taste of the simulator for every run of the tests; `npm run sim` is the meal. */
import { describe, expect, it } from 'vitest'
import { runRange } from './batch.ts'
import { Copy, hunt, placesOf } from './hunt.ts'
import { mutants } from './mutants.ts'
import { regressions } from './regressions.ts'
import { runSeed } from './seed.ts'

describe('the simulator', () => {
  it('finds nothing in 80 seeds', { timeout: 60_000 }, async () => {
    const { failures, unsteady, seeds } = await runRange(10_001, 10_081)
    expect(failures).toEqual([])
    expect(unsteady).toEqual([])
    expect(seeds).toBe(80)
  })

  it.each(regressions)('passes seed $seed: $found', async ({ seed, generation }) => {
    const { violations } = await runSeed(seed, { generation })
    expect(violations).toEqual([])
  })

  it('does the same thing twice', async () => {
    const once = await runSeed(4)
    const again = await runSeed(4)
    expect(again.digest).toBe(once.digest)
    expect(again.events).toBeGreaterThan(20)
  })

  it.each(mutants)('has a place for the mutant: $name', (mutant) => {
    expect(placesOf(mutant)).toBe(1)
  })

  it('catches a canary', { timeout: 60_000 }, async () => {
    const canary = mutants.find(({ name }) => name === 'the store does not look at the fence')
    if (!canary) throw new Error('The canary has flown: name another mutant here.')
    using copy = new Copy()
    expect(await hunt(canary, 1, copy)).toBeDefined()
  })
})
