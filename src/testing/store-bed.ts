/** What a case of the conformance suite is given, and short ways to say what most cases do first. */
import { strict as assert } from 'node:assert'
import type {
  ClaimResult,
  MessageKind,
  NewMessage,
  RunRow,
  SessionOptions,
  Store,
} from '../store/store.ts'
import { ChainBuilder, type Hold, type RunOptions, testFlow } from './chain-builder.ts'

/** One ledger, empty at first, and the clock that its stores live on. */
export interface StoreBed {
  /**
   * Opens the ledger. Called a second time it gives another store on the same ledger, as another
   * process would have; a store that cannot be shared may give the same one again.
   */
  readonly open: () => Promise<Store>
  readonly clock: StoreClock
}

/** A clock that stands still until it is told. */
export interface StoreClock {
  now(): number
  advance(ms: number): void
}

/** One check. `run` rejects when the store does not hold what the contract promises. */
export interface StoreCase {
  readonly name: string
  run(bed: StoreBed): Promise<void>
}

export const leaseMs = 10_000

/** A time that no test reaches. */
export const never = 4e12

/** Opens a session under this token. */
export async function session(
  store: Store,
  token: string,
  options: Partial<SessionOptions> = {},
): Promise<string> {
  await store.openSession({ token, leaseMs, name: `worker ${token}`, ...options })
  return token
}

/** Creates a run. */
export async function start(
  store: Store,
  id: string,
  options: RunOptions = {},
): Promise<ChainBuilder> {
  const chain = new ChainBuilder(id)
  const { created } = await store.createRun(chain.start(options))
  assert.ok(created, `run ${id} should be new`)
  return chain
}

/** Claims up to `limit` runs of the flow that tests use. */
export function claim(store: Store, token: string, limit = 1000): Promise<ClaimResult> {
  return store.claim({ session: token, flows: [testFlow], limit })
}

/** Claims the one run that is due. */
export async function hold(store: Store, token: string, run: string): Promise<Hold> {
  const { runs } = await claim(store, token)
  assert.deepEqual(ids(runs), [run], 'this run alone should be due')
  return { session: token, epoch: runs[0]?.epoch ?? 0 }
}

/** A run of this id in the hands of this session, which is opened for it. */
export async function heldRun(
  store: Store,
  id = 'r',
  token = 's',
): Promise<{ readonly chain: ChainBuilder; readonly held: Hold }> {
  await session(store, token)
  const chain = await start(store, id)
  return { chain, held: await hold(store, token, id) }
}

export const ids = (runs: readonly RunRow[]): string[] => runs.map(({ id }) => id)

/** The run, which must be there. */
export async function row(store: Store, id: string): Promise<RunRow> {
  const found = await store.run(id)
  assert.ok(found, `run ${id} should be there`)
  return found
}

/** A message. */
export const message = (
  run: string,
  kind: MessageKind = 'signal',
  rest: Partial<NewMessage> = {},
): NewMessage => ({ run, kind, name: kind === 'signal' ? 'go' : '', payload: '{}', ...rest })

/** Delivers a message that must arrive; returns its number. */
export async function send(store: Store, sent: NewMessage): Promise<number> {
  const result = await store.deliver(sent)
  assert.equal(result.is, 'delivered')
  return result.is === 'delivered' ? result.number : 0
}
