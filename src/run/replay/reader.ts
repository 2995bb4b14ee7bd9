/**
 * Reads back what a resume needs: the entries of open scopes and whatever they refer to, each
 * checked against its neighbour in the chain before anything is believed.
 */
import { EverloopError } from '../../base/errors.ts'
import { LateMap } from '../../base/late-map.ts'
import { checkLinks, decode, emptyState, fold, placeOf } from '../../ledger/index.ts'
import type { Block, Entry, LinkedEntry, Part, Ref, RunState } from '../../ledger/index.ts'
import type { RunRow, Store } from '../../store/store.ts'
import { asItIs } from '../as-it-is.ts'
import { partOf } from './handed-values.ts'
import { largeOf, largeValues, type Wanted, wantedBy } from './large.ts'
import type { Line } from './recorded.ts'

/** How many entries are fetched at a time when references are followed. */
const batchMax = 1000

export class Reader {
  readonly run: string
  /**
   * Entries by number, and what was decoded of them: only where one refers to another. What is referred
   * to and refers to nothing is decoded at once, so that its text need not be kept.
   */
  readonly #entries = new LateMap<number, Entry>()
  readonly #records = new LateMap<number, unknown>()
  #large: ReadonlyMap<string, unknown> | undefined
  #blocks: WeakMap<readonly unknown[], readonly Block[]> | undefined
  #state: RunState | undefined
  #beginning: Line<'run.started'> | undefined
  /** Objects of loops' states that were decoded from references, and what they stand for. */
  readonly refs: WeakMap<object, Ref> = new WeakMap()
  /** What the resume reads first, in order of seq. */
  readonly open: readonly Entry[]

  private constructor(run: string, open: readonly Entry[]) {
    this.run = run
    this.open = open
  }

  /** Throws BROKEN_CHAIN when anything that was read does not fit. */
  static async read(store: Store, row: RunRow): Promise<Reader> {
    const open = await store.openEntries(row.id)
    checkLinks(open)
    checkHead(row, open.at(-1))
    checkKinds(open)
    const reader = new Reader(row.id, open)
    await reader.#follow(store)
    return reader
  }

  /** What the entries add up to. */
  get state(): RunState {
    return (this.#state ??= fold(emptyState, this.open))
  }

  /** The first entry: what the run was started with. Decoded once, and only the run's code changes its input. */
  get beginning(): Line<'run.started'> {
    if (this.#beginning) return this.#beginning
    const [entry] = this.open
    if (entry?.kind !== 'run.started') {
      throw new EverloopError(
        'BROKEN_CHAIN',
        'A ledger does not begin with run.started: its first entry is missing.',
      )
    }
    this.#beginning = this.line(entry) as Line<'run.started'>
    return this.#beginning
  }

  /**
   * The entry with its decoded payload. References are resolved from what was read. States of loops
   * share what they refer to, as they are frozen; what else is decoded belongs to whoever is handed it.
   */
  line = (entry: Entry): Line => {
    const isShared = entry.kind === 'turn.committed' && this.#entries.size > 0
    const record = isShared ? this.#record(entry.seq) : this.#decoded(entry, this.#copy)
    return { entry, kind: entry.kind, record } as Line
  }

  /** Reads what the open entries refer to, and what that refers to. */
  async #follow(store: Store): Promise<void> {
    const wanted: Wanted = { seqs: new Set(), large: new Map() }
    const referring = this.open.filter(({ payload }) => wantedBy(payload, wanted))
    if (referring.length === 0) return
    for (const entry of this.open) this.#entries.set(entry.seq, entry)
    const asked = new Set(this.#entries.keys())
    while (wanted.seqs.size > 0) {
      const seqs = Array.from(wanted.seqs)
        .filter((seq) => !asked.has(seq))
        .toSorted((a, b) => a - b)
      wanted.seqs.clear()
      for (const seq of seqs) asked.add(seq)
      for (let at = 0; at < seqs.length; at += batchMax) {
        await this.#fetch(store, seqs.slice(at, at + batchMax), wanted)
      }
    }
    this.#large = await largeValues(store, this.run, wanted.large)
  }

  async #fetch(store: Store, seqs: readonly number[], wanted: Wanted): Promise<void> {
    const found: readonly LinkedEntry[] = await store.entriesAt(this.run, seqs)
    checkLinks(found)
    if (found.length < seqs.length)
      throw this.#broken('an entry that another one refers to is missing')
    for (const entry of found) {
      const refers = wantedBy(entry.payload, wanted)
      if (refers || entry.payload === null) this.#entries.set(entry.seq, entry)
      else this.#records.set(entry.seq, this.#decoded(entry))
    }
  }

  #record(seq: number): unknown {
    if (this.#records.has(seq)) return this.#records.get(seq)
    const entry = this.#entries.get(seq)
    if (!entry) throw this.#broken(`entry ${seq} is referred to but was not read`)
    const record = this.#decoded(entry)
    this.#records.set(seq, record)
    return record
  }

  #decoded({ seq, payload }: Entry, resolve: (ref: Ref) => unknown = this.#resolve): unknown {
    if (payload !== null) return decode(payload, { resolve, onParts: this.#noteBlocks })
    throw new EverloopError(
      'BROKEN_CHAIN',
      `Entry ${seq} of run "${this.run}" has been erased, so the run cannot go on. Cancel it.`,
      { run: this.run },
    )
  }

  /** What of this list of a loop's state is kept as artifacts. */
  readonly blocksOf = (list: readonly unknown[]): readonly Block[] | undefined =>
    this.#blocks?.get(list)

  #noteBlocks = (list: readonly unknown[], parts: readonly Part[]): void => {
    const blocks: Block[] = []
    let start = 0
    for (const { count, ref } of parts) {
      const artifact = ref && largeOf(ref)
      const units = Number(ref?.[3])
      if (artifact !== undefined && units > 0) blocks.push({ start, count, artifact, units })
      start += count
    }
    if (blocks.length > 0) (this.#blocks ??= new WeakMap()).set(list, blocks)
  }

  #resolve = (ref: Ref): unknown => {
    const value = this.#valueOf(ref)
    if (typeof value === 'object' && value !== null) this.refs.set(value, ref)
    return value
  }

  #copy = (ref: Ref): unknown => asItIs(this.#valueOf(ref))

  #valueOf(ref: Ref): unknown {
    const large = largeOf(ref)
    const [seq, ...path] = ref
    if (large === undefined) return partOf(this.#record(seq), path)
    // Left out, it would be missing in the state and nobody would know.
    if (!this.#large?.has(large)) {
      throw this.#broken(
        'a large value is referred to in a way that this version does not know, so it is damaged or a newer everloop wrote it',
      )
    }
    return this.#large.get(large)
  }

  #broken(why: string): EverloopError {
    return new EverloopError(
      'BROKEN_CHAIN',
      `The ledger of run "${this.run}" is broken: ${why}. Run \`everloop runs verify ${this.run}\`.`,
      { run: this.run },
    )
  }
}

/** The newest entry is always in an open scope: what was read must end where the run row says. */
function checkHead(row: RunRow, last: Entry | undefined): void {
  if (last?.seq === row.seq && last.hash === row.hash) return
  throw new EverloopError(
    'BROKEN_CHAIN',
    `The ledger of run "${row.id}" ends at entry ${last?.seq ?? 0}, but the run stands at entry ${row.seq}: entries are missing or were changed. Run \`everloop runs verify ${row.id}\`, then restore the store from a backup.`,
    { run: row.id },
  )
}

/** What a later version has written must not be overlooked: it may be an effect that is in doubt. */
function checkKinds(entries: readonly Entry[]): void {
  const strange = entries.find(({ kind }) => placeOf(kind) === undefined)
  if (!strange) return
  const { run, kind, seq } = strange
  throw new EverloopError(
    'STORE_NEWER',
    `Entry ${seq} of run "${run}" is of kind ${kind}, which this version does not write. A newer everloop has executed the run: update this worker, or leave the run to the newer ones.`,
    { run },
  )
}

/** A worker takes a run by its row: what it executes must be what was started, or what it has moved to. */
export function checkFlow({ id, flow, version }: RunRow, reader: Reader): void {
  const { record: started } = reader.beginning
  const current = reader.state.version ?? started.version
  if (started.flow === flow && current === version) return
  throw new EverloopError(
    'BROKEN_CHAIN',
    `Run "${id}" is of flow "${started.flow}" in version "${current}", but its row says flow "${flow}" in version "${version}": the store was changed outside everloop. Run \`everloop runs verify ${id}\`, then restore the store from a backup.`,
    { run: id },
  )
}

/** When the run could begin: a start with a delay waits before it. On the store's clock. */
export function beginTime(reader: Reader): number {
  const { entry, record } = reader.beginning
  return Math.max(entry.time, record.notBefore ?? entry.time)
}
