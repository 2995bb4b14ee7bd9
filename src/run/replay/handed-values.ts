/**
 * Large values that were handed to a scope, so that what the scope leaves behind (its result, a
 * loop's state) can refer to them instead of keeping them twice.
 *
 * A value is found by identity (texts by content) and used only while it still equals what was
 * recorded: code may have changed the object it was handed. The newest are kept with their text;
 * of older ones, and of those that stand in artifacts, only digests remain, so that a scope that is
 * handed gigabytes holds none of them.
 */
import { hash } from 'node:crypto'
import { LateMap } from '../../base/late-map.ts'
import { behindCharge, decode, encode, equal, referredUnitsMin } from '../../ledger/index.ts'
import type { Ref } from '../../ledger/index.ts'

/** How deep inside a handed value a part may lie to be found. */
const depthMax = 3

/** How much text is kept, in characters. */
const keptUnitsMax = 512 * 1024

/** A value that is kept. */
interface Kept {
  readonly seq: number
  readonly field: 'value' | 'output'
  readonly value: unknown
  /** The payload; without references. */
  readonly text: string
  /** Whether all of it still is as it was recorded, once that has been asked. */
  isWhole: boolean | undefined
  /** How long its text is, if it is no text itself: known when it is whole. */
  units: number | undefined
}

export class HandedValues {
  readonly #kept = new LateMap<number, Kept>()
  #units = 0
  #parts: Map<unknown, Ref> | undefined
  #faded: Faded | undefined

  /** Remembers the value of an outcome, if it is large enough to be worth it. */
  add(seq: number, record: object, payload: string): void {
    const refers = payload.includes('"$":"ref"')
    if (payload.length < referredUnitsMin && !refers) return
    const field = 'value' in record ? 'value' : 'output' in record ? 'output' : undefined
    if (!field) return
    const { [field]: value } = record as Readonly<Record<string, unknown>>
    const [, spilled] = refers ? (spilledPattern.exec(payload) ?? []) : []
    if (spilled !== undefined) {
      this.#fade().add(value, [seq, field], spilled)
      return
    }
    const text = refers ? `{"${field}":${encode(value)}}` : payload
    this.#kept.set(seq, { seq, field, value, text, isWhole: undefined, units: undefined })
    this.#parts = undefined
    this.#units += text.length
    for (const kept of this.#kept.values()) {
      if (this.#units <= keptUnitsMax) return
      this.#kept.delete(kept.seq)
      this.#units -= kept.text.length
      if (isWhole(kept)) visit(kept.value, [kept.seq, kept.field], this.#fade().addPart)
    }
  }

  get isEmpty(): boolean {
    return this.#kept.size === 0 && !this.#faded
  }

  /** Where this object or text stands in the ledger, when it is one of those that were handed over. */
  readonly refer = (value: object | string): Ref | undefined => {
    this.#parts ??= this.#index()
    const ref = this.#parts.get(value)
    if (!ref) return this.#faded?.refer(value)
    const [seq, ...path] = ref
    const kept = this.#kept.get(seq)
    if (!kept) return undefined
    kept.isWhole ??= isWhole(kept)
    return kept.isWhole || equal(partOf(decode(kept.text), path), value) ? ref : undefined
  }

  /**
   * Makes copies of values that are referred to. Parts of one value are parts of one copy, as a resume has them:
   * code may ask whether two are the same.
   */
  copying(): (ref: Ref, value: object) => unknown {
    const records = new Map<number, unknown>()
    return ([seq, ...path], value) => {
      const kept = this.#kept.get(seq)
      if (!kept) return decode(encode(value))
      if (!records.has(seq)) records.set(seq, decode(kept.text))
      return partOf(records.get(seq), path)
    }
  }

  /** How long the text of what this refers to is, where that is known. */
  unitsOf([seq, ...path]: Ref): number | undefined {
    return path.length === 1 ? this.#kept.get(seq)?.units : undefined
  }

  #fade(): Faded {
    return (this.#faded ??= new Faded())
  }

  #index(): Map<unknown, Ref> {
    const parts = new Map<unknown, Ref>()
    for (const kept of this.#kept.values()) {
      kept.isWhole = undefined
      try {
        visit(kept.value, [kept.seq, kept.field], (part, ref) => void parts.set(part, ref))
      } catch {
        // Code has put something into it that throws when read, and need not leave it behind.
      }
    }
    return parts
  }
}

/** Values of which only a digest is kept. */
class Faded {
  readonly #objects = new WeakMap<object, { readonly ref: Ref; readonly digest: string }>()
  /** By length: most texts that are asked for need no digest to be known as others. */
  readonly #texts = new Map<number, { readonly ref: Ref; readonly digest: string }[]>()

  /** `digest` is that of the encoded value. */
  add(value: unknown, ref: Ref, digest: string): void {
    if (typeof value === 'object' && value !== null) this.#objects.set(value, { ref, digest })
    if (typeof value !== 'string') return
    const others = this.#texts.get(value.length)
    if (others) others.push({ ref, digest })
    else this.#texts.set(value.length, [{ ref, digest }])
  }

  readonly addPart = (part: object | string, ref: Ref): void => {
    const text = encode(part)
    if (text.length >= referredUnitsMin) this.add(part, ref, digestOfText(text))
  }

  refer(value: object | string): Ref | undefined {
    if (typeof value === 'object') {
      const one = this.#objects.get(value)
      return one && digestOfText(encode(value)) === one.digest ? one.ref : undefined
    }
    const texts = this.#texts.get(value.length)
    if (!texts) return undefined
    const digest = digestOfText(encode(value))
    return texts.find((one) => one.digest === digest)?.ref
  }
}

/** The payload of a value that stands in an artifact, which is named by the value's digest. */
const spilledPattern =
  /^\{(?:"charge":\{[^$]*?\}\},)?"(?:value|output)":\{"\$":"ref","v":\[0,"([\w-]{43})"\]\}/

const digestOfText = (text: string): string => hash('sha256', text, 'base64url')

function isWhole(kept: Kept): boolean {
  const { field, value, text } = kept
  if (typeof value === 'string') return true
  const opening = `"${field}":`
  const at = behindCharge(text)
  if (!text.startsWith(opening, at)) return false
  try {
    const now = encode(value)
    kept.units = now.length
    return text.startsWith(now, at + opening.length)
  } catch {
    return false // what the code has put into it cannot even be kept
  }
}

/** Calls with each object and long text of a value that may be referred to. */
function visit(value: unknown, ref: Ref, found: (part: object | string, ref: Ref) => void): void {
  const isText = typeof value === 'string' && value.length >= referredUnitsMin
  if (!isText && (typeof value !== 'object' || value === null)) return
  found(value, ref)
  if (ref.length > depthMax || isText || ArrayBuffer.isView(value)) return
  for (const [key, child] of Object.entries(value)) {
    visit(child, [...ref, Array.isArray(value) ? Number(key) : key], found)
  }
}

/** The part of a decoded record that a reference's path leads to. */
export function partOf(record: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string | number, unknown>)[key]
        : undefined,
    record,
  )
}
