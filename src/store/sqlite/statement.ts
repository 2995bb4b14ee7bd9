/**
 * What users may say in run.transact: one statement about tables of their own.
 *
 * The rule is about words, so that it is the same in every version of Node: the first one must be
 * known, and none may be the name of anything of everloop's, however it is quoted. Text in single
 * quotes counts as well, because SQLite takes it for a name where it wants one.
 */
// Not from node:util: all that it exports would be loaded, which takes each process three milliseconds.
import { isUint8Array } from 'node:util/types'
import { counted } from '../../base/counted.ts'
import { EverloopError } from '../../base/errors.ts'
import { migrations } from './migrations.ts'

/** Everything in the schema that is everloop's. */
const own: ReadonlySet<string> = new Set(
  Array.from(
    migrations.join('\n').matchAll(/CREATE (?:UNIQUE )?(?:TABLE|INDEX) (\w+)/g),
    ([, name]) => name ?? '',
  ),
)

const beginnings: ReadonlySet<string> = new Set(
  'select with values insert replace update delete create drop alter'.split(' '),
)

/** Spaces, comments, quoted texts and names, words, and single characters. */
const token =
  /\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'?|"(?:[^"]|"")*"?|`(?:[^`]|``)*`?|\[[^\]]*\]?|[\w$\u0080-\uffff]+|./gsu

/** Throws BAD_OPTION unless users may say this, with these values. */
export function checkStatement(sql: string, values: readonly unknown[]): void {
  if (typeof sql !== 'string') throw refused('takes a statement as a text')
  const tokens = Array.from(sql.matchAll(token), ([text]) => text).filter(
    (text) => !/^(?:\s|--|\/\*)/.test(text),
  )
  // The name of a variable may hold anything in brackets, quotes too: `$a(')`.
  if (tokens.some((text) => /^(?:[$@#:]|\d.*\$)/.test(text))) {
    throw refused('takes no named parameters: write ? and hand the values over in order')
  }
  // SQLite takes a number for a name, and values in order pass it by.
  if (tokens.some((text, i) => text === '?' && /^\d/.test(tokens[i + 1] ?? ''))) {
    throw refused('takes no numbered parameters: write ? and hand the values over in order')
  }
  const words = tokens.map(plain)
  const [first = '', second = ''] = words
  if (!beginnings.has(first)) {
    throw refused(
      `takes no ${first === '' ? 'empty statement' : first.toUpperCase()}: the transaction is everloop's`,
    )
  }
  const isTemporary =
    (first === 'create' && (second === 'temp' || second === 'temporary')) ||
    words.some((word, i) => word === 'temp' && words[i + 1] === '.')
  if (isTemporary) throw refused('makes nothing temporary: the next step may be executed elsewhere')
  if (first === 'create' && second === 'virtual') {
    throw refused('makes no virtual tables: their modules make statements of their own')
  }
  const end = endOf(words, first === 'create' && second === 'trigger')
  if (end !== -1 && end < words.length - 1) throw refused('takes one statement at a time')
  const name = words.find(isOwn)
  if (name !== undefined) {
    throw refused(
      `leaves "${name}" alone: it is everloop's. Call yours otherwise, and hand texts over as values`,
    )
  }
  const inner = words.find(isInner)
  if (inner !== undefined) throw refused(`leaves "${inner}" alone: it is SQLite's`)
  checkValues(values, tokens.filter((text) => text === '?').length)
}

/**
 * One value for each parameter, each of them what a column can hold: an object would be taken for named
 * parameters and move all others by one place, and a parameter without a value would be NULL.
 */
function checkValues(values: readonly unknown[], parameters: number): void {
  const at = values.findIndex((value) => !isSqlValue(value))
  if (at !== -1) {
    const place = ['first', 'second', 'third'][at] ?? `${at + 1}th`
    throw refused(
      `takes null, finite numbers, bigints of 64 bits, texts and bytes for values, and the ${place} value is ${told(values[at])}`,
    )
  }
  if (values.length === parameters) return
  throw refused(
    `was handed ${counted(values.length, 'value')} for ${counted(parameters, 'parameter')}: it takes one for each ?`,
  )
}

const isSqlValue = (value: unknown): boolean =>
  value === null ||
  typeof value === 'string' ||
  (typeof value === 'bigint' && BigInt.asIntN(64, value) === value) ||
  Number.isFinite(value) ||
  isUint8Array(value)

/** What a value is, without what is in it. */
const told = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'boolean' || value === undefined
    ? String(value)
    : typeof value === 'object'
      ? `an object (${Object.prototype.toString.call(value).slice(8, -1)})`
      : `a ${typeof value}`

/** Where the statement ends with a semicolon; -1 when it does with the text. */
function endOf(words: readonly string[], isTrigger: boolean): number {
  if (!isTrigger) return words.indexOf(';')
  // Those in a trigger end with semicolons, too; it does behind an END that begins like one of them.
  return words.findIndex(
    (word, i) => word === ';' && words[i - 1] === 'end' && words[i - 2] === ';',
  )
}

const isOwn = (word: string): boolean => own.has(word) || word.startsWith('everloop_')

/** What SQLite tells about a schema, to whoever reads it. */
const readable: ReadonlySet<string> = new Set([
  'sqlite_master',
  'sqlite_schema',
  'sqlite_version',
  'pragma_foreign_key_list',
  'pragma_index_info',
  'pragma_index_list',
  'pragma_index_xinfo',
  'pragma_table_info',
  'pragma_table_xinfo',
])

/** Tables of SQLite's own: sequences and statistics, pages, and what a pragma does to all of the file. */
const isInner = (word: string): boolean =>
  (/^(?:sqlite|pragma)_/.test(word) || word === 'dbstat') && !readable.has(word)

/** A name without its quotes, in small letters: names are the same in both. */
function plain(text: string): string {
  const quote = text.slice(0, 1)
  const close = quote === '[' ? ']' : quote
  if (!/['"`[]/.test(quote) || text.length < 2) return text.toLowerCase()
  return text
    .slice(1, -1)
    .replaceAll(close + close, close)
    .toLowerCase()
}

const refused = (what: string): EverloopError =>
  new EverloopError('BAD_OPTION', `run.transact ${what}.`)
