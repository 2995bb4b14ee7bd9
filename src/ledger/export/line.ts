/**
 * The lines of an export, one JSON object each: docs/ledger-format.md specifies them.
 *
 * A line has one text: fields in their order, no white space, printable ASCII. So what is read is
 * written again byte by byte, and there is no second way to say a thing: no field that nobody looks at,
 * no key that stands there twice, no number that another program would read as another one.
 */
import { isObject } from '../../base/is-object.ts'
import { parseJson } from '../../base/parse-json.ts'
import type { Entry } from '../entry.ts'
import { isRunId } from '../path.ts'
import { toAscii } from '../quote.ts'

/** The number in the first line of every export. */
export const exportFormat = 1

/** What an artifact is cut into: the data of a line. */
export const pieceBytes: number = 768 * 1024

export type ExportLine =
  /** The first. `children`: whether the runs below it stand in here, too. */
  | {
      readonly is: 'export'
      readonly of: 'everloop'
      readonly format: number
      readonly run: string
      readonly children: boolean
    }
  /** The beginning of a run: what its row says that was started. */
  | {
      readonly is: 'run'
      readonly run: string
      readonly flow: string
      readonly version: string
      readonly queue: string
      readonly labels: Readonly<Record<string, string>>
      readonly parent: string | null
    }
  /** A piece of an artifact, from a byte on, as base64. */
  | {
      readonly is: 'artifact'
      readonly hash: string
      readonly bytes: number
      readonly at: number
      readonly data: string
    }
  /** What is named and was not in the store. */
  | { readonly is: 'missing-artifact'; readonly hash: string }
  | { readonly is: 'missing-run'; readonly run: string }
  | ({ readonly is: 'entry' } & Entry)
  /** The end of a run: its head. */
  | { readonly is: 'head'; readonly run: string; readonly seq: number; readonly hash: string }
  /** The last: how much of everything stood before it. */
  | {
      readonly is: 'end'
      readonly runs: number
      readonly entries: number
      readonly artifacts: number
    }

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string'
const isTextOrNull: Check = (value) => value === null || isText(value)
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0
const isHash: Check = (value) => typeof value === 'string' && /^[\w-]{43}$/.test(value)

/** The fields of each line behind `is`, in their order. */
const shapes: {
  readonly [K in ExportLine['is']]: Readonly<
    Record<Exclude<keyof Extract<ExportLine, { is: K }>, 'is'>, Check>
  >
} = {
  export: {
    of: (value) => value === 'everloop',
    format: isCount,
    run: isRunId,
    children: (value) => typeof value === 'boolean',
  },
  run: {
    run: isRunId,
    flow: isText,
    version: isText,
    queue: isText,
    labels: (value) => isObject(value) && Object.values(value).every(isText),
    parent: (value) => value === null || isRunId(value),
  },
  artifact: { hash: isHash, bytes: isCount, at: isCount, data: isText },
  'missing-artifact': { hash: isHash },
  'missing-run': { run: isRunId },
  entry: {
    run: isRunId,
    seq: isCount,
    epoch: isCount,
    time: isCount,
    scope: isText,
    kind: isText,
    key: isText,
    salt: isTextOrNull,
    digest: isText,
    payload: isTextOrNull,
    hash: isText,
  },
  head: { run: isRunId, seq: isCount, hash: isText },
  end: { runs: isCount, entries: isCount, artifacts: isCount },
}

/** The line's text, with its end. What it holds beside its fields is left out. */
export function writeLine(line: ExportLine): string {
  return `${textOf(line.is, line as unknown as Readonly<Record<string, unknown>>)}\n`
}

/** The line that was written as this text, without its end; undefined when none is. */
export function readLine(text: string): ExportLine | undefined {
  const parsed = parse(text)
  const is = parsed?.['is']
  if (!parsed || typeof is !== 'string' || !isLine(is)) return undefined
  const isSound = Object.entries(shapes[is]).every(
    ([name, check]) => Object.hasOwn(parsed, name) && check(parsed[name]),
  )
  // What the table says of it has been checked, and that it holds nothing else is now.
  return isSound && textOf(is, parsed) === text ? (parsed as unknown as ExportLine) : undefined
}

/** The format of an export that begins with this text, whatever else it says; undefined when none does. */
export function formatOf(text: string): number | undefined {
  const { is, of, format } = parse(text) ?? {}
  return is === 'export' && of === 'everloop' && isCount(format) ? Number(format) : undefined
}

const isLine = (is: string): is is ExportLine['is'] => Object.hasOwn(shapes, is)

function textOf(is: ExportLine['is'], fields: Readonly<Record<string, unknown>>): string {
  let text = `{"is":"${is}"`
  for (const name of Object.keys(shapes[is])) text += `,"${name}":${JSON.stringify(fields[name])}`
  return toAscii(`${text}}`)
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = parseJson(text)
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}
