/**
 * A sample of the sweep: every third scenario once without a kill and at a few of its calls, and every
 * canary. The whole is `node test/crash/main.ts`.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildShim } from './build-shim.ts'
import { canaries } from './canaries.ts'
import { Kit } from './kit.ts'
import { scenarios } from './scenarios/index.ts'
import { somePoints, sweep } from './sweep.ts'

const shim = buildShim()
const reason = shim.is === 'missing' ? ` (skipped: ${shim.reason})` : ''
const concurrency = 2

describe.skipIf(shim.is === 'missing')(
  `a process that is killed at a durable call${reason}`,
  () => {
    let kit: Kit
    beforeAll(async () => {
      kit = await Kit.make()
    })
    afterAll(() => kit[Symbol.dispose]())

    const some = scenarios.filter((_, i) => i % 3 === 0)
    test.each(some.map((scenario, i) => ({ name: scenario.name, scenario, seed: i + 1 })))(
      'loses and repeats nothing: $name',
      async ({ scenario, seed }) => {
        const { findings, points } = await sweep(scenario, {
          kit,
          choose: somePoints(2, seed),
          concurrency,
        })
        expect(findings.map(({ point, violations }) => ({ point, violations }))).toEqual([])
        expect(points).toBe(2)
      },
      60_000,
    )

    test.each(canaries)(
      'is seen to: $name',
      async (canary) => {
        const swept = await sweep(canary, {
          kit,
          choose: somePoints(4, 1),
          concurrency,
          ...(canary.finds === 'stuck' ? { patienceMs: 2000 } : {}),
        })
        const kinds = swept.findings.flatMap(({ violations }) => violations.map(({ kind }) => kind))
        expect(kinds).toContain(canary.finds)
      },
      60_000,
    )
  },
)
