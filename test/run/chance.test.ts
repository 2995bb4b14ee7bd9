/** Chance that derives from the ledger: the same on every replay, and nobody's to foresee. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime } from 'everloop/testing'

const rolling = flow('rolling', async (run) => {
  const first = [run.uuid(), run.random()]
  await run.signal('go')
  return [...first, run.uuid(), await run.scope('s', async (inner) => inner.uuid())]
})

async function rolled(seed: number): Promise<unknown[]> {
  await using runtime = await testRuntime({ flows: [rolling], seed })
  const run = await runtime.start(rolling, undefined, { id: 'same' })
  await runtime.signal(run, 'go', 1)
  return (await runtime.result(run)) as unknown[]
}

test('runs of the same id in two stores draw different numbers', async () => {
  const [one, other, again] = [await rolled(1), await rolled(2), await rolled(1)]
  expect(again).toEqual(one)
  expect(one.filter((value) => other.includes(value))).toEqual([])
  expect(new Set(one).size).toBe(4)
})

test('the id of a child cannot be known before it is started', async () => {
  const child = flow('child', (run) => run.step('s', () => run.id))
  const parent = flow('parent', (run) => run.child(child, undefined))
  const ids: string[] = []
  for (const seed of [1, 2]) {
    await using runtime = await testRuntime({ flows: [child, parent], seed })
    const run = await runtime.start(parent, undefined, { id: 'parent' })
    ids.push(await runtime.result(run))
  }
  expect(ids[0]).not.toBe(ids[1])
  for (const id of ids) expect(id).toMatch(/^parent\.[0-9a-f]{16}$/)
})
