/** A scenario that is wrong on purpose. */
import type { Ever } from '../../src/index.ts'
import type { Store } from '../../src/store/store.ts'
import type { Kind } from './checks.ts'
import type { Scenario } from './scenario.ts'

export interface Canary extends Scenario {
  /** What must be found at one point at least. */
  readonly finds: Kind
  /** Breaks the runtime of the process that is killed. */
  readonly wrap?: (ever: Ever) => Ever
  /** Breaks the store of the process that is killed. */
  readonly distort?: (store: Store) => Store
}
