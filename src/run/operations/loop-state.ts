/**
 * A loop's state in memory, and what each turn writes of it.
 *
 * - T1 The state handed to a turn equals what a resume would decode, and is frozen. Bytes cannot be
 *   frozen: each turn is handed a copy of them, and what it hands on is compared with what was kept.
 * - T2 What a resume reads (`chain`) stays below twice what lives (`live`) plus a slack, see
 *   ledger/delta.ts. Both are counted in characters and stand in every turn's entry.
 * - T3 What the ledger holds already, a step's value or an item of an earlier turn, is referred to.
 *
 * For T4 and T5, on long lists of a state, see state-blocks.ts and ledger/block.ts.
 */
import { assert, EverloopError } from '../../base/errors.ts'
import {
  applyEdits,
  blocksAfter,
  blockUnits,
  decode,
  diff,
  encode,
  entryUnits,
  keep,
  listsOf,
  readsTooMuch,
  referredUnitsMin,
  spliceItems,
} from '../../ledger/index.ts'
import type { Block, Blocks, Edit, Payloads, Ref } from '../../ledger/index.ts'
import type { NewArtifact } from '../../store/store.ts'
import { type HandedValues, partOf } from '../replay/handed-values.ts'
import type { Line } from '../replay/recorded.ts'
import { inBlocks, isWorthBlocks, type Making } from './state-blocks.ts'

type Turn = Payloads['turn.committed']

/** A turn that is ready to be committed. */
export interface TurnChange {
  readonly record: Turn
  readonly payload: string
  readonly artifacts?: readonly NewArtifact[]
  /** Takes the change over, once it is known under which number it was committed. */
  readonly accept: (seq: number) => void
}

/** What was read of a state besides its turns. */
interface Restoring {
  /** What was decoded from references. */
  readonly refs: WeakMap<object, Ref>
  readonly blocksOf: (list: readonly unknown[]) => readonly Block[] | undefined
}

/** What of the state is in blocks, and what was written since the last whole turn. In characters. */
interface Keeping {
  readonly blocks: Blocks
  /** What the next whole turn has to write besides what is fresh, as no block holds it. */
  readonly loose: number
  /** What a resume had to read behind the last whole turn. */
  readonly whole: number
}

/** An entry whose parts the state may consist of. */
interface Written {
  readonly seq: number
  readonly record: Turn
}

export class LoopState {
  #state: unknown
  #turn: number
  #live: number
  #chain: number
  /** Where large parts of the living state stand in the ledger. */
  readonly #refs: WeakMap<object, Ref>
  /** Plain copies of long lists of the state, if it has any: V8 reads frozen lists several times slower. */
  #plain: WeakMap<object, unknown[]> | undefined
  /** Turns since the last whole one, and that one: what a whole one can refer to. */
  #written: Written[]
  #keeping: Keeping
  /** From this turn on it is tried whether what is new can be written and copied at once. */
  #quickFrom = 0
  /** Takes secrets out of what is written, and so out of the state (T1). */
  readonly #making: Making

  private constructor(fields: {
    readonly state: unknown
    readonly turn: number
    readonly live: number
    readonly chain: number
    readonly refs: WeakMap<object, Ref>
    readonly written: Written[]
    readonly keeping: Keeping
    readonly making: Making
  }) {
    deepFreeze(fields.state)
    this.#state = fields.state
    this.#turn = fields.turn
    this.#live = fields.live
    this.#chain = fields.chain
    this.#refs = fields.refs
    this.#written = fields.written
    this.#keeping = fields.keeping
    this.#making = fields.making
  }

  /** A loop that has committed no turn. Its first turn will be kept whole. */
  static initial(state: unknown, making: Making): LoopState {
    const text = making.redact(encode(state))
    return new LoopState({
      state: decode(text),
      turn: 0,
      live: text.length,
      chain: Infinity,
      refs: new WeakMap(),
      written: [],
      keeping: { blocks: [], loose: text.length, whole: 0 },
      making,
    })
  }

  /** A loop behind these turns, the first of which is whole. */
  static restored(
    turns: readonly Line<'turn.committed'>[],
    { refs, blocksOf }: Restoring,
    making: Making,
  ): LoopState {
    const [first] = turns
    const last = turns.at(-1)
    assert(first && last && 'base' in first.record, 'A loop has no whole turn to begin with.')
    const whole = turns.findLastIndex(({ record }) => 'base' in record)
    const { record: base, entry: baseEntry } = turns[whole] ?? first
    const edits = turns
      .slice(whole + 1)
      .flatMap(({ record }) => ('delta' in record ? record.delta : []))
    const before = 'base' in base ? base.base : undefined
    const state = applyEdits(before, edits)
    const known = Array.from(listsOf(before)).flatMap(({ path, list }) => {
      const stretches = blocksOf(list)
      return stretches ? [{ path, stretches }] : []
    })
    const keeping = keepingAfter(
      { blocks: known, loose: baseEntry.payload?.length ?? 0, whole: base.chain },
      edits,
    )
    const { live, chain } = last.record
    const written = turns.map(({ entry, record }) => ({ seq: entry.seq, record }))
    const turn = Number(last.entry.key)
    return new LoopState({ state, turn, live, chain, refs, written, keeping, making })
  }

  /** The state to hand to the next turn: frozen, with bytes of its own. */
  handed(): unknown {
    return withOwnBytes(this.#state)
  }

  /** How much a resume reads for the state, in characters. */
  get chain(): number {
    return this.#chain
  }

  /** The number of the last committed turn; 0 for none. */
  get turn(): number {
    return this.#turn
  }

  /**
   * The change that leads to this state. Nothing of it is the code's, which may go on changing its objects.
   * Throws NOT_SERIALISABLE when it cannot be kept.
   */
  change(after: unknown, handed: HandedValues, rest: Pick<Turn, 'version'> = {}): TurnChange {
    const plainOf = (list: readonly unknown[]): readonly unknown[] | undefined =>
      this.#plain?.get(list)
    const edits = diff(this.#state, after, { plainOf })
    const { text, units, delta } = this.#writing(edits, handed)
    const added = text.length + units
    const live = this.#live + added - replacedUnits(this.#state, edits)
    const chain = this.#chain + added + entryUnits
    const state = applyEdits(this.#state, delta, plainOf)
    if (readsTooMuch(chain, live)) {
      for (const { seq, record } of this.#written) this.#remember(seq, record)
      return this.#whole(state, delta, handed, rest)
    }
    let keeping = keepingAfter(this.#keeping, delta)
    const { sizes } = this.#making
    const fresh = chain - keeping.whole
    if (isWorthBlocks(fresh, keeping.loose, sizes)) {
      const whole = unlessRefused(() => this.#whole(state, delta, handed, rest))
      if (whole && isWorthBlocks(fresh, whole.payload.length, sizes)) return whole
      // Too much of the state is in no long list. It is looked at again when twice as much has come:
      // otherwise looking at states that grow would cost more than all else.
      keeping = { ...keeping, loose: fresh / 2 }
    }
    const tail = encode({ live, chain, ...rest }).slice(1)
    const record: Turn = { delta, live, chain, ...rest }
    return {
      record,
      payload: `{"delta":${text},${tail}`,
      accept: (seq) => this.#accept(state, delta, { seq, record }, keeping),
    }
  }

  /**
   * The edits as they are written, and as a resume will read them. What is new is copied: the objects belong
   * to the code, which goes on using them. `units`: what is referred to.
   */
  #writing(
    edits: readonly Edit[],
    handed: HandedValues,
  ): { readonly text: string; readonly units: number; readonly delta: readonly Edit[] } {
    const { redact } = this.#making
    if (this.#turn >= this.#quickFrom) {
      const quick = this.#referring(handed)
      const kept = keep(edits, quick.refer)
      if (kept && redact(kept.text) === kept.text) {
        const delta = kept.value(quick.resolve) as readonly Edit[]
        return { text: kept.text, units: quick.units, delta }
      }
      this.#quickFrom = this.#turn + turnsPassedOver
    }
    const referring = this.#referring(handed)
    const text = redact(encode(edits, { refer: referring.refer }))
    const delta = decode(text, { resolve: referring.resolve }) as readonly Edit[]
    return { text, units: referring.units, delta }
  }

  /** The turn with its whole state; only what the ledger does not hold in large parts is written. */
  #whole(
    state: unknown,
    edits: readonly Edit[],
    handed: HandedValues,
    rest: Pick<Turn, 'version'>,
  ): TurnChange {
    const before = { before: this.#state, blocks: this.#keeping.blocks, edits }
    const { blocks, artifacts } = inBlocks(state, before, this.#making)
    const byList = blocksIn(state, blocks)
    const referring = this.#referring(handed)
    const blocksOf = (list: readonly unknown[]): readonly Block[] | undefined => byList.get(list)
    const refer = (value: object | string): Ref | undefined =>
      byList.has(value) ? undefined : referring.refer(value)
    const text = this.#making.redact(encode(state, { refer, blocksOf }))
    const live = text.length + referring.units + blockUnits(blocks)
    const record: Turn = { base: state, live, chain: live, ...rest }
    const tail = encode({ live, chain: live, ...rest }).slice(1)
    const payload = `{"base":${text},${tail}`
    const accept = (seq: number): void => {
      this.#written = []
      this.#accept(state, edits, { seq, record }, { blocks, loose: payload.length, whole: live })
    }
    return { record, payload, artifacts, accept }
  }

  /** `edits`: all that is new in the state; everything else is the same objects as before. */
  #accept(state: unknown, edits: readonly Edit[], written: Written, keeping: Keeping): void {
    this.#state = this.#freezeEdited(state, edits)
    this.#keeping = keeping
    this.#turn++
    this.#live = written.record.live
    this.#chain = written.record.chain
    this.#written.push(written)
  }

  /** Freezes what the edits touched; a long list is kept a second time in a form quick to read. */
  #freezeEdited(state: unknown, edits: readonly Edit[]): unknown {
    for (const edit of edits) {
      const bringsBytes = newIn(edit).reduce<boolean>((has, part) => deepFreeze(part) || has, false)
      let [old, node] = [this.#state, state]
      for (const key of [...edit[1], undefined]) {
        if (typeof node !== 'object' || node === null || ArrayBuffer.isView(node)) break
        if (Array.isArray(node)) this.#keepPlain(old, node, edit, key)
        Object.freeze(node)
        if (bringsBytes || holdsBytes(old)) withBytes.add(node)
        // What an edit has cut is not there: the field that all objects inherit under its name is not the state's.
        if (key === undefined || !Object.hasOwn(node, key)) break
        node = (node as Container)[key]
        old = typeof old === 'object' && old !== null ? (old as Container)[key] : undefined
      }
    }
    return state
  }

  /**
   * A list's plain form goes on to the list that an edit made of it, because copying it takes long.
   * One list is changed by one splice or by edits of single items, never by both; what stands at
   * two places of the state has its plain form after the edits of the first.
   */
  #keepPlain(old: unknown, list: unknown[], edit: Edit, key: string | number | undefined): void {
    if (list.length < longList) return
    const plain = (this.#plain ??= new WeakMap())
    const known = plain.get(list)
    const moved = known ?? plain.get(old as object)
    if (!moved) {
      plain.set(list, [...list])
      return
    }
    if (key !== undefined) moved[Number(key)] = list[Number(key)]
    else if (!known && edit[0] === 'splice') spliceItems(moved, edit)
    if (known) return
    plain.delete(old as object) // two lists may be made of it, and only one gets it
    plain.set(list, moved)
  }

  #referring(handed: HandedValues): {
    readonly refer: (value: object | string) => Ref | undefined
    /** What was referred to: a copy where the code has it, which may go on changing it (T1). */
    readonly resolve: (ref: Ref) => unknown
    units: number
  } {
    const referred = new Map<string, unknown>()
    let copyOf: ReturnType<HandedValues['copying']> | undefined
    const referring = {
      units: 0,
      resolve: (ref: Ref): unknown => referred.get(JSON.stringify(ref)),
      refer: (value: object | string): Ref | undefined => {
        const known = typeof value === 'object' ? this.#refs.get(value) : undefined
        const ref = known ?? (handed.isEmpty ? undefined : handed.refer(value))
        if (ref) {
          const isOurs = known || typeof value === 'string'
          const part = isOurs ? value : (copyOf ??= handed.copying())(ref, value)
          referred.set(JSON.stringify(ref), part)
          referring.units += (known ? undefined : handed.unitsOf(ref)) ?? encode(value).length
          if (typeof part === 'object' && part !== null) this.#refs.set(part, ref)
        }
        return ref
      },
    }
    return referring
  }

  /** Large parts of what a turn wrote can be referred to by that turn. */
  #remember(seq: number, record: Turn): void {
    if ('base' in record) this.#rememberPart(record.base, [seq, 'base'])
    else {
      for (const [i, edit] of record.delta.entries()) {
        if (edit[0] === 'set') this.#rememberPart(edit[2], [seq, 'delta', i, 2])
        if (edit[0] === 'splice') this.#rememberPart(edit[4], [seq, 'delta', i, 4])
      }
    }
  }

  /** Lists and objects grow; what they hold is what can be found again. */
  #rememberPart(value: unknown, ref: Ref): void {
    if (typeof value !== 'object' || value === null || this.#refs.has(value)) return
    for (const [key, child] of Object.entries(value)) {
      if (typeof child !== 'object' || child === null || this.#refs.has(child)) continue
      const path: Ref = [...ref, Array.isArray(value) ? Number(key) : key]
      if (Array.isArray(child)) this.#rememberPart(child, path)
      else if (encode(child).length >= referredUnitsMin) this.#refs.set(child, path)
    }
  }
}

/** The same change, of a turn that has left these operations behind. */
export function abandoning(change: TurnChange, abandoned: Turn['abandoned']): TurnChange {
  if (abandoned === undefined) return change
  const { record, payload } = change
  return {
    ...change,
    record: { ...record, abandoned },
    payload: `${payload.slice(0, -1)},${encode({ abandoned }).slice(1)}`,
  }
}

/** Edits may have made a state that is too long or too deep to be written in one piece. */
function unlessRefused(whole: () => TurnChange): TurnChange | undefined {
  try {
    return whole()
  } catch (error) {
    if (EverloopError.is(error)) return undefined
    throw error
  }
}

/** An edit that touches a block gives it up: what it held has to be written again. */
function keepingAfter({ blocks, loose, whole }: Keeping, edits: readonly Edit[]): Keeping {
  const left = blocksAfter(blocks, edits)
  if (left === blocks) return { blocks, loose, whole }
  return { blocks: left, loose: loose + blockUnits(blocks) - blockUnits(left), whole }
}

/** The blocks of a state by its lists. */
function blocksIn(state: unknown, blocks: Blocks): ReadonlyMap<unknown, readonly Block[]> {
  return new Map(blocks.map(({ path, stretches }) => [partOf(state, path), stretches]))
}

/** Where one turn brings what JSON lacks, such as a date, the next ones do so, too, and trying was in vain. */
const turnsPassedOver = 16

type Container = Readonly<Record<string | number, unknown>>

/** Lists of this length are worth a plain copy. */
const longList = 256

/** What the edits take out of the state, in characters. */
function replacedUnits(state: unknown, edits: readonly Edit[]): number {
  let units = 0
  for (const edit of edits) {
    const old = partOf(state, edit[1])
    if (edit[0] !== 'splice') {
      if (old !== undefined) units += encode(old).length
    } else if (edit[3] > 0 && Array.isArray(old)) {
      units += encode(old.slice(edit[2], edit[2] + edit[3])).length
    }
  }
  return units
}

/** What an edit brings into the state. */
const newIn = (edit: Edit): readonly unknown[] =>
  edit[0] === 'set' ? [edit[2]] : edit[0] === 'splice' ? edit[4] : []

/** Of what was frozen here, all that there may be bytes in. */
const withBytes = new WeakSet<object>()

const holdsBytes = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && (ArrayBuffer.isView(value) || withBytes.has(value))

/**
 * Freezes data all the way down, but for bytes. Returns whether there are any in it. What is frozen
 * already was frozen all the way down, see `refer`.
 */
function deepFreeze(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (ArrayBuffer.isView(value) || Object.isFrozen(value)) return holdsBytes(value)
  if (value instanceof Map || value instanceof Set || value instanceof Date) refuseMutation(value)
  Object.freeze(value)
  let has = false
  if (isPlain(value)) for (const key in value) has = deepFreeze((value as Container)[key]) || has
  else for (const child of partsOf(value)) has = deepFreeze(child) || has
  if (has) withBytes.add(value)
  return has
}

/** True for an object whose fields can be gone through without a list of them, as thousands are. */
const isPlain = (value: object): boolean => Object.getPrototypeOf(value) === Object.prototype

/** The same data; wherever there are bytes in it, a copy of them. */
function withOwnBytes(value: unknown): unknown {
  if (!holdsBytes(value)) return value
  if (value instanceof Uint8Array) return value.slice()
  if (Array.isArray(value)) return Object.freeze(value.map(withOwnBytes))
  if (Object.getPrototypeOf(value) === Object.prototype) {
    const fields = Object.entries(value as object).map(([key, part]) => [key, withOwnBytes(part)])
    return Object.freeze(Object.fromEntries(fields))
  }
  const copy = decode(encode(value))
  deepFreeze(copy)
  return copy
}

const partsOf = (value: object): Iterable<unknown> =>
  value instanceof Map || value instanceof Set ? value : Object.values(value)

/** Freezing an object does not freeze what its methods change. */
function refuseMutation(value: object): void {
  for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(value))) {
    if (!/^(set|add|delete|clear)/.test(name)) continue
    Object.defineProperty(value, name, {
      value: () => {
        throw new TypeError(`Cannot call ${name} on the state of a loop: it is frozen.`)
      },
    })
  }
}
