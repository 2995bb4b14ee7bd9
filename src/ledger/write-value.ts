/**
 * Writes values as JSON with tags (see codec.ts), within the limits of what can be kept, and refuses the
 * rest with the path to it. Errors alone are never refused: what of them cannot be kept is left out.
 */
import { EverloopError } from '../base/errors.ts'
import { quote, quoteKey, toAscii } from './quote.ts'
import type { Block } from './block.ts'
import { type Ref, referredUnitsMin } from './ref.ts'

/** Deeper values than this are refused rather than risking the stack. */
const depthMax = 500

/** Payload texts longer than this are refused: 64 MiB. */
export const payloadUnitsMax: number = 64 * 1024 * 1024

/** Longer messages of errors are cut, so that a failure can always be recorded. */
export const messageUnitsMax: number = 64 * 1024
/** Properties of an error that would make its data longer than this are left out. */
export const errorUnitsMax: number = 1024 * 1024

/** Asked for each object and long text: a reference to put in its place, if there is one. */
export type Refer = (value: object | string) => Ref | undefined

/** Asked for each list: what of it is kept as artifacts. */
export type BlocksOf = (list: readonly unknown[]) => readonly Block[] | undefined

/** What is known on the way through a value. */
export interface Walk {
  readonly refer: Refer | undefined
  readonly blocksOf?: BlocksOf | undefined
  /** Keys of plain objects in order of their UTF-16 units, for comparing. */
  readonly sorted: boolean
  readonly path: (string | number)[]
  /** The containers around the current value, for finding cycles: few, so a list is quicker than a set. */
  readonly open: object[]
}

/** JSON of a value. Throws NOT_SERIALISABLE and VALUE_TOO_LARGE. */
export function writeValue(
  value: unknown,
  how: Pick<Walk, 'refer' | 'blocksOf' | 'sorted'>,
): string {
  const walk: Walk = { ...how, path: [], open: [] }
  try {
    return write(value, walk)
  } catch (error) {
    // Getters and Proxies run code of the user's.
    throw EverloopError.is(error) ? error : refused(walk, 'something that throws when read', error)
  }
}

/** The value as JSON, or undefined when it cannot be kept. */
export function tryWrite(value: unknown, walk: Walk): string | undefined {
  const depth = walk.path.length
  try {
    return write(value, walk)
  } catch {
    walk.path.length = depth
    return undefined
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
  const blocks = walk.blocksOf?.(list)
  if (blocks) return tag('list', writeParts(list, blocks, walk))
  checkUnits(list) // no item takes less than a character
  return writeItems(list, 0, list.length, walk)
}

/** The list in parts: a reference for each block, and between them the items that are in none. */
function writeParts(list: readonly unknown[], blocks: readonly Block[], walk: Walk): string {
  const parts: string[] = []
  let at = 0
  for (const { start, count, artifact, units } of blocks) {
    if (start > at) parts.push(writeItems(list, at, start, walk))
    parts.push(tag('ref', writeRef([0, artifact, 'zstd', units])))
    at = start + count
  }
  if (at < list.length) parts.push(writeItems(list, at, list.length, walk))
  return `[${parts.join(',')}]`
}

function writeItems(list: readonly unknown[], from: number, to: number, walk: Walk): string {
  let text = '['
  for (let i = from; i < to; i++) {
    walk.path.push(i)
    text += (i === from ? '' : ',') + write(list[i], walk)
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

/** JSON of an error. Never throws: what of it cannot be read or kept is left out. */
export function writeError(error: Error, walk: Walk): string {
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
    const text = value === undefined ? undefined : tryWrite(value, inside)
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

/** The text, its end replaced by a mark where it would be longer. */
export function cut(text: string, unitsMax: number): string {
  const mark = ' ... (cut)'
  return text.length <= unitsMax ? text : text.slice(0, unitsMax - mark.length) + mark
}

/** What reading it gives; undefined where the code behind it throws. */
export function reading<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

const tag = (name: string, v?: string): string =>
  v === undefined ? `{"$":"${name}"}` : `{"$":"${name}","v":${v}}`

/** Throws VALUE_TOO_LARGE. */
export function checkUnits<T extends { readonly length: number }>(text: T): T {
  if (text.length <= payloadUnitsMax) return text
  throw new EverloopError(
    'VALUE_TOO_LARGE',
    `A value takes more than ${payloadUnitsMax} bytes as JSON, which is the most that is allowed. Keep it with run.artifacts.put, in parts, and record what put returns.`,
  )
}
