/**
 * Where a run has come to rest, looked at through its children: what moves by itself, what goes on
 * with time, and what needs somebody.
 */
import { EverloopError } from '../base/errors.ts'
import type { Ever, RunInfo, Settled, WaitInfo } from '../run/index.ts'
import { unlessAborted } from './interrupt.ts'

/** What a waiting run waits for in the end. */
export interface Leaf {
  /** The run that waits: the one asked about, or a child of it. */
  readonly run: string
  readonly is: 'moving' | 'time' | 'outside'
  /** When it goes on by itself. */
  readonly due: number | undefined
  /** Undefined for a child that is paused or that nobody here serves. */
  readonly wait: WaitInfo | undefined
}

const childrenMax = 50

/** What these waits come down to. */
async function leavesOf(
  ever: Ever,
  run: string,
  waits: readonly WaitInfo[],
  serves: (flow: string, version: string) => boolean,
): Promise<readonly Leaf[]> {
  const leaves: Leaf[] = []
  for (const wait of waits) {
    if (wait.kind !== 'child') {
      const is = wait.kind === 'timer' || wait.kind === 'retry' ? 'time' : 'outside'
      leaves.push({ run, is, due: wait.due, wait })
    } else if (leaves.length < childrenMax) {
      leaves.push(...(await childLeaves(ever, wait.what, serves)))
    }
  }
  return leaves
}

async function childLeaves(
  ever: Ever,
  child: string,
  serves: (flow: string, version: string) => boolean,
): Promise<readonly Leaf[]> {
  const reference = await ever.get(child)
  const { status, flow, version } = await reference.status()
  const leaf = (is: Leaf['is']): Leaf => ({ run: child, is, due: undefined, wait: undefined })
  if (status === 'paused') return [leaf('outside')]
  if (status === 'ready' && !serves(flow, version)) return [leaf('outside')]
  if (status !== 'waiting') return [leaf('moving')]
  const settled = await reference.settled()
  return settled.status === 'waiting' ? leavesOf(ever, child, settled.on, serves) : [leaf('moving')]
}

export interface SettleOptions {
  readonly serves: (flow: string, version: string) => boolean
  /** Times that come within this many milliseconds are waited for. */
  readonly waitMs: number
  readonly signal: AbortSignal
  /** Called with the waits that need somebody; true when something was done about them. */
  readonly onOutside: (leaves: readonly Leaf[]) => Promise<boolean>
}

/** Nobody has taken the run, and this process does not serve it. */
export interface Unserved {
  readonly status: 'ready'
  readonly flow: string
  readonly version: string
}

/** For so long others have time to take a run that is not served here. */
const graceMs = 1000

/**
 * Waits until the run has ended, is paused, or waits for something that is not coming soon; or until it
 * is to be executed by somebody who does not come.
 */
export async function settle(
  ever: Ever,
  id: string,
  options: SettleOptions,
): Promise<Settled | Unserved> {
  const { serves, waitMs, signal, onOutside } = options
  const reference = await ever.get(id)
  for (let rest: Promise<Settled> | undefined; ;) {
    const change = nextChange(ever)
    try {
      const info = await reference.status()
      const isServed = serves(info.flow, info.version)
      if (!isServed && isLeft(info, ever.store.clock.now())) return { ...info, status: 'ready' }
      rest ??= reference.settled()
      const settled = await unlessAborted(
        signal,
        isServed ? rest : Promise.race([rest, change.within(graceMs)]),
      )
      if (settled === undefined) continue
      rest = undefined
      if (settled.status !== 'waiting') return settled
      const leaves = await leavesOf(ever, id, settled.on, serves)
      const { clock } = ever.store
      const horizon = clock.now() + waitMs
      const soon = leaves.filter(({ due }) => due !== undefined && due <= horizon)
      const outside = leaves.filter(({ is }) => is === 'outside')
      if (outside.length > 0 && (await onOutside(outside))) continue
      const isMoving = leaves.some(({ is }) => is === 'moving')
      if (!isMoving && soon.length === 0) return settled
      const first = Math.min(...soon.map(({ due }) => due ?? Infinity))
      await unlessAborted(signal, change.within(Math.min(1000, Math.max(0, first - clock.now()))))
    } finally {
      change.stop()
    }
  }
}

/** True when nobody has taken the run in good time. */
const isLeft = ({ status, due = 0 }: RunInfo, now: number): boolean =>
  status === 'ready' && now - due > graceMs

/** The next commit to the store, by anybody. Listens from the moment of the call. */
export function nextChange(ever: Ever): Change {
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = ever.store.subscribe(() => resolve())
  return {
    stop,
    async within(ms) {
      const timer = setTimeout(resolve, ms)
      await promise
      clearTimeout(timer)
    },
  }
}

interface Change {
  /** Resolves with the commit, or after this time at the latest. */
  within(ms: number): Promise<void>
  stop(): void
}

/** Throws UNKNOWN_RUN early, with the id spelt out, and completes a prefix. */
export async function resolveRun(ever: Ever, prefix: string | undefined): Promise<string> {
  if (prefix === undefined || prefix === '') {
    throw new EverloopError('BAD_NAME', 'A run id is missing. `everloop runs list` shows them.')
  }
  return ever.resolve(prefix)
}
