/** The forms in which a text travels: as it is, and as common encoders write it. */

/** All forms of a text, itself included, each once. */
export function formsOf(text: string): ReadonlySet<string> {
  const bytes = Buffer.from(text)
  const url = encoded(text)
  const hex = bytes.toString('hex')
  return new Set([
    text,
    asciiJson(text),
    ...jsonForms(text),
    ...htmlForms(text),
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

/** The text as JSON in printable ASCII, without the quotes. */
export const asciiJson = (text: string): string =>
  json(text, { escaped: '', isAscii: true, isUpper: false, isSlashed: false })

/** How an encoder writes JSON where it has the choice. */
interface Writing {
  /** The characters that it escapes although it need not. */
  readonly escaped: string
  /** Whether it escapes everything beyond printable ASCII. */
  readonly isAscii: boolean
  /** Whether the hex digits of an escape are upper case. */
  readonly isUpper: boolean
  /** Whether it writes a slash with a backslash before it. */
  readonly isSlashed: boolean
}

/**
 * What encoders escape although they need not: JavaScript and most others; Go and Ruby on Rails; Python for HTML and
 * PowerShell; Gson; PHP for HTML; .NET.
 */
const escapedSets = ['', '<>&', `<>&'`, `<>&'=`, `<>&'"`, `<>&'"+\``].map((set) => set.split(''))

/** The text as JSON writes it, and as JSON in JSON does, without the quotes. */
function jsonForms(text: string): string[] {
  const sets = escapedSets.map((set) => set.filter((one) => text.includes(one)).join(''))
  const isForeign = /[^\x20-\x7e]/.test(text)
  const writings = [...new Set(sets)].flatMap((escaped) =>
    either(isForeign).flatMap((isAscii) =>
      either(isForeign || escaped !== '').flatMap((isUpper) =>
        either(text.includes('/')).map((isSlashed) => ({ escaped, isAscii, isUpper, isSlashed })),
      ),
    ),
  )
  return writings.flatMap((writing) => {
    const once = json(text, writing)
    return [once, json(once, plain), ...(once.includes('/') ? [json(once, slashed)] : [])]
  })
}

const either = (matters: boolean): readonly boolean[] => (matters ? [false, true] : [false])

const plain: Writing = { escaped: '', isAscii: false, isUpper: false, isSlashed: false }
const slashed: Writing = { ...plain, isSlashed: true }

function json(text: string, { escaped, isAscii, isUpper, isSlashed }: Writing): string {
  const unit = (code: string): string => `\\u${isUpper ? code.toUpperCase() : code}`
  return JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(/\\u([0-9a-f]{4})|\\?([^])/g, (whole, code: string | undefined, one: string) => {
      if (code !== undefined) return unit(code)
      const isLone = whole.length === 1 || one === '"' // other pairs stay as they are
      if (isLone && (escaped.includes(one) || (isAscii && (one < ' ' || one > '~')))) {
        return unit(one.charCodeAt(0).toString(16).padStart(4, '0'))
      }
      return isSlashed && one === '/' ? String.raw`\/` : whole
    })
}

/** How quotes and apostrophes are written in HTML and XML. */
const quoted = [
  ['"', "'"],
  ['&quot;', "'"],
  ['&quot;', '&#39;'],
  ['&quot;', '&#x27;'],
  ['&quot;', '&#039;'],
  ['&quot;', '&apos;'],
  ['&#34;', '&#39;'],
] as const

function htmlForms(text: string): string[] {
  const base = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return quoted.map(([double, single]) =>
    base.replaceAll('"', () => double).replaceAll("'", () => single),
  )
}

/** The base64 characters that depend on these bytes alone when `offset` other bytes stand before them. */
function base64Core(bytes: Uint8Array, offset: number): string {
  const text = Buffer.concat([new Uint8Array(offset), bytes]).toString('base64')
  const whole = Math.floor(((offset + bytes.byteLength) * 8) / 6)
  return text.slice(Math.ceil((offset * 8) / 6), whole)
}

function encoded(text: string): string {
  try {
    return encodeURIComponent(text)
  } catch {
    return text // a lone surrogate has no such form
  }
}
