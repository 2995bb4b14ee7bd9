/**
 * JSON.parse for texts of others, and for the ledger's. Since V8 12.8 (Node 24 and 26) JSON.parse takes a key
 * that is written with an escape for another one, if that other key stood at the same place of an earlier
 * text and has a backslash in it: after `{"a":1,"\\":2}`, the key of `{"a":1,"\n":2}` is a backslash
 * (https://github.com/nodejs/node/issues/63785). A replay would be handed other data than was recorded.
 *
 * So texts with such keys, which are rare, are read here. JSON.parse still says whether they are JSON.
 */
import { setField } from './set-field.ts'

/**
 * The value that the text stands for. Throws what JSON.parse throws.
 *
 * @example parseJson('{"\\n":1}') // { '\n': 1 }
 */
export function parseJson(text: string): unknown {
  const parsed: unknown = JSON.parse(text)
  return hasEscapedKey(text) ? read(text) : parsed
}

/** Outside of strings JSON has no backslash. */
function hasEscapedKey(text: string): boolean {
  let slash = text.indexOf('\\')
  if (slash === -1) return false
  const endOf = stringEnds(text)
  while (slash !== -1) {
    const end = endOf(slash)
    if (isKeyEnd(text, end)) return true
    slash = text.indexOf('\\', end)
  }
  return false
}

/** Finds the quote that ends the string in which a place lies. Places are asked for in order; each character is looked at once. */
function stringEnds(text: string): (from: number) => number {
  let [quote, slash] = [-1, -1]
  return (from) => {
    for (let at = from; ;) {
      if (quote < at) quote = text.indexOf('"', at)
      if (slash < at) slash = indexOrEnd(text, '\\', at)
      if (quote < slash) return quote
      at = slash + 2
    }
  }
}

const indexOrEnd = (text: string, char: string, from: number): number => {
  const index = text.indexOf(char, from)
  return index === -1 ? text.length : index
}

const isSpace = (char: string | undefined): boolean =>
  char === ' ' || char === '\n' || char === '\r' || char === '\t'

function isKeyEnd(text: string, quote: number): boolean {
  let at = quote + 1
  while (isSpace(text[at])) at++
  return text[at] === ':'
}

/** Up to what ends a number or a word. */
const word = /[^\s,\]}]+/y

/** Reads JSON that is known to be sound. Without recursion, as it may be nested deeper than calls may be. */
function read(text: string): unknown {
  const endOf = stringEnds(text)
  const around: (unknown[] | object)[] = []
  let [result, key]: [unknown, string] = [undefined, '']
  const put = (value: unknown): void => {
    const container = around.at(-1)
    if (container === undefined) result = value
    else if (Array.isArray(container)) container.push(value)
    else setField(container, key, value)
  }
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '{' || char === '[') {
      const container = char === '{' ? {} : []
      put(container)
      around.push(container)
    } else if (char === '}' || char === ']') {
      around.pop()
    } else if (char === '"') {
      const end = endOf(at + 1)
      const string = JSON.parse(text.slice(at, end + 1)) as string
      if (isKeyEnd(text, end)) key = string
      else put(string)
      at = end
    } else if (char !== ',' && char !== ':' && !isSpace(char)) {
      word.lastIndex = at
      const [found = ''] = word.exec(text) ?? []
      put(JSON.parse(found))
      at += found.length - 1
    }
  }
  return result
}
