/**
 * A sample of the power cuts, and the proof that they can find a loss: the same with the durability
 * that does not survive one. The whole is `node test/power/main.ts`.
 */
import { describe, expect, test } from 'vitest'
import { buildShim } from '../crash/build-shim.ts'
import { cutPower } from './cuts.ts'
import { record } from './record.ts'

const shim = buildShim()
const reason = shim.is === 'missing' ? ` (skipped: ${shim.reason})` : ''

describe.skipIf(shim.is === 'missing')(`a cut of the power${reason}`, () => {
  test('takes nothing that was acknowledged, and leaves a sound store', async () => {
    const cuts = await cutPower(await record('power-cut'), { images: 32, seed: 7, resumeEvery: 8 })
    expect(cuts.bad).toEqual([])
    expect(cuts.resumed).toBe(4)
  }, 60_000)

  test('takes something with the weaker durability, and leaves a sound store', async () => {
    const options = { images: 20, seed: 7, resumeEvery: Infinity }
    const { bad, lossy } = await cutPower(await record('process'), options)
    expect(lossy).toBeGreaterThan(0)
    expect(bad.filter(({ violations }) => violations.some(({ kind }) => kind !== 'lost'))).toEqual(
      [],
    )
  }, 60_000)
})
