/**
 * What the auditor of the demo can look at: a directory, its files, and what stands in them. Paths come
 * from a model, so nothing outside of the directory can be named, not even through a link.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs'
import { extname, isAbsolute, join, relative, sep } from 'node:path'
import { listFiles, measure } from './measure.ts'

/** More would make the audit slow, and its tools' answers long. */
const filesMax = 1000
const shownMax = 120
const linesMax = 120
const matchesMax = 12
const bytesMax = 1024 * 1024

export interface Listing {
  readonly files: number
  /** Why there are not more, if there are. */
  readonly limit?: string
  /** How many files end so, the most frequent first. */
  readonly kinds: readonly { readonly kind: string; readonly files: number }[]
  /** The first of them. */
  readonly paths: readonly string[]
}

export interface Matches {
  readonly text: string
  readonly matches: number
  readonly files: number
  /** The first of them. */
  readonly first: readonly { readonly file: string; readonly line: number; readonly of: string }[]
}

export interface Size {
  readonly file: string
  readonly lines: number
  readonly bytes: number
}

export class Look {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = realpathSync(directory)
  }

  list(): Listing {
    const { files, limit } = listFiles(this.#directory, filesMax)
    const counts = new Map<string, number>()
    for (const file of files) {
      const kind = extname(file) || 'no ending'
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
    }
    const kinds = [...counts].map(([kind, count]) => ({ kind, files: count }))
    return {
      files: files.length,
      ...(limit === undefined ? {} : { limit }),
      kinds: kinds.toSorted((a, b) => b.files - a.files).slice(0, 10),
      paths: files.slice(0, shownMax),
    }
  }

  /** The longest text files. */
  async longest(count: number): Promise<readonly Size[]> {
    const { files } = listFiles(this.#directory, filesMax)
    const sizes: Size[] = []
    for (const file of files) {
      const { lines, bytes, kind } = await measure(this.#directory, file)
      if (kind === 'text') sizes.push({ file, lines, bytes })
    }
    return sizes.toSorted((a, b) => b.lines - a.lines).slice(0, count)
  }

  /** Lines with this text in them, as it is written. */
  search(text: string): Matches {
    const found = this.#lines().filter(({ of }) => of.includes(text))
    return {
      text,
      matches: found.length,
      files: new Set(found.map(({ file }) => file)).size,
      first: found
        .slice(0, matchesMax)
        .map(({ of, ...place }) => ({ ...place, of: of.trim().slice(0, 160) })),
    }
  }

  /** Exported declarations of TypeScript and JavaScript without a comment above them. */
  undocumented(): Omit<Matches, 'text'> & { readonly exports: number } {
    const lines = this.#lines().filter(({ file }) => /\.[cm]?[jt]sx?$/.test(file))
    const exported =
      /^export (?:default |declare |abstract |async )*(?:function|class|interface|type|const|enum)\b(?! [{*])/
    const all = lines.flatMap((line, i) => (exported.test(line.of) ? [{ line, i }] : []))
    const found = all.filter(({ i, line }) => {
      const before = lines[i - 1]
      return before?.file !== line.file || !/\*\/\s*$|^\s*(?:\/\/|@)/.test(before.of)
    })
    return {
      exports: all.length,
      matches: found.length,
      files: new Set(found.map(({ line }) => line.file)).size,
      first: found
        .slice(0, matchesMax)
        .map(({ line }) => ({ ...line, of: line.of.trim().slice(0, 160) })),
    }
  }

  /** Some lines of a file, with their numbers. */
  read(path: string, from: number): string {
    const lines = this.#text(path).split('\n')
    const shown = lines.slice(from - 1, from - 1 + linesMax)
    const numbered = shown.map((line, i) => `${from + i}  ${line.slice(0, 300)}`)
    const rest = lines.length - (from - 1 + shown.length)
    return [...numbered, ...(rest > 0 ? [`(${rest} more lines)`] : [])].join('\n')
  }

  #text(path: string): string {
    let place: string
    try {
      place = realpathSync(join(this.#directory, path))
    } catch {
      throw new Error(`There is no file ${path}.`)
    }
    const inside = relative(this.#directory, place)
    const isOutside = inside.startsWith('..') || isAbsolute(inside)
    if (isAbsolute(path) || isOutside || hidden(inside)) {
      throw new Error('Only files of the directory can be read: give a path that list_files shows.')
    }
    const { size } = fileStats(place, path)
    if (size > bytesMax) throw new Error(`${path} has ${size} bytes: that is too long to be read.`)
    const bytes = readFileSync(place)
    if (bytes.includes(0)) throw new Error(`${path} is not text.`)
    return bytes.toString('utf8')
  }

  /** All lines of all files that can be read. */
  #lines(): { readonly file: string; readonly line: number; readonly of: string }[] {
    const { files } = listFiles(this.#directory, filesMax)
    return files.flatMap((file) => {
      try {
        return this.#text(file)
          .split('\n')
          .map((of, i) => ({ file, line: i + 1, of }))
      } catch {
        return [] // what is no text has no lines
      }
    })
  }
}

/** Files that a list does not show are not read either: keys are kept in such files. */
const hidden = (path: string): boolean => path.split(sep).some((part) => part.startsWith('.'))

function fileStats(place: string, path: string): { readonly size: number } {
  const stats = statSync(place)
  if (stats.isFile()) return stats
  throw new Error(`${path} is not a file.`)
}
