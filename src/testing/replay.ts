/**
 * Drives a finished run once more over its recorded entries, without the last one: the code must
 * write this very entry again, and nothing else.
 */
import type { ErrorData } from '../base/errors.ts'
import { checkOptions } from '../base/options.ts'
import { decode, emptyState, encode, fold, type Entry, type Payloads } from '../ledger/index.ts'
import { type AnyFlow, barrenMax, type OnBody } from '../run/index.ts'
import type { Append, RunRow, Store } from '../store/store.ts'
import { TestWorker } from './test-worker.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How a run was driven once more. */
export interface Replay {
  /** What is wrong, in sentences. */
  readonly flaws: readonly string[]
}

/**
 * Re-drives a completed, failed or cancelled run. Nothing is written to the store.
 *
 * @example
 * const { store, time } = runtime
 * const { flaws } = await replay(run.id, { store, time, flows: [approval] })
 * assert.deepEqual(flaws, [])
 */
export async function replay(
  run: string,
  options: {
    readonly store: Store
    readonly time: VirtualTime
    readonly flows: readonly AnyFlow[]
    /** Told of the body of each step that is executed. */
    readonly onBody?: OnBody
  },
): Promise<Replay> {
  checkOptions('replay', options, ['store', 'time', 'flows', 'onBody'])
  const { store, time, flows, onBody } = options
  const entries = await store.entries(run)
  const row = await store.run(run)
  const last = entries.at(-1)
  if (!row || !last || row.status === 'active' || row.status === 'paused') {
    return { flaws: [`Run "${run}" has not ended.`] }
  }
  if (!wasWrittenByCode(entries)) return { flaws: [] }
  const appends: Append[] = []
  const overlay = truncated(store, row, { appends, now: timeOfEnd(entries) })
  const worker = new TestWorker({
    store: overlay,
    time,
    flows,
    name: 'replay',
    leaseMs: 10_000,
    concurrency: 1,
    development: false,
    onCall: undefined,
    onBody,
    onTrouble: () => {},
  })
  await time.runUntil(() => appends.length > 0, { within: '5m' }).catch(() => {})
  await time.settle()
  worker.crash()
  const written = appends.flatMap((append) => append.entries)
  const wrote = written.map(shown).join('; ') || 'nothing'
  const [only] = written
  if (written.length === 1 && only && isSame(only, last)) return { flaws: [] }
  return {
    flaws: [`Run "${run}", driven once more, wrote ${wrote} where ${shown(last)} is recorded.`],
  }
}

/**
 * A run that was cancelled before its code began, or while it must not be executed, ended without it.
 * Where a deadline was found to have passed only at the end, code that is executed again may be told of it
 * before, or not. What was undone after the end is no end.
 */
function wasWrittenByCode(entries: readonly Entry[]): boolean {
  const [last, before] = entries.toReversed()
  if (last && !ends.includes(last.kind)) return false
  if (entries.some(({ kind }) => kind === 'run.undoing')) return true
  const wasToldOfCancel = entries.some(({ kind }) => kind === 'run.cancelling')
  if (last?.kind === 'run.failed' && errorOf(last).code === 'DEADLINE') return wasToldOfCancel
  if (last?.kind !== 'run.cancelled') return true
  return wasToldOfCancel && before?.kind !== 'run.paused' && !wasDeadly(before)
}

/** Its code had killed so many workers that it was not executed again, not even to cancel. */
const wasDeadly = (entry: Entry | undefined): boolean =>
  entry?.kind === 'run.overtaken' &&
  (decode(entry.payload ?? '{}') as Payloads['run.overtaken']).times >= barrenMax

const errorOf = ({ payload }: Entry): ErrorData =>
  (decode(payload ?? '{}') as Payloads['run.failed']).error

const ends: readonly Entry['kind'][] = ['run.completed', 'run.failed', 'run.cancelled']

const shown = ({ kind, scope, key, payload }: Entry): string =>
  `${kind} at "${scope}/${key}" with ${payload?.slice(0, 300)}`

/**
 * A deadline that has passed since had not passed then: not even where the end that the code had come
 * to was written behind it.
 */
function timeOfEnd(entries: readonly Entry[]): number {
  const [genesis] = entries
  const last = entries.at(-1)
  const { deadline = Infinity } = decode(genesis?.payload ?? '{}') as Payloads['run.started']
  const wasMissed = last?.kind === 'run.failed' && errorOf(last).code === 'DEADLINE'
  return Math.min(last?.time ?? 0, wasMissed ? Infinity : deadline - 1)
}

/** Equal but for where and when it was written. */
const isSame = (a: Entry, b: Entry): boolean =>
  a.kind === b.kind && a.scope === b.scope && a.key === b.key && contentOf(a) === contentOf(b)

/** A large output stands elsewhere, under the hash of its text. */
const contentOf = ({ payload }: Entry): string =>
  encode(decode(payload ?? 'null', { resolve: (ref) => ref }))

/** The store as it was before the run's last entry, for one worker: appends lead nowhere. */
function truncated(
  store: Store,
  row: RunRow,
  { appends, now }: { readonly appends: Append[]; readonly now: number },
): Store {
  let claimed = false
  const before = async (): Promise<{
    readonly entries: Awaited<ReturnType<Store['entries']>>
    readonly row: RunRow
  }> => {
    const entries = (await store.entries(row.id)).slice(0, -1)
    const last = entries.at(-1)
    const head = { seq: last?.seq ?? 0, hash: last?.hash ?? '', updated: last?.time ?? 0 }
    const state = { status: 'active', code: undefined, barren: 0, newest: 0 } as const
    return { entries, row: { ...row, ...state, ...head } }
  }
  const instead: Partial<Store> = {
    clock: { now: () => now },
    openSession: async () => {},
    renewSession: async () => true,
    closeSession: async () => {},
    subscribe: () => () => {},
    news: async () => [],
    messages: async () => [],
    claim: async ({ session }) => {
      if (claimed) return { runs: [], nextDue: undefined }
      claimed = true
      return { runs: [{ ...(await before()).row, session }], nextDue: undefined }
    },
    openEntries: async () => {
      const { entries } = await before()
      const { scopes } = fold(emptyState, entries)
      return entries.filter(
        ({ scope, seq }) => scope === '' || seq >= (scopes.get(scope) ?? Infinity),
      )
    },
    entries: async (_, { after = 0, limit = Infinity } = {}) =>
      (await before()).entries.slice(after, after + limit),
    append: async (append) => {
      appends.push(append)
      return { is: 'committed', newest: 0 }
    },
  }
  return new Proxy(store, {
    get: (target, name) => {
      const own: unknown = Reflect.get(instead, name)
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
