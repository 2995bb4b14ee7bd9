/** Values that are handed over on the command line or on stdin. */
import { EverloopError } from '../base/errors.ts'
import { messageOf } from '../base/message-of.ts'
import { parseJson } from '../base/parse-json.ts'

/** The value of a JSON argument; "-" reads stdin; undefined when nothing was given. */
export async function parseValue(text: string | undefined, what: string): Promise<unknown> {
  if (text === undefined) return undefined
  if (text !== '-') return parseArgument(text, what)
  const parts: Buffer[] = []
  for await (const part of process.stdin) parts.push(part as Buffer)
  return parseArgument(Buffer.concat(parts).toString('utf8'), `${what} on stdin`)
}

/** Throws BAD_INPUT with where and why the text is no JSON. */
function parseArgument(text: string, what: string): unknown {
  try {
    return parseJson(text)
  } catch (cause) {
    const why = messageOf(cause)
    const isWord = /^[\w .:/@-]+$/.test(text.trim())
    const hint = isWord
      ? ` A text needs quotes of its own: '"${text.trim()}"'.`
      : ' Put it into single quotes, so that the shell leaves it alone.'
    throw new EverloopError('BAD_INPUT', `${what} is not JSON: ${why}.${hint}`, { cause })
  }
}
