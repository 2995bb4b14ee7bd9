/** What steps cost: recorded with their outcome, kept on accounts, once each. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { flow, open } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'
import type { Charge } from '../../src/ledger/index.ts'
import { innerStep } from './inner-step.ts'
import { testFolder } from '../test-folder.ts'

/** A step that costs something. */
const costly = <T>(
  name: string,
  body: () => T | Promise<T>,
  charge?: (value: unknown) => Charge,
): Promise<T> => innerStep(name, body, { charge })

const tokens = (to: readonly string[], count = 10): Charge => ({ to, amounts: { tokens: count } })

const child = flow('child', (run, parent: string) =>
  costly(
    'think',
    () => 'thought',
    () => tokens([run.id, parent]),
  ),
)

const parent = flow('parent', async (run) => {
  const text = await costly(
    'plan',
    () => 'plan',
    (value) => tokens([run.id], String(value).length),
  )
  const thought = await run.child(child, run.id)
  const large = await costly(
    'large',
    () => 'x'.repeat(300_000),
    () => tokens([run.id], 1),
  )
  await costly('free', () => 0)
  return [text, thought, large.length]
})

describe('an account', () => {
  test('holds what the run and those below it were charged, whatever was killed when', async () => {
    const report = await crashAtEveryCommit(parent, undefined, {
      flows: [child],
      drive: async (runtime, run) => {
        await runtime.settled(run)
        expect(await runtime.ever.account('run')).toEqual({ amounts: { tokens: 15 } })
        expect(await runtime.store.account((await runtime.store.runs({}))[0]?.id ?? '')).toEqual({
          tokens: 10,
        })
      },
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: ['plan', 'thought', 300_000] }])
    expect(report.flaws).toEqual([])
    expect(report.boundaries).toBeGreaterThan(10)
  })

  test('of an unknown run is asked for in vain', async () => {
    await using runtime = await testRuntime()
    await expect(runtime.ever.account('nobody')).rejects.toMatchObject({ code: 'UNKNOWN_RUN' })
  })

  test('is charged once for a success that a retry hands over again', async () => {
    let isBroken = true
    let calls = 0
    const saga = flow('saga', async (run) => {
      const fragile = run.step('fragile', () => {
        if (isBroken) throw new Error('broken')
      })
      const paid = costly(
        'paid',
        async () => {
          await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
          return ++calls
        },
        () => tokens([run.id]),
      )
      const [one, two] = await Promise.allSettled([fragile, paid])
      if (one.status === 'rejected') throw one.reason
      return two.status === 'fulfilled' ? two.value : undefined
    })
    await using runtime = await testRuntime({ flows: [saga] })
    const run = await runtime.start(saga, undefined)
    expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
    isBroken = false
    await runtime.ever.retry(run.id)
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 1 })
    expect(await runtime.ever.account(run.id)).toEqual({ amounts: { tokens: 10 } })
    const kinds = (await runtime.store.entries(run.id)).filter(({ key }) => key === 'paid')
    expect(kinds.length).toBe(2)
    expect(await runtime.ever.verify(run.id)).toMatchObject({ ok: true })
  })

  test.each([
    ['{"tokens":4}', 4],
    ['{"tokens":"5"}', 0],
    ['null', 0],
    ['not JSON', 0],
  ])('that was edited to %s is found by verify', async (spent, tokens) => {
    const folder = testFolder()
    const location = join(folder, 'ledger.db')
    await using ever = await open({ store: `sqlite:${location}`, flows: [parent, child] })
    const run = await ever.start(parent, undefined)
    await ever.work({ until: 'idle' })
    expect(await ever.account(run.id)).toEqual({ amounts: { tokens: 15 } })
    expect(await ever.verify(run.id)).toMatchObject({ ok: true })
    const database = new DatabaseSync(location)
    database.exec('DELETE FROM everloop_accounts')
    database.prepare('UPDATE runs SET spent = ? WHERE parent IS NULL').run(spent)
    database.close()
    expect(await ever.verify(run.id)).toMatchObject({
      ok: false,
      violations: [{ id: 'L12', what: `account: ${tokens} tokens in the row, not 5` }],
    })
  })
})
