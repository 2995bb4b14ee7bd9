/** What several entries refer to is read once, in whatever batch it is asked for: twice was taken for damage. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime } from 'everloop/testing'

interface Item {
  readonly value: { readonly text: string } | undefined
  readonly more: string
}
interface State {
  /** In a list in a list, which is kept in no blocks. */
  readonly kept: readonly [readonly Item[]]
  readonly scratch: string
}

/** So many that the whole state refers to more than two batches of turns. */
const turns = 6000

test('a loop goes on whose turns refer to one value, and which refers to more turns than are read at once', async () => {
  const grows = flow('grows', async (run) =>
    run.loop(
      'turns',
      { state: { kept: [[]], scratch: '' } as State },
      async (turn, { kept: [kept] }) => {
        const n = kept.length
        if (n === turns) {
          await turn.ask('Go on?')
          return turn.done(kept[0]?.value?.text.length)
        }
        // The last turns are read as they are: they would be the first to refer to it.
        const isLate = n >= turns / 2
        const value = isLate
          ? undefined
          : (kept[0]?.value ?? (await turn.step('read', () => ({ text: 'x'.repeat(300) }))))
        return turn.next({
          kept: [[...kept, { value, more: `${n} `.padEnd(300, 'y') }]],
          scratch: `${n} `.padEnd(3000, 'z'),
        })
      },
    ),
  )
  await using runtime = await testRuntime({ flows: [grows] })
  const run = await runtime.ever.start(grows, undefined)
  await runtime.settled(run)
  const open = await runtime.ever.store.openEntries(run.id)
  const refs = open.map(({ payload }) => payload?.split('"$":"ref"').length ?? 0)
  expect(Math.max(...refs)).toBeGreaterThan(2000)
  const [question] = await runtime.ever.questions({ run: run.id })
  await runtime.ever.answer(question?.id ?? '', true)
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed', output: 300 })
})
