/**
 * Found by the sweep "step retry with back-off": the alarm of a pass that was giving its run back
 * went off before the release was committed, and began an attempt whose outcome nobody recorded.
 * The next pass did the same attempt again.
 */
import { expect, test } from 'vitest'
import { flow, open } from '../../src/index.ts'
import { systemPorts } from '../../src/base/system.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { wrapStore } from './wrapped-store.ts'

test('an attempt that becomes due while its run is given back is executed once', async () => {
  const attempts: number[] = []
  const stubborn = flow('stubborn', (run) =>
    run.step('try', { retry: { attempts: 3, delay: 30 } }, ({ attempt }) => {
      attempts.push(attempt)
      if (attempt < 3) throw new Error('down')
      return 'up'
    }),
  )
  await using ever = await open({ store: slowToRelease(60), flows: [stubborn], work: {} })
  const run = await ever.start(stubborn, undefined)
  expect(await run.result()).toBe('up')
  expect(attempts).toEqual([1, 2, 3])
})

/** A store whose releases take longer than the run has to wait. */
function slowToRelease(ms: number): Store {
  const store = memoryStore(systemPorts)
  return wrapStore(store, {
    append: async (append) => {
      if (append.release) await new Promise((resolve) => setTimeout(resolve, ms))
      return store.append(append)
    },
  })
}
