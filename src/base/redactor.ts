/**
 * The redactor: knows the values of secrets and puts `[secret NAME]` in their place, wherever
 * something is about to be written or shown.
 *
 * - X1 A value is found as it is, and in the forms in which values usually travel: base64 and base64url
 *   at any alignment, hex, URL-encoded, JSON-escaped. Long lines of a value count like the value.
 * - X2 With nothing registered every method returns what it was given, at once.
 * - X3 What is registered stays registered: a value that was replaced may still be in flight.
 */

/** Shorter values would be found everywhere. They are no secrets. */
const unitsMin = 6
/** Lines of a value that are at least as long are secret on their own: think of key files. */
const lineUnitsMin = 20

export class Redactor {
  readonly #names = new Map<string, string>()
  #pattern: RegExp | undefined
  #encoded: RegExp | undefined
  #longest = 0
  readonly #firsts = new Set<string>()

  /** True while nothing is registered. */
  get isEmpty(): boolean {
    return this.#names.size === 0
  }

  /** Registers a value. Values of fewer than 6 characters are left alone. */
  add(name: string, value: string): void {
    const trimmed = value.trim()
    if (trimmed.length < unitsMin || this.#names.has(trimmed)) return
    const lines = trimmed.split(/\r?\n/).filter((line) => line.length >= lineUnitsMin)
    for (const part of new Set([trimmed, ...lines])) {
      for (const form of formsOf(part)) {
        if (form.length < unitsMin || this.#names.has(form)) continue
        this.#names.set(form, name)
        this.#firsts.add(form.slice(0, 1))
        this.#longest = Math.max(this.#longest, form.length)
      }
    }
    this.#pattern = undefined
    this.#encoded = undefined
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
    const names = new Map([...this.#names].map(([form, name]) => [inLatin1(form), name]))
    const clean = text.replace(alternatives([...names.keys()]), (found) => mark(names.get(found)))
    return clean === text ? bytes : new Uint8Array(Buffer.from(clean, 'latin1'))
  }

  /** The error, or one of the same kind without secrets in its texts and properties. */
  error<T>(error: T): T {
    return this.isEmpty ? error : (this.#clean(error, new Map()) as T)
  }

  /** For text that comes in pieces: a secret is found across their borders. */
  stream(): TextRedaction {
    return new TextRedaction(this)
  }

  /**
   * Up to where this text can be shown although more is coming: what stands behind may be the
   * beginning of a secret, or a part of one that goes on.
   */
  settledUnits(text: string): number {
    if (this.isEmpty) return text.length
    let cut = text.length
    for (let at = Math.max(0, text.length - this.#longest + 1); at < text.length; at++) {
      if (!this.#firsts.has(text[at] ?? '') || !this.#isBeginning(text.slice(at))) continue
      cut = at
      break
    }
    for (const { 0: found, index } of text.matchAll(this.#search())) {
      if (index < cut && index + found.length > cut) cut = index
    }
    return cut
  }

  #isBeginning(tail: string): boolean {
    for (const form of this.#names.keys()) {
      if (form.length > tail.length && form.startsWith(tail)) return true
    }
    return false
  }

  #search(): RegExp {
    this.#pattern ??= alternatives([...this.#names.keys()])
    return this.#pattern
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

const mark = (name = ''): string => `[secret ${name}]`

/** The forms of X1, without doubles. */
function formsOf(value: string): Set<string> {
  const url = encoded(value)
  const bytes = Buffer.from(value)
  const hex = bytes.toString('hex')
  const escaped = JSON.stringify(value).slice(1, -1)
  return new Set([
    value,
    escaped,
    asciiJson(value),
    JSON.stringify(escaped).slice(1, -1),
    url,
    url.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    url.replaceAll('%20', '+'),
    hex,
    hex.toUpperCase(),
    ...[0, 1, 2].flatMap((offset) => {
      const core = base64Core(bytes, offset)
      return [core, core.replaceAll('+', '-').replaceAll('/', '_')]
    }),
  ])
}

/** The characters of base64 that these bytes decide alone, with so many other bytes before them. */
function base64Core(bytes: Uint8Array, offset: number): string {
  const text = Buffer.concat([new Uint8Array(offset), bytes]).toString('base64')
  const whole = Math.floor(((offset + bytes.byteLength) * 8) / 6)
  return text.slice(Math.ceil((offset * 8) / 6), whole)
}

function encoded(value: string): string {
  try {
    return encodeURIComponent(value)
  } catch {
    return value // a lone surrogate has no such form
  }
}

/** As the text stands in JSON that is printable ASCII, without the quotes. */
const asciiJson = (text: string): string =>
  JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

const inLatin1 = (text: string): string => Buffer.from(text).toString('latin1')

/** Finds any of these texts, the longest of those that begin at a place. */
function alternatives(texts: readonly string[]): RegExp {
  const longestFirst = [...new Set(texts)].toSorted((a, b) => b.length - a.length)
  const sources = longestFirst.map((text) =>
    text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`),
  )
  return new RegExp(sources.join('|'), 'g')
}
