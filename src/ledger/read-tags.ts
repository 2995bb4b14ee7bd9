/** Values from parsed JSON: what the writer has put into tags (see codec.ts) becomes what it was. */
import { EverloopError, type ErrorData } from '../base/errors.ts'
import { setField } from '../base/set-field.ts'
import { dollars } from './plain-json.ts'
import type { Ref } from './ref.ts'

export interface DecodeOptions {
  /** Fetches what a reference means. */
  readonly resolve?: ((ref: Ref) => unknown) | undefined
  /** Told of each list that stood there in parts. */
  readonly onParts?: ((list: readonly unknown[], parts: readonly Part[]) => void) | undefined
}

/** So many items of a list, and what was referred to for them, if anything. */
export interface Part {
  readonly count: number
  readonly ref: Ref | undefined
}

/** Undoes the tags in parsed JSON, in place: nobody else has seen it yet. */
export function untag(json: unknown, options: DecodeOptions): unknown {
  if (typeof json !== 'object' || json === null) return json
  if (Array.isArray(json)) return untagList(json, options)
  if (Object.hasOwn(json, '$')) return revive(json as Tagged, options)
  let escaped = false
  for (const key of Object.keys(json)) {
    const child = (json as Record<string, unknown>)[key]
    const value = typeof child === 'object' ? untag(child, options) : child
    if (value !== child) setField(json, key, value)
    escaped ||= key.startsWith('$') && dollars.test(key)
  }
  return escaped ? withoutEscapes(json) : json
}

function untagList(list: unknown[], options: DecodeOptions): unknown {
  for (let i = 0; i < list.length; i++) {
    const child = list[i]
    if (typeof child === 'object') list[i] = untag(child, options)
  }
  return list
}

/** The same object with the user's own names for keys of dollar signs, in the same order. */
function withoutEscapes(json: object): object {
  const object = {}
  for (const [key, value] of Object.entries(json)) {
    setField(object, dollars.test(key) ? key.slice(1) : key, value)
  }
  return object
}

interface Tagged {
  readonly $: unknown
  readonly v?: unknown
}

function revive({ $: name, v }: Tagged, options: DecodeOptions): unknown {
  switch (name) {
    case 'undefined':
      return undefined
    case 'number':
      return Number(v)
    case 'bigint':
      return BigInt(v as string)
    case 'date':
      return new Date(v === null ? Number.NaN : (v as string))
    case 'map':
      return new Map(
        (v as [unknown, unknown][]).map(([k, x]) => [untag(k, options), untag(x, options)]),
      )
    case 'set':
      return new Set((v as unknown[]).map((x) => untag(x, options)))
    case 'bytes':
      return new Uint8Array(Buffer.from(v as string, 'base64'))
    case 'error':
      return reviveError(untag(v, options) as ErrorData)
    case 'list':
      return joined(v as unknown[], options)
    case 'ref':
      if (options.resolve) return options.resolve(v as Ref)
  }
  throw new EverloopError(
    'BROKEN_CHAIN',
    `A payload holds the tag ${JSON.stringify(name)}, which this place does not know. The ledger is damaged, or was written by a newer everloop: update it.`,
  )
}

/** One list of its parts. Where references are only shown, what is shown stands for the items. */
function joined(parts: readonly unknown[], options: DecodeOptions): unknown {
  const list: unknown[] = []
  const counted = parts.map((part) => {
    const items = untag(part, options)
    const before = list.length
    const ref = refOf(part)
    if (Array.isArray(items)) for (const item of items as readonly unknown[]) list.push(item)
    else if (!ref) throw new TypeError('A part of a list is no list.')
    else if (items !== undefined) list.push(items)
    return { count: list.length - before, ref }
  })
  options.onParts?.(list, counted)
  return list
}

/** What a part refers to. Asked of the JSON, as what it refers to may hold anything. */
function refOf(part: unknown): Ref | undefined {
  const { $: name, v } = part as Tagged
  return name === 'ref' ? (v as Ref) : undefined
}

/** A plain Error with the recorded fields; no class of the user's is called. */
function reviveError({ name, message, code, data }: ErrorData): Error {
  const error = new Error(message)
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  // The place where it is decoded says nothing about where it was thrown.
  Object.defineProperty(error, 'stack', { value: `${name}: ${message}`, configurable: true })
  if (code !== undefined) setField(error, 'code', code)
  if (typeof data === 'object' && data !== null) {
    for (const [key, value] of Object.entries(data)) setField(error, key, value)
  }
  return error
}
