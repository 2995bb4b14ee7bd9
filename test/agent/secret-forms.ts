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
  return [
    value,
    escaped,
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
