/** A store that tells the world outside of every write it has acknowledged, once it has. */
import type { NewRun, Store } from '../../src/store/store.ts'
import type { World } from '../crash/world.ts'
import { wrapStore } from '../crash/wrapped-store.ts'

export function acknowledging(store: Store, world: World): Store {
  const created = ({ genesis, artifacts }: NewRun): void => {
    world.acknowledged(`entry ${genesis.run} ${genesis.seq} ${genesis.hash}`)
    for (const { hash } of artifacts ?? []) world.acknowledged(`artifact ${hash}`)
  }
  return wrapStore(store, {
    createRun: async (run) => {
      const result = await store.createRun(run)
      if (result.created) created(run)
      return result
    },
    append: async (append) => {
      const result = await store.append(append)
      if (result.is !== 'committed') return result
      for (const { run, seq, hash } of append.entries)
        world.acknowledged(`entry ${run} ${seq} ${hash}`)
      for (const { hash } of append.artifacts ?? []) world.acknowledged(`artifact ${hash}`)
      for (const run of append.create ?? []) created(run)
      return result
    },
    deliver: async (message) => {
      const result = await store.deliver(message)
      if (result.is === 'delivered') {
        world.acknowledged(`message ${message.run} ${result.number} ${message.id ?? ''}`)
      }
      return result
    },
  })
}
