/**
 * Where the code that is executing right now stands: in which pass and scope, and whether inside a
 * step's body. Carried by AsyncLocalStorage, so that code deep inside a library can be found too.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Pass } from './pass/pass.ts'
import type { Scope } from './pass/scope.ts'

export interface Current {
  readonly pass: Pass
  readonly scope: Scope
  /** The key of the step whose body this is. */
  readonly step: string | undefined
}

const slot: unique symbol = Symbol.for('everloop.current') as never
/** Shared by all copies of everloop in a process, so that a flow file may bring its own. */
const shared = globalThis as { [slot]?: AsyncLocalStorage<Current> }
const storage = (shared[slot] ??= new AsyncLocalStorage<Current>())

/** Where the calling code stands; undefined outside of runs. */
export const current = (): Current | undefined => storage.getStore()

/** Calls with everything it starts standing there. */
export const within = <Args extends readonly unknown[], T>(
  place: Current,
  call: (...args: Args) => T,
  ...args: Args
): T => storage.run(place, call, ...args)
