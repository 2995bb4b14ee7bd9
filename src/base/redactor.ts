/**
 * The redactor: knows the values of secrets and puts `[secret NAME]` in their place, wherever
 * something is about to be written or shown.
 *
 * - X1 A value is found as it stands and in the forms in which values usually travel (forms.ts): base64
 *   and base64url at any alignment, hex, URL-encoded, and escaped as common encoders of JSON and HTML do.
 *   Each long line of a value counts as a value.
 * - X2 With nothing registered every method returns what it was given, at once.
 * - X3 What is registered stays registered: a value that was replaced may still be in flight.
 */
import { EverloopError } from './errors.ts'
import { asciiJson, formsOf } from './forms.ts'
import { messageOf } from './message-of.ts'

/** Shorter values would be found everywhere, so they are not taken for secrets. */
const unitsMin = 6
/** Lines of at least this length are secret on their own, as those of a key file are. */
const lineUnitsMin = 20
/** Longer values are looked for in pieces: no pattern may hold 32 Ki units in a row, in any form. */
const pieceUnitsMax = 2048

/** The search in bytes, each read as one unit. */
interface BytesSearch {
  readonly names: ReadonlyMap<string, string>
  readonly pattern: RegExp
}

export class Redactor {
  /** By form: the name of the secret. */
  readonly #names = new Map<string, string>()
  /** Values that are registered. */
  readonly #added = new Set<string>()
  /** Find any form, made when they are needed: in text, in JSON in ASCII, in bytes. */
  #pattern: RegExp | undefined
  #encoded: RegExp | undefined
  #inBytes: BytesSearch | undefined
  /** Characters of the longest form. */
  #longest = 0
  /** The forms, by their first characters. */
  readonly #byFirst = new Map<string, string[]>()

  /** True while nothing is registered. */
  get isEmpty(): boolean {
    return this.#names.size === 0
  }

  /** Registers a value. Values of fewer than 6 characters are left alone. */
  add(name: string, value: string): void {
    const trimmed = value.trim()
    if (trimmed.length < unitsMin || this.#added.has(trimmed)) return
    this.#added.add(trimmed)
    const lines = trimmed.split(/\r?\n/).filter((line) => line.length >= lineUnitsMin)
    for (const part of new Set([trimmed, ...lines].flatMap(piecesOf))) {
      for (const form of formsOf(part)) {
        if (form.length < unitsMin || this.#names.has(form)) continue
        this.#names.set(form, name)
        const first = form.slice(0, 1)
        const others = this.#byFirst.get(first)
        if (others) others.push(form)
        else this.#byFirst.set(first, [form])
        this.#longest = Math.max(this.#longest, form.length)
      }
    }
    this.#pattern = undefined
    this.#encoded = undefined
    this.#inBytes = undefined
  }

  /** The text without secrets. */
  text(text: string): string {
    if (this.isEmpty || text.length < unitsMin) return text
    return text.replace(this.#search(), (found) => this.#mark(found))
  }

  /** True when this JSON in printable ASCII may hold a secret inside its texts. */
  isInJson(json: string): boolean {
    if (this.isEmpty) return false
    this.#encoded ??= alternatives([...this.#names.keys()].map(asciiJson))
    return json.search(this.#encoded) !== -1
  }

  /** The bytes without secrets: those of texts in UTF-8, or any form of X1. */
  bytes(bytes: Uint8Array): Uint8Array {
    if (this.isEmpty) return bytes
    // One unit a byte, so that what is no text comes through as it is.
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
    const { names, pattern } = (this.#inBytes ??= this.#searchInBytes())
    const clean = text.replace(pattern, (found) => mark(names.get(found)))
    return clean === text ? bytes : new Uint8Array(Buffer.from(clean, 'latin1'))
  }

  /**
   * The error, or one of the same kind without secrets in its texts and properties. Never throws: of one that cannot be
   * copied, only what it says is left.
   */
  error<T>(error: T): T {
    if (this.isEmpty) return error
    try {
      return this.#clean(error, new Map()) as T
    } catch {
      return new Error(this.text(messageOf(error))) as T
    }
  }

  /** For text that comes in pieces: a secret is found across their borders. */
  stream(): TextRedaction {
    return new TextRedaction(this)
  }

  /**
   * How much of this text can be shown although more is coming. What follows may be the beginning of a
   * secret, or part of one that goes on.
   */
  settledUnits(text: string): number {
    if (this.isEmpty) return text.length
    let cut = text.length
    for (let at = Math.max(0, text.length - this.#longest + 1); at < text.length; at++) {
      const forms = this.#byFirst.get(text[at] ?? '')
      if (!forms || !isBeginning(text.slice(at), forms)) continue
      cut = at
      break
    }
    if (cut === text.length) return cut // most
    for (const { 0: found, index } of text.matchAll(this.#search())) {
      if (index < cut && index + found.length > cut) cut = index
    }
    return cut
  }

  #search(): RegExp {
    this.#pattern ??= alternatives([...this.#names.keys()])
    return this.#pattern
  }

  #searchInBytes(): BytesSearch {
    const names = new Map([...this.#names].map(([form, name]) => [inLatin1(form), name]))
    return { names, pattern: alternatives([...names.keys()]) }
  }

  #mark(found: string): string {
    return mark(this.#names.get(found))
  }

  #clean(value: unknown, seen: Map<object, unknown>): unknown {
    if (typeof value === 'string') return this.text(value)
    if (typeof value !== 'object' || value === null) return value
    const known = seen.get(value)
    if (known !== undefined) return known
    const isError = value instanceof Error
    const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
    if (!isError && !isPlain) return value
    const copy: object = Array.isArray(value)
      ? []
      : (Object.create(Object.getPrototypeOf(value) as object) as object)
    seen.set(value, copy)
    let isSame = true
    for (const key of Reflect.ownKeys(value)) {
      if (key === 'length' && Array.isArray(value)) continue
      const property = Reflect.getOwnPropertyDescriptor(value, key)
      // The stack of an error is an accessor that knows its own error only.
      const isData = property !== undefined && ('value' in property || (isError && key === 'stack'))
      const held: unknown = isData ? (value as Record<PropertyKey, unknown>)[key] : undefined
      const clean = this.#clean(held, seen)
      isSame &&= clean === held
      const { enumerable = false } = property ?? {}
      const made = { value: clean, enumerable, writable: true, configurable: true }
      Object.defineProperty(copy, key, isData ? made : (property ?? made))
    }
    if (!isSame) return copy
    seen.set(value, value)
    return value
  }
}

/** Text that comes in pieces. What may be the beginning of a secret is held back. */
export class TextRedaction {
  readonly #redactor: Redactor
  #held = ''

  constructor(redactor: Redactor) {
    this.#redactor = redactor
  }

  /** The next piece, as far as it may be shown. */
  push(piece: string): string {
    if (this.#redactor.isEmpty && this.#held === '') return piece
    const text = this.#held + piece
    const units = this.#redactor.settledUnits(text)
    this.#held = text.slice(units)
    return this.#redactor.text(text.slice(0, units))
  }

  /** What was held back, when no more is coming. */
  end(): string {
    const text = this.#redactor.text(this.#held)
    this.#held = ''
    return text
  }
}

/** The text in pieces of about the same length. None begins in the middle of a character. */
function piecesOf(text: string): readonly string[] {
  const count = Math.ceil(text.length / pieceUnitsMax)
  const ends = Array.from({ length: count }, (_, i) => {
    const end = Math.ceil((text.length * (i + 1)) / count)
    return /[\udc00-\udfff]/.test(text[end] ?? '') ? end + 1 : end
  })
  return ends.map((end, i) => text.slice(ends[i - 1] ?? 0, end))
}

const mark = (name = ''): string => `[secret ${name}]`

/** True when one of these texts begins with the tail and goes on after it. */
const isBeginning = (tail: string, texts: readonly string[]): boolean =>
  texts.some((text) => text.length > tail.length && text.startsWith(tail))

const inLatin1 = (text: string): string => Buffer.from(text).toString('latin1')

/** Finds any of these texts, the longest of those that begin at a place. */
function alternatives(texts: readonly string[]): RegExp {
  try {
    return new RegExp(sourceOf([...new Set(texts)].toSorted(), 0), 'g')
  } catch {
    // What V8 says of it has the pattern in it, and so the secrets.
    throw new EverloopError('BAD_OPTION', 'There are too many secrets to look for.')
  }
}

/**
 * A pattern that finds these texts, which are sorted and equal up to `from`. A common beginning stands in
 * it once: the forms of a value differ late, and every record is searched for all of them.
 */
function sourceOf(texts: readonly string[], from: number): string {
  const [first = ''] = texts
  const last = texts.at(-1)
  let to = from
  while (to < first.length && first[to] === last?.[to]) to++
  const shared = first.slice(from, to).replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)
  const longer = Map.groupBy(
    texts.filter((text) => text.length > to),
    (text) => text[to],
  )
  if (longer.size === 0) return shared
  const sources = Array.from(longer.values(), (group) => sourceOf(group, to))
  return `${shared}(?:${sources.join('|')}${first.length === to ? '|' : ''})`
}
