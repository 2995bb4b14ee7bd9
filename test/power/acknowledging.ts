/** A store that tells the world outside of every write it has acknowledged, once it has. */
import type { NewRun, Store } from '../../src/store/store.ts'
import type { World } from '../crash/world.ts'

export function acknowledging(store: Store, world: World): Store {
  const created = ({ genesis, artifacts }: NewRun): void => {
    world.acknowledged(`entry ${genesis.run} ${genesis.seq} ${genesis.hash}`)
    for (const { hash } of artifacts ?? []) world.acknowledged(`artifact ${hash}`)
  }
  const wrapped: Pick<Store, 'createRun' | 'append' | 'deliver'> = {
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
  }
  return new Proxy(store, {
    get: (target, property) => {
      if (property in wrapped) return wrapped[property as keyof typeof wrapped]
      const member: unknown = Reflect.get(target, property, target)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}
