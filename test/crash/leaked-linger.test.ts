/**
 * Found by the sweep "sleep across restart": a linger timer was overwritten without being cancelled,
 * went off while the step behind a sleep was being executed, and gave the run back with nothing left
 * that could ever wake it.
 */
import { expect, test } from 'vitest'
import { flow, open } from '../../src/index.ts'

test('a run whose sleep is over when it is claimed is not given back in the middle of its work', async () => {
  const nap = flow('nap', async (run) => {
    await run.step('before', () => 1)
    await run.sleep(20)
    // Longer than the linger, so that a timer that is left over goes off in here.
    return run.step('after', () => new Promise((resolve) => setTimeout(resolve, 30, 'rested')))
  })
  await using ever = await open({ store: 'memory:', flows: [nap], work: { concurrency: 16 } })
  for (let i = 0; i < 5; i++) {
    const run = await ever.start(nap, undefined)
    expect(await run.result()).toBe('rested')
    expect((await run.status()).entries).toBe(6)
  }
})
