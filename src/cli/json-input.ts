/** Values that are handed over on the command line or on stdin. */
import { EverloopError } from '../base/errors.ts'
import { messageOf } from '../base/message-of.ts'
import { parseJson } from '../base/parse-json.ts'

/** The value of a JSON argument; "-" reads stdin; undefined when nothing was given. */
export async function parseValue(text: string | undefined, what: string): Promise<unknown> {
  if (text === undefined) return undefined
  if (text !== '-') return parseText(text, what, hintFor(text))
  const parts: Buffer[] = []
  for await (const part of process.stdin) parts.push(part as Buffer)
  const read = Buffer.concat(parts).toString('utf8')
  if (read.trim() === '')
    throw new EverloopError('BAD_INPUT', `${what} is missing: stdin is empty.`)
  return parseText(read, `${what} on stdin`, '')
}

/** What a shell may have made of an argument. */
function hintFor(text: string): string {
  return /^[\w .:/@-]+$/.test(text.trim())
    ? ` A text needs quotes of its own: '"${text.trim()}"'.`
    : ' Put it into single quotes, so that the shell leaves it alone.'
}

/** Throws BAD_INPUT with where and why the text is no JSON. */
function parseText(text: string, what: string, hint: string): unknown {
  try {
    return parseJson(text)
  } catch (cause) {
    throw new EverloopError('BAD_INPUT', `${what} is not JSON: ${messageOf(cause)}.${hint}`, {
      cause,
    })
  }
}
