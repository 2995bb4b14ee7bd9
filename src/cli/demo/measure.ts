/** The work of the demo's steps: listing a directory, and reading and measuring its files. */
import { opendirSync, type Dirent } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'

export interface FileList {
  /** Paths relative to the directory, with "/", in order. */
  readonly files: string[]
  /** Why there are not more, if there are. */
  readonly limit: string | undefined
  /** Folders that could not be opened. */
  readonly closed: number
}

export interface Finding {
  readonly file: string
  readonly bytes: number
  readonly lines: number
  readonly todos: number
  readonly kind: 'text' | 'binary' | 'unreadable'
}

/** What is made by tools, or would be counted twice. */
const skipped = new Set(['node_modules', 'dist', 'coverage'])
/** Entries that are looked at before the search ends, however few files they are. */
const entriesMax = 20_000
/** Larger files are read up to here. */
const bytesMax = 4 * 1024 * 1024

/** Regular files below the directory: no links, no hidden files, at most `filesMax`. */
export function listFiles(directory: string, filesMax: number): FileList {
  const files: string[] = []
  const folders = ['']
  let seen = 0
  let closed = 0
  let limit: string | undefined
  for (let folder; limit === undefined && (folder = folders.shift()) !== undefined;) {
    const entries = entriesOf(join(directory, folder), entriesMax - seen)
    if (!entries) closed++
    for (const entry of entries ?? []) {
      seen++
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.name.startsWith('.') || skipped.has(entry.name)) continue
      if (entry.isDirectory()) folders.push(path)
      else if (entry.isFile() && files.length === filesMax) limit = `the first ${filesMax} files`
      else if (entry.isFile()) files.push(path)
      if (limit !== undefined) break
    }
    if (seen >= entriesMax) limit ??= `the first ${entriesMax} entries of the directory`
  }
  return { files, limit, closed }
}

/** In order of name. Undefined when the folder cannot be opened. */
function entriesOf(path: string, max: number): Dirent[] | undefined {
  const entries: Dirent[] = []
  try {
    const folder = opendirSync(path)
    try {
      for (let entry; entries.length < max && (entry = folder.readSync());) entries.push(entry)
    } finally {
      folder.closeSync()
    }
  } catch {
    return entries.length > 0 ? entries : undefined
  }
  return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** Reads a file and counts. A file that cannot be read is a finding too, not a failure. */
export async function measure(directory: string, file: string): Promise<Finding> {
  try {
    await using handle = await open(join(directory, file))
    const { size } = await handle.stat()
    const buffer = Buffer.alloc(Math.min(size, bytesMax))
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
    const content = buffer.subarray(0, bytesRead)
    if (content.includes(0)) return { file, bytes: size, lines: 0, todos: 0, kind: 'binary' }
    const text = content.toString('utf8')
    const lines = text === '' ? 0 : text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
    const todos = text.match(/\b(?:TODO|FIXME)\b/g)?.length ?? 0
    return { file, bytes: size, lines, todos, kind: 'text' }
  } catch {
    return { file, bytes: 0, lines: 0, todos: 0, kind: 'unreadable' }
  }
}
