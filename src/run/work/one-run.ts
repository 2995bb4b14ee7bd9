/**
 * Taking one run in hand, whatever its flow: for what is done to a run without executing its code. It
 * is held under a session of its own, as a worker would hold it, and given back in any case.
 */
import { EverloopError } from '../../base/errors.ts'
import { Redactor } from '../../base/redactor.ts'
import type { Ports } from '../../base/ports.ts'
import type { AnyDraft, Entry } from '../../ledger/index.ts'
import type { RunRow, Store } from '../../store/store.ts'
import { type Item, Journal } from '../pass/journal.ts'
import { preludeOf } from './opening.ts'
import type { Environment } from '../pass/pass-options.ts'
import { Reader } from '../replay/reader.ts'
import { SessionKeeper } from './session.ts'

export interface HoldingOptions {
  readonly store: Store
  readonly ports: Ports
  readonly leaseMs: number
  /** For people: who this is. */
  readonly name: string
  readonly onTrouble: (error: unknown, run: string | undefined) => void
  readonly redactor?: Redactor | undefined
  readonly environment?: Environment | undefined
}

/** A run in hand. */
export interface HeldRun {
  readonly row: RunRow
  readonly reader: Reader
  readonly journal: Journal
  readonly redactor: Redactor
  /** Resolves when it is durable. */
  readonly write: (item: Item) => Promise<readonly Entry[]>
  /** Writes this and gives the run back: due again when it was before, or at once. */
  readonly giveBack: (drafts: readonly AnyDraft[], wake?: number) => Promise<void>
  /** Rejects when the run is lost to somebody else. */
  readonly lost: Promise<never>
}

/** Throws RUN_STATE while somebody else has the run. */
export async function withRun<T>(
  options: HoldingOptions,
  run: string,
  work: (held: HeldRun) => Promise<T>,
): Promise<T> {
  const { promise: lost, reject: lose } = Promise.withResolvers<never>()
  lost.catch(() => {}) // nobody may be waiting for it
  const session = await SessionKeeper.open({
    ...options,
    onLost: () => lose(new EverloopError('FENCED', `The lease on run "${run}" ran out.`, { run })),
    onTrouble: (error) => options.onTrouble(error, run),
  })
  const { token } = session
  try {
    const claim = { session: token, flows: [], limit: 1, run }
    const [row] = (await options.store.claim(claim)).runs
    if (!row) throw heldElsewhere(run)
    return await work(await inHand(options, row, { token, lost, lose }))
  } finally {
    await session.close()
  }
}

/** What was claimed, ready to be worked on. A run that cannot be read is given back. */
async function inHand(
  options: HoldingOptions,
  row: RunRow,
  {
    token,
    lost,
    lose,
  }: {
    readonly token: string
    readonly lost: Promise<never>
    readonly lose: (error: EverloopError) => void
  },
): Promise<HeldRun> {
  const { store, ports, onTrouble, redactor = new Redactor() } = options
  let reader: Reader | undefined
  const journal = new Journal({
    store,
    ports,
    redactor,
    run: row.id,
    session: token,
    epoch: row.epoch,
    head: { seq: row.seq, hash: row.hash, time: row.updated },
    prelude: () => (row.status === 'active' ? preludeOf(row, reader) : undefined),
    onCommitted: () => {},
    onSettled: () => {},
    onNews: () => {},
    onLost: lose,
    onTrouble: (error) => onTrouble(error, row.id),
  })
  const write = (item: Item): Promise<readonly Entry[]> => Promise.race([lost, journal.write(item)])
  const giveBack = async (drafts: readonly AnyDraft[], wake = row.wake): Promise<void> => {
    await write({ drafts, release: { wake, seen: row.newest } })
  }
  try {
    reader = await Reader.read(store, row)
    return { row, reader, journal, redactor, write, giveBack, lost }
  } catch (error) {
    await giveBack([])
    throw error
  }
}

const heldElsewhere = (run: string): EverloopError =>
  new EverloopError(
    'RUN_STATE',
    `Run "${run}" is in the hands of a worker at the moment. Try again when it has let go of it; \`everloop runs explain ${run}\` says what it is doing.`,
    { run },
  )
