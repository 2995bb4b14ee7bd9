/**
 * Large values that were handed to a scope, so that what the scope leaves behind (its result, a
 * loop's state) can refer to them instead of keeping them twice.
 *
 * A value is found by identity (texts by content) and used only while it still equals what was
 * recorded: code may have changed the object it was handed.
 */
import { decode, encode, equal, referredUnitsMin } from '../ledger/index.ts'
import type { Ref } from '../ledger/index.ts'
import { isSpilledAs } from './large.ts'

/** How deep inside a handed value a part may lie to be found. */
const depthMax = 3

export class HandedValues {
  readonly #handed: { readonly seq: number; readonly record: object; readonly text: string }[] = []
  #parts: Map<unknown, Ref> | undefined

  /** Remembers the value of an outcome, if it is large enough to be worth it. */
  add(seq: number, record: object, text: string): void {
    if (text.length < referredUnitsMin && !text.includes('"$":"ref"')) return
    this.#handed.push({ seq, record, text })
    this.#parts = undefined
  }

  get isEmpty(): boolean {
    return this.#handed.length === 0
  }

  /** Where this object or text stands in the ledger, when it is one of those that were handed over. */
  readonly refer = (value: object | string): Ref | undefined => {
    this.#parts ??= this.#index()
    const ref = this.#parts.get(value)
    if (!ref) return undefined
    if (typeof value === 'string') return ref
    const [seq, ...path] = ref
    const text = this.#handed.find((handed) => handed.seq === seq)?.text
    if (text === undefined) return undefined
    const [, large] =
      /^\{"(?:value|output)":\{"\$":"ref","v":\[0,"([\w-]{43})"\]\}/.exec(text) ?? []
    if (large !== undefined)
      return path.length === 1 && isSpilledAs(encode(value), large) ? ref : undefined
    if (text.includes('"$":"ref"')) return undefined
    return equal(partOf(decode(text), path), value) ? ref : undefined
  }

  #index(): Map<unknown, Ref> {
    const parts = new Map<unknown, Ref>()
    const visit = (value: unknown, ref: Ref): void => {
      const isText = typeof value === 'string' && value.length >= referredUnitsMin
      if (!isText && (typeof value !== 'object' || value === null)) return
      parts.set(value, ref)
      if (ref.length > depthMax || isText || ArrayBuffer.isView(value)) return
      for (const [key, child] of Object.entries(value)) {
        visit(child, [...ref, Array.isArray(value) ? Number(key) : key])
      }
    }
    for (const { seq, record } of this.#handed) {
      for (const field of ['value', 'output']) {
        if (field in record) visit((record as Record<string, unknown>)[field], [seq, field])
      }
    }
    return parts
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
