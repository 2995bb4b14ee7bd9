/**
 * Takes secrets out of encoded payloads.
 *
 * The text is searched first, which almost always ends it. Only where something is found the payload
 * is parsed, cleaned text by text, and written again: what comes out is a payload like any other,
 * whatever the secret looks like.
 */
import type { Redactor } from '../base/redactor.ts'
import { setField } from '../base/set-field.ts'
import { parseJson } from '../base/parse-json.ts'
import { toAscii } from './quote.ts'

/** An encoded value or record without secrets: the very text when it holds none. */
export function redacted(text: string, redactor: Redactor, is: 'value' | 'record'): string {
  if (!redactor.isInJson(text)) return text
  return toAscii(JSON.stringify(clean(parseJson(text), redactor, is === 'record')))
}

/**
 * Names of fields inside records that everloop itself reads: those of errors, votes and verdicts. They
 * stay, even where a secret happens to be the same word. Those of the record itself are never looked at.
 */
const fields: ReadonlySet<string> = new Set([
  'action',
  'amounts',
  'attempts',
  'channel',
  'labels',
  'message',
  'reason',
  'verdict',
])

interface Tagged {
  readonly $: string
  readonly v?: unknown
}

/** Tags whose content is no text of the user's. */
const opaque: ReadonlySet<string> = new Set(['ref', 'date', 'number', 'bigint', 'undefined'])

function clean(json: unknown, redactor: Redactor, isRecord = false): unknown {
  if (typeof json === 'string') return redactor.text(json)
  if (typeof json !== 'object' || json === null) return json
  if (Array.isArray(json)) return json.map((item: unknown) => clean(item, redactor))
  if (isTagged(json)) {
    if (opaque.has(json.$)) return json
    if (json.$ !== 'bytes') return { $: json.$, v: clean(json.v, redactor) }
    const bytes = redactor.bytes(Buffer.from(String(json.v), 'base64'))
    return { $: 'bytes', v: Buffer.from(bytes).toString('base64') }
  }
  const object = {}
  for (const [key, value] of Object.entries(json)) {
    const name = isRecord || fields.has(key) ? key : redactor.text(key)
    setField(object, name, clean(value, redactor))
  }
  return object
}

const isTagged = (json: object): json is Tagged => '$' in json && typeof json.$ === 'string'
