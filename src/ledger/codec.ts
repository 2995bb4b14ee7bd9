/**
 * Values as text: JSON with a few tagged extras, printable ASCII only.
 *
 * What JSON can hold stands as JSON. Keys keep their order, since JavaScript shows it and models react
 * to it. Everything else is an object with a "$" key, a tag: undefined, bigint, Date, Map, Set, bytes, Error, the
 * numbers NaN, Infinity and -0, and references (see `Ref`). A key of the user's that consists of
 * dollar signs alone gets one more, so `{"$":` begins a tag and nothing else, and a text holds
 * references exactly when it holds `"$":"ref"`. Everything beyond printable ASCII is a \u escape, so
 * lone surrogates and NUL survive every store. Nothing revives a class; what cannot be kept is
 * refused with the path to it.
 *
 * Law (property-tested): decode(encode(v)) equals v, and encode(decode(t)) === t.
 */
import { hash as sha256 } from 'node:crypto'
import { EverloopError, type ErrorData } from '../base/errors.ts'
import { setField } from '../base/set-field.ts'
import { dollars, plainJson } from './plain-json.ts'

/** Deeper values than this are refused rather than risking the stack. */
const depthMax = 500

/** Payload texts longer than this are refused: 64 MiB. */
export const payloadUnitsMax: number = 64 * 1024 * 1024

/**
 * A value that stands elsewhere: in the same ledger, at an entry's number and the path inside; or in
 * an artifact, at 0 and its hash.
 */
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
  const { refer } = options
  const json = refer ? undefined : plainJson(value)
  return checkUnits(json === undefined ? begin(value, { refer, sorted: false }) : toAscii(json))
}

/** Returns the value that `encode` made this text of. Throws BROKEN_CHAIN when it is no such text. */
export function decode(text: string, options: DecodeOptions = {}): unknown {
  try {
    const parsed: unknown = JSON.parse(text)
    return isTagged(text) ? untag(parsed, options) : parsed
  } catch (cause) {
    if (EverloopError.is(cause)) throw cause
    throw new EverloopError('BROKEN_CHAIN', 'A payload cannot be read: the ledger is damaged.', {
      cause,
    })
  }
}

/** One search settles most texts: everything that `untag` has to undo begins with these two characters. */
const isTagged = (text: string): boolean =>
  text.includes('"$') && (text.includes('"$"') || text.includes('"$$'))

/** A short digest for comparing two values: equal for equal values whatever their key order. */
export function digestOf(value: unknown): string {
  const text = begin(value, { refer: undefined, sorted: true })
  return sha256('sha256', text, 'base64url').slice(0, 22)
}

/** Longer messages of errors are cut, so that a failure can always be recorded. */
const messageUnitsMax = 64 * 1024
/** Properties of an error that would make its data longer than this are left out. */
const errorUnitsMax = 1024 * 1024

/** An error stands some levels down in its record, perhaps as the cause of another, and must fit there. */
const levelsAround: readonly string[] = Array.from({ length: 20 }, () => '')

/** The thrown thing as data: anything may be thrown, and nothing about it is trusted to work. */
export function errorData(thrown: unknown): ErrorData {
  const walk: Walk = { refer: undefined, sorted: false, path: [...levelsAround], open: [] }
  if (isError(thrown)) {
    walk.open.push(thrown)
    return decode(writeError(thrown, walk)) as ErrorData
  }
  const text = thrown === undefined ? undefined : attempt(thrown, walk)
  return {
    name: 'NonError',
    message: `Not an error was thrown: ${saidBy(thrown) ?? describe(thrown)}`,
    ...(text === undefined || text.length > errorUnitsMax ? {} : { data: decode(text) }),
  }
}

function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error
  } catch {
    return false // a Proxy that does not want to be looked at
  }
}

/** What a thrown object says itself, as those of many clients do. */
function saidBy(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined
  const message = reading(() => (thrown as { readonly message?: unknown }).message)
  return typeof message === 'string' && message !== '' ? cut(message, messageUnitsMax) : undefined
}

function describe(value: unknown): string {
  for (const show of [String, (other: unknown) => Object.prototype.toString.call(other)]) {
    try {
      return show(value).slice(0, 200)
    } catch {
      // The next one asks less of it.
    }
  }
  return 'something that cannot be shown'
}

/** JSON of an error. Never throws: what of it cannot be read or kept is left out. */
function writeError(error: Error, walk: Walk): string {
  const inside: Walk = { ...walk, refer: undefined }
  const keys = reading(() => keysOf(error)) ?? []
  const code = keys.includes('code') ? reading(() => (error as { code?: unknown }).code) : undefined
  const hasCode = typeof code === 'string' || typeof code === 'number'
  const name = reading(() => asText(error.name)) ?? 'Error'
  const message = reading(() => asText(error.message)) ?? '(The message cannot be read.)'
  let data = ''
  for (const key of inside.sorted ? keys.toSorted() : keys) {
    if (fieldsOfErrors.has(key) || (hasCode && key === 'code')) continue
    const value = reading(() => (error as unknown as Record<string, unknown>)[key])
    inside.path.push(key)
    const text = value === undefined ? undefined : attempt(value, inside)
    inside.path.pop()
    if (text === undefined || data.length + text.length > errorUnitsMax) continue
    data += `${data === '' ? '' : ','}${quoteKey(key)}:${text}`
  }
  const fields = [
    `"name":${quote(cut(name, 200))}`,
    `"message":${quote(cut(message, messageUnitsMax))}`,
    ...(hasCode ? [`"code":${quote(cut(String(code), 200))}`] : []),
    ...(data === '' ? [] : [`"data":{${data}}`]),
  ]
  return `{${fields.join(',')}}`
}

/** Own enumerable ones, and the two that JavaScript itself hides: causes say what really happened. */
function keysOf(error: Error): string[] {
  const hidden = ['cause', 'errors'].filter(
    (key) => Object.hasOwn(error, key) && !Object.prototype.propertyIsEnumerable.call(error, key),
  )
  return [...Object.keys(error), ...hidden]
}

/** Types say that it is a text already; what was thrown need not have heard of types. */
const asText = (value: unknown): string => String(value)

/** What an error has a place for already, and its stack, which shows paths of the machine. */
const fieldsOfErrors: ReadonlySet<string> = new Set(['name', 'message', 'stack'])

function cut(text: string, unitsMax: number): string {
  const mark = ' ... (cut)'
  return text.length <= unitsMax ? text : text.slice(0, unitsMax - mark.length) + mark
}

function reading<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** The value as JSON, or undefined when it cannot be kept. */
function attempt(value: unknown, walk: Walk): string | undefined {
  const depth = walk.path.length
  try {
    return write(value, walk)
  } catch {
    walk.path.length = depth
    return undefined
  }
}

function checkUnits<T extends { readonly length: number }>(text: T): T {
  if (text.length <= payloadUnitsMax) return text
  throw new EverloopError(
    'VALUE_TOO_LARGE',
    `A value takes more than ${payloadUnitsMax} bytes as JSON, which is the most that is allowed. Keep it with run.artifacts.put, in parts, and record what put returns.`,
  )
}

const notAscii = /[^\x20-\x7e]/g
const escapeUnit = (unit: string): string =>
  `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

interface Walk {
  readonly refer: EncodeOptions['refer']
  /** Keys of plain objects in order of their UTF-16 units, for comparing. */
  readonly sorted: boolean
  readonly path: (string | number)[]
  /** The containers around the current value, for finding cycles: few, so a list is quicker than a set. */
  readonly open: object[]
}

/** JSON of a text in printable ASCII. Looking whether there is anything to escape is quicker where it is short. */
const quote = (text: string): string =>
  text.length <= shortUnits && plain.test(text) ? `"${text}"` : toAscii(JSON.stringify(text))

const shortUnits = 64
/** Printable ASCII but for the quote and the backslash. */
const plain = /^[ !#-[\]-~]*$/

/** JSON in printable ASCII, as payloads are. */
export const toAscii = (json: string): string =>
  isPrintable(json) ? json : json.replace(notAscii, escapeUnit)

/** JSON escapes all other controls. Counting bytes takes a quarter of the time of an expression. */
const isPrintable = (json: string): boolean =>
  Buffer.byteLength(json) === json.length && !json.includes('\x7f')

/** The same few keys are written again and again. */
const keysKept = new Map<string, string>()
const keysKeptMax = 1024

function quoteKey(key: string): string {
  const kept = keysKept.get(key)
  if (kept !== undefined) return kept
  const quoted = quote(dollars.test(key) ? `$${key}` : key)
  if (key.length > shortUnits) return quoted
  if (keysKept.size >= keysKeptMax) keysKept.clear()
  keysKept.set(key, quoted)
  return quoted
}

const tag = (name: string, v?: string): string =>
  v === undefined ? `{"$":"${name}"}` : `{"$":"${name}","v":${v}}`

function begin(value: unknown, how: Pick<Walk, 'refer' | 'sorted'>): string {
  const walk: Walk = { ...how, path: [], open: [] }
  try {
    return write(value, walk)
  } catch (error) {
    // Getters and Proxies run code of the user's.
    throw EverloopError.is(error) ? error : refused(walk, 'something that throws when read', error)
  }
}

function write(value: unknown, walk: Walk): string {
  switch (typeof value) {
    case 'string': {
      if (value.length > payloadUnitsMax) checkUnits(value)
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
  if (walk.open.includes(value)) throw refused(walk, 'an object that contains itself')
  if (walk.path.length > depthMax) throw refused(walk, `nested more than ${depthMax} levels deep`)
  walk.open.push(value)
  try {
    return writeContainer(value, walk)
  } finally {
    walk.open.pop()
  }
}

function writeContainer(value: object, walk: Walk): string {
  if (Array.isArray(value)) return writeList(value, walk)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return writeRecord(value, walk)
  // Own methods of subclasses are not asked: what they return need not be what decode expects.
  if (value instanceof Date) {
    const time = Date.prototype.getTime.call(value)
    return tag('date', Number.isNaN(time) ? 'null' : `"${new Date(time).toISOString()}"`)
  }
  if (value instanceof Map) {
    return tag('map', writeList(Array.from(Map.prototype.entries.call(value)), walk))
  }
  if (value instanceof Set) {
    return tag('set', writeList(Array.from(Set.prototype.values.call(value)), walk))
  }
  if (value instanceof Uint8Array) {
    const { buffer, byteOffset, byteLength } = value
    if (byteLength > payloadUnitsMax) checkUnits({ length: byteLength })
    return tag('bytes', `"${Buffer.from(buffer, byteOffset, byteLength).toString('base64')}"`)
  }
  if (value instanceof Error) return tag('error', writeError(value, walk))
  const name = (value.constructor as { name?: unknown } | undefined)?.name
  throw refused(
    walk,
    `an instance of ${typeof name === 'string' && name !== '' ? name : 'a class'}`,
  )
}

/** Holes are written as undefined: that is what reading them gives. */
function writeList(list: readonly unknown[], walk: Walk): string {
  checkUnits(list) // no item takes less than a character
  let text = '['
  for (let i = 0; i < list.length; i++) {
    walk.path.push(i)
    text += (i === 0 ? '' : ',') + write(list[i], walk)
    walk.path.pop()
    if (text.length > payloadUnitsMax) checkUnits(text)
  }
  return `${text}]`
}

function writeRecord(record: object, walk: Walk): string {
  let text = '{'
  const keys = Object.keys(record)
  for (const key of walk.sorted ? keys.toSorted() : keys) {
    walk.path.push(key)
    text += `${text === '{' ? '' : ','}${quoteKey(key)}:${write((record as Record<string, unknown>)[key], walk)}`
    walk.path.pop()
    if (text.length > payloadUnitsMax) checkUnits(text)
  }
  return `${text}}`
}

const writeRef = (ref: Ref): string => toAscii(JSON.stringify(ref))

function refused(walk: Walk, what: string, cause?: unknown): EverloopError {
  const path = walk.path.length === 0 ? 'The value' : `The value at ${showPath(walk.path)}`
  return new EverloopError(
    'NOT_SERIALISABLE',
    `${path} is ${what}, which cannot be kept as data. Return plain data: null, booleans, numbers, texts, lists, plain objects, Date, Map, Set, Uint8Array, bigint or Error.`,
    cause === undefined ? {} : { cause },
  )
}

const showPath = (path: readonly (string | number)[]): string =>
  path
    .slice(0, 12)
    .map((segment) => (typeof segment === 'number' ? `[${segment}]` : `.${segment}`))
    .join('')

/** Undoes the tags in parsed JSON, in place: nobody else has seen it yet. */
function untag(json: unknown, options: DecodeOptions): unknown {
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
  if (code !== undefined) setField(error, 'code', code)
  if (typeof data === 'object' && data !== null) {
    for (const [key, value] of Object.entries(data)) setField(error, key, value)
  }
  return error
}
