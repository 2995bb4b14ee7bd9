/** The tool by which a model reads further in a result that was too long to be given whole. */
import { wholeCharacters } from '../calls/result-text.ts'
import { type RunTool, tool } from './tool.ts'

/** Its name, in excerpts too. */
export const readMoreName = 'read_more'

/** One answer holds at most this many bytes. */
const lengthMax = 16 * 1024
/** How much stands around a place that was found. */
const aroundFound = 1000

export interface ReadMoreInput {
  readonly artifact: string
  readonly from?: number
  readonly length?: number
  readonly find?: string
}

/**
 * Makes the tool. `read` resolves with the whole text of an artifact that holds a result of this agent, and
 * with undefined for any other.
 */
export function readMore(
  read: (artifact: string) => Promise<Uint8Array | undefined>,
): RunTool<ReadMoreInput, string> {
  return tool<ReadMoreInput, string>({
    name: readMoreName,
    description:
      'Reads a part of a tool result that was too long to be shown whole: from a byte position, or around the next place where a text is found.',
    inputSchema: {
      type: 'object',
      properties: {
        artifact: { type: 'string', description: 'The artifact named in the excerpt.' },
        from: { type: 'integer', minimum: 0, description: 'Byte position to read or search from.' },
        length: { type: 'integer', minimum: 1, maximum: lengthMax, description: 'Bytes to read.' },
        find: { type: 'string', minLength: 1, description: 'Text to look for, exactly as it is.' },
      },
      required: ['artifact'],
      additionalProperties: false,
    },
    effect: 'read',
    maxResult: 4 * lengthMax,
    run: async (input) => {
      const content = await read(input.artifact)
      if (!content) throw new Error(`There is no artifact ${JSON.stringify(input.artifact)} here.`)
      return part(Buffer.from(content.buffer, content.byteOffset, content.byteLength), input)
    },
  })
}

function part(bytes: Buffer, { from = 0, length = lengthMax, find }: ReadMoreInput): string {
  if (from >= bytes.length) return `(There are only ${bytes.length} bytes.)`
  if (find === undefined) return slice(bytes, from, Math.min(length, lengthMax))
  const at = bytes.indexOf(find, from)
  if (at === -1) return `(Not found from byte ${from} on.)`
  const found = Buffer.byteLength(find)
  const shown = slice(bytes, Math.max(0, at - aroundFound), found + 2 * aroundFound)
  return `[found at byte ${at}; look for the next from ${at + found}]\n${shown}`
}

function slice(bytes: Buffer, from: number, length: number): string {
  const start = wholeCharacters(bytes, from)
  const cut = wholeCharacters(bytes, Math.min(bytes.length, start + length))
  // A character that is wider than what was asked for is shown all the same.
  const end =
    cut > start ? cut : wholeCharacters(bytes, Math.min(bytes.length, start + 4)) || bytes.length
  const rest = end < bytes.length ? `; go on with from=${end}` : '; this is the end'
  return `[bytes ${start} to ${end} of ${bytes.length}${rest}]\n${bytes.toString('utf8', start, end)}`
}
