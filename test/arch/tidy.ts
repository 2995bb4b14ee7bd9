/**
 * What a glance at a file tells: its name, its length, its head comment and what it switches off.
 * The limits keep one file one idea; a name that fits anything attracts everything.
 */
import { basename } from 'node:path'
import type { SourceFile } from './source.ts'

const linesMax = 500

const bannedWords = new Set([
  'util',
  'utils',
  'utility',
  'utilities',
  'common',
  'misc',
  'manager',
  'service',
  'impl',
  'helper',
  'helpers',
])

/** Complaints about catch-all names of files and folders, and names that are not kebab-case. */
export function checkNames(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path }) => {
    const parts = path.split('/').map((part) => basename(part, '.ts'))
    const words = parts.flatMap((part) => part.split(/[-.]/))
    const bad = words.filter((word) => bannedWords.has(word))
    if (parts.at(-1) === 'types') bad.push('types')
    const complaints = bad.map((word) => `${path}: "${word}" says nothing about what is inside.`)
    if (!/^[a-z0-9]+([-.][a-z0-9]+)*$/.test(parts.at(-1) ?? ''))
      complaints.push(`${path}: file names are kebab-case.`)
    return complaints
  })
}

/** Complaints about files that are too long to be one idea. */
export function checkLengths(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.trimEnd().split('\n').length
    return lines > linesMax ? [`${path} has ${lines} lines; at most ${linesMax}.`] : []
  })
}

/** Complaints about files that do not begin by saying what they own and why. */
export function checkHeads(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    /^(#!.*\n)?\/\*\*[^]*?\*\//.test(text) ? [] : [`${path} has no head comment.`],
  )
}

/** Complaints about invariants of the same number in two files: a comment that cites one means one. */
export function checkNumbers(files: readonly SourceFile[]): string[] {
  const owners = new Map<string, string>()
  return files.flatMap(({ path, text }) => {
    const head = /^\/\*\*[^]*?\*\//.exec(text)?.[0] ?? ''
    return Array.from(head.matchAll(/^ \* (?:- )?([A-Z]\d{1,2}) /gm)).flatMap(([, number = '']) => {
      const owner = owners.get(number) ?? path
      owners.set(number, owner)
      return owner === path ? [] : [`${path}: ${number} is an invariant of ${owner} already.`]
    })
  })
}

/** Complaints about names that the entry points export and that no docstring stands before. */
export function checkDocstrings(
  entryPoints: readonly SourceFile[],
  files: readonly SourceFile[],
): string[] {
  const texts = files.map(({ text }) => text).join('\n')
  const exported = entryPoints.flatMap(({ text }) =>
    Array.from(text.matchAll(/^export (?:type )?\{([^}]*)\}/gm), ([, list = '']) => list.split(','))
      .flat()
      .map((one) => /(\w+)(?: as \w+)?\s*$/.exec(one.trim())?.[1] ?? '')
      .filter((name) => name !== ''),
  )
  return exported.flatMap((name) => {
    const declared = `export (?:async )?(?:function|class|interface|type|const) ${name}\\b`
    return new RegExp(`\\*/\\n${declared}`).test(texts) ? [] : [`${name} has no docstring.`]
  })
}

/** Complaints about a checker switched off without a reason after two dashes. */
export function checkSuppressions(files: readonly SourceFile[]): string[] {
  const off = /(?:(?:oxlint|eslint)-disable|@ts-(?:ignore|nocheck|expect-error))(.*)/
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const match = /^\s*(\/\/|\/\*|\*)/.test(line) ? off.exec(line) : null
      if (match === null || / -- \S/.test(match[1] ?? '')) return []
      return [`${path}:${index + 1} switches a check off without a reason after " -- ".`]
    }),
  )
}
