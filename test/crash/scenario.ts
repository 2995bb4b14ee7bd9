/**
 * A scenario: flows whose steps report to the world outside, and clients that drive them. It is
 * executed by a process that is killed, and then once more by one that is not.
 */
import type { OpenOptions, Settled } from '../../src/index.ts'
import type { AnyFlow } from '../../src/run/index.ts'
import type { Client } from './client.ts'
import type { Life, Line, World } from './world.ts'

export interface Scenario {
  readonly name: string
  /** How each run ends that is started from outside. */
  readonly ends: Readonly<Record<string, Settled['status']>>
  /** Makes what one process brings. `outside`: where to find what is outside of it, if there is any. */
  readonly make: (world: World, outside: string) => Cast
  /** Systems outside that live in the process of the sweep, and are not killed. */
  readonly outside?: (worldOf: (life: Life) => World) => Promise<Outside>
  /** The store's file is made by the process that is killed, not before. */
  readonly onNewFile?: boolean
  /** The killed process closes its runtime at its end, so that closing is interrupted as well. */
  readonly closes?: boolean
  /** Steps whose body may be left without an outcome, as "run path". */
  readonly abandoned?: readonly string[]
  readonly queues?: OpenOptions['queues']
  /** `client`: the process that is killed executes nothing. Default "worker". */
  readonly victim?: 'client' | 'worker'
  /** Whether a second process, which is not killed, takes part; and whether it executes runs. */
  readonly peer?: 'client' | 'worker'
  /** Long ones are killed between their commits, unless every call is asked for. */
  readonly isLong?: true
  /** What else must hold. Returns complaints. */
  readonly check?: (lines: readonly Line[]) => readonly string[]
}

/** Systems outside, and where they are found. */
export interface Outside {
  readonly place: string
  readonly close: () => Promise<void>
}

export interface Cast {
  readonly flows: readonly AnyFlow[]
  /** The client in the process that is killed, and after it in the one that goes on. */
  readonly drive: (client: Client) => Promise<void>
  /** The client in the second process. */
  readonly peer?: (client: Client) => Promise<void>
}
