/**
 * Branches: many items at a time, each in a scope of its own, with retries that are recorded too.
 * The results come back in the order of the items, whichever branch was quicker.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { flow, open } from 'everloop'

const folder = mkdtempSync(join(tmpdir(), 'everloop-parallel-'))
let atOnce = 0
let atOnceMax = 0

const lengths = flow('lengths', async (run, words: string[]) => {
  const retry = { attempts: 3, delay: '10ms' } as const
  const all = await run.map('words', words, { concurrency: 4 }, (branch, word) =>
    branch.step('measure', { retry }, async ({ attempt }) => {
      atOnceMax = Math.max(atOnceMax, ++atOnce)
      await pause(5 * word.length).finally(() => atOnce--)
      if (word === 'flaky' && attempt === 1) throw new Error('the line was busy')
      return word.length
    }),
  )
  const [sum, longest] = await run.all('digest', [
    () => all.reduce((a, b) => a + b, 0),
    () => Math.max(...all),
  ])
  return { all, sum, longest }
})

try {
  await using ever = await open({
    store: `sqlite:${join(folder, 'ledger.db')}`,
    flows: [lengths],
    work: {},
  })
  const run = await ever.start(lengths, ['a', 'flaky', 'word', 'is', 'repeated', 'here'])
  const result = await run.result()
  console.log(result)
  assert.deepEqual(result, { all: [1, 5, 4, 2, 8, 4], sum: 24, longest: 8 })
  assert.ok(atOnceMax > 1 && atOnceMax <= 4)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
