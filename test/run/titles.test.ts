/** What people call a run. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'

const turns = flow('turns', async (run) => {
  await run.title('Begun')
  return run.loop('count', { state: 0 }, async (turn, count) => {
    await turn.title(`Turn ${turn.turn}`)
    return count === 2 ? turn.done('end') : turn.next(count + 1)
  })
})

test('a run has the title that it was given last, whatever scope has closed since', async () => {
  await using runtime = await testRuntime({ flows: [turns] })
  const run = await runtime.start(turns, undefined)
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'end' })
  expect(await run.status()).toMatchObject({ title: 'Turn 3' })
  expect(await runtime.ever.list()).toMatchObject([{ title: 'Turn 3' }])
  expect(await runtime.ever.verify(run.id)).toMatchObject({ ok: true })
})

test('a title is given once, whenever the process dies', async () => {
  const report = await crashAtEveryCommit(turns, undefined)
  expect(report.outcomes).toEqual([{ status: 'completed', output: 'end' }])
  expect(report.flaws).toEqual([])
})

test('a title is a text of some characters', async () => {
  for (const title of ['', 'x'.repeat(201), 7]) {
    const bad = flow('bad', async (run) => run.title(title as string))
    await using runtime = await testRuntime({ flows: [bad] })
    expect(await runtime.settled(await runtime.start(bad, undefined))).toMatchObject({
      status: 'failed',
      error: { code: 'BAD_OPTION' },
    })
  }
})
