/** A table of flows, each with the one outcome it must have: live, and after a crash anywhere. */
import { expect, test } from 'vitest'
import type { Flow, RunReference } from 'everloop'
import { crashAtEveryCommit, type Outcome, type TestRuntime } from 'everloop/testing'

export interface Row {
  /** The behaviour, as the name of the test. */
  readonly name: string
  /** Made anew for each crash series, so that closures of the test are fresh. */
  readonly flow: Flow<never, unknown>
  readonly input?: unknown
  readonly flows?: readonly Flow<never, never>[]
  readonly drive?: (runtime: TestRuntime, run: RunReference) => Promise<void>
  readonly expected: Outcome
}

/** One test a row. */
export function testOutcomes(rows: readonly Row[]): void {
  test.each(rows)('$name', async ({ flow, input, flows, drive, expected }) => {
    const report = await crashAtEveryCommit(flow as unknown as Flow<unknown, unknown>, input, {
      ...(flows && { flows: flows as never }),
      ...(drive && { drive: drive as never }),
    })
    expect(report.live).toEqual(expected)
    expect(report.strays).toEqual([])
    expect(report.flaws).toEqual([])
    expect(report.boundaries).toBeGreaterThan(1)
  })
}
