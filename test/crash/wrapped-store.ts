/** A store of which some methods are others. */
import type { Store } from '../../src/store/store.ts'

export function wrapStore(store: Store, others: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, property) => {
      const member: unknown = Reflect.get(property in others ? others : target, property)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}
