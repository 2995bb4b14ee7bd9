/** What shim.c wrote: the calls that changed the disk, in the order in which they happened. */
import { readFileSync } from 'node:fs'

/** One letter for what was done, see shim.c. */
export type Op = 'W' | 'T' | 'S' | 'C' | 'U' | 'R' | 'D' | 'X' | 'M'

export interface Call {
  readonly op: Op
  /** W: where in the file. T: the new size. */
  readonly at: number
  readonly path: string
  readonly data: Buffer
}

const words: Readonly<Record<Op, string>> = {
  W: 'write',
  T: 'truncate',
  S: 'sync',
  C: 'create',
  U: 'unlink',
  R: 'rename',
  D: 'mkdir',
  X: 'rmdir',
  M: 'mark',
}

/** All calls of a log. A record that was cut off by a kill is left out. */
export function readRecording(log: string): Call[] {
  const bytes = readFileSync(log)
  const calls: Call[] = []
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(10, at)
    const head = /^(?<op>[WTSCURDXM]) (?<at>\d+) (?<size>\d+) (?<path>.*)$/s.exec(
      bytes.toString('utf8', at, end === -1 ? bytes.length : end),
    )
    if (end === -1 || !head?.groups) break
    const { op, at: offset, size, path = '' } = head.groups
    const data = bytes.subarray(end + 1, end + 1 + Number(size))
    at = end + 1 + Number(size) + 1
    if (at > bytes.length) break
    calls.push({ op: op as Op, at: Number(offset), path, data })
  }
  return calls
}

/** A call in a few words, for people. */
export function describeCall({ op, at, path, data }: Call, folder: string): string {
  const where = path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path
  return `${words[op]} ${where}${op === 'W' ? ` at ${at}, ${data.length} bytes` : ''}`
}
