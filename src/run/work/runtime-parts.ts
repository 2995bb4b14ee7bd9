/** What a runtime on a store is made of: its face and its worker take the same. */
import type { Ports } from '../../base/ports.ts'
import type { Redactor } from '../../base/redactor.ts'
import type { Store } from '../../store/store.ts'
import type { Flows } from '../flows.ts'
import type { BlockSizes } from '../operations/state-blocks.ts'
import type { Environment, OnBody } from '../pass/pass-options.ts'

export interface RuntimeParts {
  readonly store: Store
  readonly ports: Ports
  readonly flows: Flows
  readonly leaseMs: number
  /** For people: who this worker is. */
  readonly name: string
  /** Executes a few turns of each loop twice, to find state outside of the state: see shadow.ts. */
  readonly development: boolean
  /** Knows the secrets that must not be written or told. Default: none. */
  readonly redactor?: Redactor | undefined
  /** What layers above keep for their code in this process. */
  readonly environment?: Environment | undefined
  /** Other sizes of blocks than the standard ones: for tests. */
  readonly blockSizes?: BlockSizes | undefined
  /** Told of each body of a step: for tests. */
  readonly onBody?: OnBody | undefined
  /** Told what went wrong without ending anything. */
  readonly onTrouble: (error: unknown, run: string | undefined) => void
}
