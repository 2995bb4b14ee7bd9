/** Holds what comments and documents cite against what is there: invariants by number, files by path. */
import { basename } from 'node:path'
import type { SourceFile } from './source.ts'

/** A text that cites something. */
export interface Citing {
  readonly path: string
  readonly text: string
}

/** What looks like the number of an invariant and is none: versions of other things, and of characters. */
const others = new Set(['C0', 'V3', 'V4', 'V8'])

/** The numbers of all invariants that head comments state. */
export const statedIn = (files: readonly SourceFile[]): readonly string[] =>
  files.flatMap(({ text }) =>
    Array.from(text.matchAll(/^ ?\* (?:- )?([A-Z]\d{1,2}) /gm), ([, number = '']) => number),
  )

/** The comments of a file, without its code. */
export const commentsOf = ({ path, text }: SourceFile): Citing => ({
  path,
  text: (text.match(/\/\*[^]*?\*\/|(?<=^|\s)\/\/.*/g) ?? []).join('\n'),
})

/** Complaints about numbers that no invariant has, and about ranges behind which one is left out. */
export function checkNumbersCited(
  texts: readonly Citing[],
  stated: readonly string[],
  documented: readonly Citing[],
): string[] {
  const known = new Set(stated)
  const strange = [...texts, ...documented].flatMap(({ path, text }) =>
    Array.from(text.matchAll(/(?<![\w.#/`-])([A-Z]\d{1,2})(?![\w-])/g)).flatMap(([, number = '']) =>
      known.has(number) || others.has(number) ? [] : [`${path}: ${number} is no invariant.`],
    ),
  )
  const short = documented.flatMap(({ path, text }) =>
    Array.from(text.matchAll(/\b([A-Z])1 (?:to|and) \1(\d{1,2})\b/g)).flatMap(
      ([range, letter = '', last]) => {
        const next = `${letter}${Number(last) + 1}`
        return known.has(next) && !text.includes(next) ? [`${path}: ${range} are not all.`] : []
      },
    ),
  )
  return [...strange, ...short]
}

/** Complaints about paths that lead to no file of `src`; a bare name may be that of any. */
export function checkPathsCited(
  texts: readonly Citing[],
  files: readonly Pick<SourceFile, 'path'>[],
): string[] {
  const paths = new Set(files.map(({ path }) => path.replace(/^src\//, '')))
  const names = new Set([...paths].map((path) => basename(path)))
  return texts.flatMap(({ path, text }) =>
    Array.from(text.matchAll(/`(?:src\/)?([\w/-]+\.ts)`/g)).flatMap(([, cited = '']) =>
      (cited.includes('/') ? paths : names).has(cited)
        ? []
        : [`${path}: there is no file ${cited} in src.`],
    ),
  )
}
