/**
 * Values as text: JSON with a few tagged extras, printable ASCII only.
 *
 * What JSON has stands as JSON; keys keep their order, which JavaScript shows and models react to.
 * The rest is an object with a "$" key: undefined, bigint, Date, Map, Set, bytes, Error, the
 * numbers NaN, Infinity and -0, references (see `Ref`), and plain objects that have a "$" key
 * themselves. Everything beyond printable ASCII is a \u escape, so lone surrogates and NUL survive
 * every store. Nothing revives a class; what cannot be kept is refused with the path to it.
 *
 * Law (property-tested): decode(encode(v)) equals v, and encode(decode(t)) === t.
 */
import { hash as sha256 } from 'node:crypto'
import { EverloopError, type ErrorData } from '../base/errors.ts'

/** Deeper values than this are refused rather than risking the stack. */
const depthMax = 500

/** Payload texts longer than this are refused: 64 MiB. */
export const payloadUnitsMax = 64 * 1024 * 1024

/** A value that stands elsewhere in the same ledger: the entry's number, then the path inside. */
export type Ref = readonly [seq: number, ...path: readonly (string | number)[]]

export interface EncodeOptions {
  /** Asked for each object and long text: a reference to put in its place, if there is one. */
  readonly refer?: ((value: object | string) => Ref | undefined) | undefined
}

export interface DecodeOptions {
  /** Fetches what a reference means. */
  readonly resolve?: ((ref: Ref) => unknown) | undefined
}

/** Texts shorter than this are never worth a reference. */
export const referredUnitsMin = 256

/**
 * Returns the value as text. Throws NOT_SERIALISABLE with the path for functions, symbols, class
 * instances and cycles, and VALUE_TOO_LARGE beyond 64 MiB.
 *
 * @example encode({ at: new Date(0) }) // '{"at":{"$":"date","v":"1970-01-01T00:00:00.000Z"}}'
 */
export function encode(value: unknown, options: EncodeOptions = {}): string {
  const text = write(value, { refer: options.refer, path: [], open: new Set() })
  if (text.length <= payloadUnitsMax) return text
  throw new EverloopError(
    'VALUE_TOO_LARGE',
    `A value takes ${text.length} bytes as JSON, ${payloadUnitsMax} are allowed. Keep it with run.artifacts.put, in parts, and record what put returns.`,
  )
}

/** Returns the value that `encode` made this text of. Throws BROKEN_CHAIN when it is no such text. */
export function decode(text: string, options: DecodeOptions = {}): unknown {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new EverloopError('BROKEN_CHAIN', 'A payload is not JSON: the ledger is damaged.', {
      cause,
    })
  }
  return text.includes('"$"') ? untag(parsed, options) : parsed
}

/** A short digest for comparing two values: equal for equal values whatever their key order. */
export function digestOf(value: unknown): string {
  return sha256('sha256', encode(sortKeys(value)), 'base64url').slice(0, 22)
}

/** The thrown thing as data: anything may be thrown, and nothing about it is trusted to work. */
export function errorData(thrown: unknown): ErrorData {
  if (!(thrown instanceof Error)) {
    return {
      name: 'NonError',
      message: `Not an error was thrown: ${describe(thrown)}`,
      ...dataOf(thrown),
    }
  }
  const { code, ...rest }: Record<string, unknown> = Object.assign(Object.create(null), thrown)
  return {
    name: String(thrown.name),
    message: String(thrown.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code: String(code) } : {}),
    ...(Object.keys(rest).length > 0 ? dataOf(rest) : {}),
  }
}

function dataOf(value: unknown): { data?: unknown } {
  try {
    return { data: decode(encode(value)) }
  } catch {
    return {} // what cannot be kept as data is left out: the message has to do
  }
}

function describe(value: unknown): string {
  try {
    return String(value).slice(0, 200)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

const notAscii = /[^\x20-\x7e]/
const notAsciiAll = /[^\x20-\x7e]/g
const escapeUnit = (unit: string): string =>
  `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

interface Walk {
  readonly refer: EncodeOptions['refer']
  readonly path: (string | number)[]
  /** The containers around the current value, for finding cycles. */
  readonly open: Set<object>
}

/** JSON of a text in printable ASCII. */
const quote = (text: string): string => toAscii(JSON.stringify(text))

const toAscii = (json: string): string =>
  notAscii.test(json) ? json.replace(notAsciiAll, escapeUnit) : json

const tag = (name: string, v?: string): string =>
  v === undefined ? `{"$":"${name}"}` : `{"$":"${name}","v":${v}}`

function write(value: unknown, walk: Walk): string {
  switch (typeof value) {
    case 'string': {
      const ref = value.length >= referredUnitsMin ? walk.refer?.(value) : undefined
      return ref ? tag('ref', writeRef(ref)) : quote(value)
    }
    case 'boolean':
      return value ? 'true' : 'false'
    case 'number':
      if (Object.is(value, -0)) return tag('number', '"-0"')
      return Number.isFinite(value) ? String(value) : tag('number', `"${value}"`)
    case 'undefined':
      return tag('undefined')
    case 'bigint':
      return tag('bigint', `"${value}"`)
    case 'object':
      return value === null ? 'null' : writeObject(value, walk)
    default:
      throw refused(walk, `a ${typeof value}`)
  }
}

function writeObject(value: object, walk: Walk): string {
  const ref = walk.refer?.(value)
  if (ref) return tag('ref', writeRef(ref))
  if (walk.open.has(value)) throw refused(walk, 'an object that contains itself')
  if (walk.path.length > depthMax) throw refused(walk, `nested more than ${depthMax} levels deep`)
  walk.open.add(value)
  const text = writeContainer(value, walk)
  walk.open.delete(value)
  return text
}

function writeContainer(value: object, walk: Walk): string {
  if (Array.isArray(value)) return writeList(value, walk)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return writeRecord(value, walk)
  if (value instanceof Date) {
    return tag('date', Number.isNaN(value.getTime()) ? 'null' : `"${value.toISOString()}"`)
  }
  if (value instanceof Map) return tag('map', writeList(Array.from(value), walk))
  if (value instanceof Set) return tag('set', writeList(Array.from(value), walk))
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    return tag('bytes', `"${bytes.toString('base64')}"`)
  }
  if (value instanceof Error) return tag('error', writeRecord(errorData(value), walk))
  const name = (value.constructor as { name?: unknown } | undefined)?.name
  throw refused(
    walk,
    `an instance of ${typeof name === 'string' && name !== '' ? name : 'a class'}`,
  )
}

function writeList(list: readonly unknown[], walk: Walk): string {
  let text = '['
  for (let i = 0; i < list.length; i++) {
    walk.path.push(i)
    text += (i === 0 ? '' : ',') + write(list[i], walk)
    walk.path.pop()
  }
  return `${text}]`
}

function writeRecord(record: object, walk: Walk): string {
  let text = '{'
  for (const key of Object.keys(record)) {
    walk.path.push(key)
    text += `${text === '{' ? '' : ','}${quote(key)}:${write((record as Record<string, unknown>)[key], walk)}`
    walk.path.pop()
  }
  text += '}'
  return Object.hasOwn(record, '$') ? tag('object', text) : text
}

const writeRef = (ref: Ref): string => toAscii(JSON.stringify(ref))

function refused(walk: Walk, what: string): EverloopError {
  const path = walk.path.length === 0 ? 'The value' : `The value at ${showPath(walk.path)}`
  return new EverloopError(
    'NOT_SERIALISABLE',
    `${path} is ${what}, which cannot be kept as data. Return plain data: null, booleans, numbers, texts, lists, plain objects, Date, Map, Set, Uint8Array, bigint or Error.`,
  )
}

const showPath = (path: readonly (string | number)[]): string =>
  path
    .slice(0, 12)
    .map((segment) => (typeof segment === 'number' ? `[${segment}]` : `.${segment}`))
    .join('')

/** Sets a property even when it is called `__proto__`. */
function put(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

/** Undoes the tags in parsed JSON, in place: nobody else has seen it yet. */
function untag(json: unknown, options: DecodeOptions): unknown {
  if (typeof json !== 'object' || json === null) return json
  if (!Array.isArray(json) && Object.hasOwn(json, '$')) return revive(json as Tagged, options)
  for (const [key, child] of Object.entries(json)) {
    const value = untag(child, options)
    if (value !== child) put(json, key, value)
  }
  return json
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
    case 'object':
      for (const [key, child] of Object.entries(v as object)) {
        const value = untag(child, options)
        if (value !== child) put(v as object, key, value)
      }
      return v
    case 'ref':
      if (options.resolve) return options.resolve(v as Ref)
  }
  throw new EverloopError(
    'BROKEN_CHAIN',
    `A payload holds the tag ${JSON.stringify(name)}, which this place does not know. The ledger is damaged, or was written by a newer everloop: update it.`,
  )
}

/** A plain Error with the recorded fields; no class of the user's is called. */
function reviveError({ name, message, code, data }: ErrorData): Error {
  const error = new Error(message)
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  // The place where it is decoded says nothing about where it was thrown.
  Object.defineProperty(error, 'stack', { value: `${name}: ${message}`, configurable: true })
  if (code !== undefined) put(error, 'code', code)
  if (typeof data === 'object' && data !== null) {
    for (const [key, value] of Object.entries(data)) put(error, key, value)
  }
  return error
}

/** The same value with the keys of all plain objects in order, for comparing. */
function sortKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sortKeys)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const sorted = Object.create(null) as object
  for (const key of Object.keys(value).toSorted())
    put(sorted, key, sortKeys((value as Record<string, unknown>)[key]))
  return sorted
}
