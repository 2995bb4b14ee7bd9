/** The forms in which secrets must not be found, and the search for them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The forms in which a value must not be found. */
export function forms(value: string): string[] {
  const bytes = Buffer.from(value)
  const escaped = JSON.stringify(value).slice(1, -1)
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before, 'x'), bytes]).toString('base64')
    return text.slice(before === 0 ? 0 : before + 1, Math.floor(((before + bytes.length) * 8) / 6))
  })
  const unicode = (characters: RegExp, isUpper = false) =>
    escaped.replaceAll(characters, (unit) => {
      const code = unit.at(-1)!.charCodeAt(0).toString(16).padStart(4, '0')
      return `\\u${isUpper ? code.toUpperCase() : code}`
    })
  const slashed = escaped.replaceAll('/', String.raw`\/`)
  const html = value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return [
    value,
    escaped,
    slashed, // PHP, Swift
    slashed.replaceAll(/[^ -~]/g, (unit) => `\\u00${unit.charCodeAt(0).toString(16)}`), // PHP
    JSON.stringify(slashed).slice(1, -1),
    JSON.stringify(escaped)
      .slice(1, -1)
      .replaceAll('/', String.raw`\/`),
    unicode(/[^ -~]/g), // Python
    unicode(/[<>&]/g), // Go, Rails
    unicode(/[<>&'=]/g), // Gson
    unicode(/\\"|[<>&'+`]|[^ -~]/g, true), // .NET
    JSON.stringify(unicode(/\\"|[<>&'+`]|[^ -~]/g, true)).slice(1, -1),
    html,
    html.replaceAll('"', '&quot;').replaceAll("'", '&#39;'),
    html.replaceAll('"', '&quot;').replaceAll("'", '&#x27;'), // Python
    html.replaceAll('"', '&#34;').replaceAll("'", '&#39;'), // Go
    encodeURIComponent(value),
    bytes.toString('hex'),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
  ]
}

/** The forms of the values that the text has. */
export const leaksIn = (text: string, values: readonly string[]): readonly string[] =>
  values.flatMap(forms).filter((form) => text.includes(form))

/** The files in and below the folder, with the forms of the values that their bytes have. */
export function filesWith(folder: string, values: readonly string[]): readonly string[] {
  const wanted = values.flatMap(forms).map((form) => Buffer.from(form))
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .flatMap(({ parentPath, name }) => {
      const bytes = readFileSync(join(parentPath, name))
      return wanted
        .filter((form) => bytes.includes(form))
        .map((form) => `${name}: ${form.toString()}`)
    })
}
