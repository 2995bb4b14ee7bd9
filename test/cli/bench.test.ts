/** The measurement that everybody can run, as a shell would. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { everloopJson } from './command-line.ts'
import { mountedSmall } from '../small-disk.ts'
import { testFolder } from '../test-folder.ts'

interface Figures {
  readonly figures: readonly { name: string; count: number; perSecond: number }[]
}

const clock = join(import.meta.dirname, 'clock-child.ts')

test('bench measures bare commits and steps, and cleans up', async () => {
  const folder = testFolder()
  const store = `sqlite:${join(folder, 'deeper', 'ledger.db')}`
  const { code, document } = await everloopJson<Figures>([
    'bench',
    '--seconds',
    '0.2',
    '--store',
    store,
  ])
  expect(code).toBe(0)
  expect(document.figures).toHaveLength(3)
  for (const { count, perSecond } of document.figures) {
    expect(count).toBeGreaterThan(0)
    expect(perSecond).toBeGreaterThan(0)
  }
  expect(readdirSync(folder)).toEqual([])
})

test('bench says that the disk is full, and cleans up', async (context) => {
  const folder = testFolder()
  if (!mountedSmall(folder, '64k')) return context.skip('needs the right to mount')
  const store = `sqlite:${join(folder, 'ledger.db')}`
  const { code, error } = await everloopJson<Figures>(['bench', '--store', store])
  expect(error).toMatchObject({ code: 'STORE_FULL' })
  expect(code).toBe(4)
  expect(readdirSync(folder)).toEqual([])
})

// A turn is executed twice now and then, to find state that hides (run/operations/loop.ts). Time that ran out
// between the two was such state: the run was paused and the command waited for it for ever.
test.each([2, 3, 4, 5, 6])('bench ends when its time is over at turn %i', async (turns) => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const { code, document } = await everloopJson<Figures>(
    ['bench', '--seconds', String((turns - 0.5) / 1000), '--store', store],
    // The clock looks for the source of the command.
    { env: { NODE_OPTIONS: `--import ${clock}` }, isClone: true },
  )
  expect(code).toBe(0)
  expect(document.figures[1]).toMatchObject({ count: turns })
})
