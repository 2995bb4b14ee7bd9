/** What the parts of a simulated world share. The world itself stands in world.ts. */
import type { Store } from '../../src/store/store.ts'
import type { Chance } from './chance.ts'
import type { Extras } from './extras.ts'
import type { Faults } from './faults.ts'
import type { ModelAttempts } from './model-attempts.ts'
import type { Observer } from './observer.ts'
import type { Outside } from './outside.ts'
import type { Process } from './process.ts'
import type { Report } from './report.ts'
import type { Owner, Scheduler } from './scheduler.ts'

export interface Surroundings {
  readonly report: Report
  readonly scheduler: Scheduler
  readonly observer: Observer
  readonly faults: Faults
  readonly extras: Extras
  readonly chance: Chance
  readonly outside: Outside
  readonly store: Store
  /** Owns what is on its way between processes and the store. */
  readonly network: Owner
  /** What each execution of code saw, by run and place. */
  readonly seen: Map<string, string>
  /** Which deployment of the code the owner of a session has, by its token. */
  readonly deployments: Map<string, number>
  /** How often one execution of a model step has asked its model. */
  readonly modelCalls: Map<string, number>
  readonly attempts: ModelAttempts
  /** What guards have said last, by run, guard, position and call. */
  readonly guardSaid: Map<string, string>
  /** The epoch that last executed an attempt of a step, by run, path and attempt. */
  readonly executions: Map<string, number>
  /** The disk is full, or nobody reaches the store. */
  readonly isFull: boolean
  readonly isDown: boolean
  /** True for processes whose death is part of the game now. */
  mayCrash(process: Process): boolean
  /** The process is gone from one moment to the next. */
  crash(process: Process): void
  /** Nothing happens in the process for this long. */
  freeze(process: Process, ms: number): void
  readonly leaseMs: number
}
