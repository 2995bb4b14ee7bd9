/**
 * What is measured: the emitted package, as a user runs it, never the sources; see build.ts. Its
 * internals are used to fill stores, never in what is timed.
 */
import type * as Genesis from '../src/run/work/genesis.ts'
import type * as Ledger from '../src/ledger/index.ts'
import type * as Open from '../src/open.ts'
import type * as Package from '../src/index.ts'
import type * as System from '../src/base/system.ts'

const load = (path: string): Promise<unknown> => import(new URL(path, import.meta.url).href)

export const { agent, open, flow, tool } = (await load('../dist/index.js')) as typeof Package

/** For filling stores; loaded only by those who do. */
export async function internals(): Promise<
  Pick<typeof Ledger, 'headOf' | 'seal'> &
    Pick<typeof Open, 'openStore'> &
    Pick<typeof Genesis, 'newRun'> &
    Pick<typeof System, 'systemPorts'>
> {
  const { headOf, seal } = (await load('../modules/ledger/index.js')) as typeof Ledger
  const { openStore } = (await load('../modules/open.js')) as typeof Open
  const { newRun } = (await load('../modules/run/work/genesis.js')) as typeof Genesis
  const { systemPorts } = (await load('../modules/base/system.js')) as typeof System
  return { headOf, seal, openStore, newRun, systemPorts }
}
