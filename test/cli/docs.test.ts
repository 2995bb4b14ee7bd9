/**
 * docs/cli.md against the program itself: every command, option and exit code, and none besides. And
 * the links of all documents against what they lead to.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { exitCodes } from '../../src/cli/exit.ts'
import { makeProgram } from '../../src/cli/program.ts'

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'cli.md'), 'utf8')

const leaves = (command: Command, path: string): { path: string; command: Command }[] =>
  command.commands.length === 0
    ? [{ path, command }]
    : command.commands.flatMap((inner) => leaves(inner, `${path} ${inner.name()}`))

const all = leaves(makeProgram(), 'everloop')
const headings = [...text.matchAll(/^### (.*everloop.*)$/gm)].map(([, heading = '']) => heading)

test.each(all)('$path is documented with its options', ({ path, command }) => {
  const verb = path.split(' ').at(-1) ?? ''
  const group = path.split(' ').slice(0, -1).join(' ')
  const heading = headings.find(
    (one) => one.includes(`\`${path}`) || (one.includes(group) && one.includes(`\`${verb} RUN\``)),
  )
  expect(heading).toBeDefined()
  const start = text.indexOf(`### ${heading}`)
  const end = text.slice(start + 4).search(/^##/m)
  const section = end < 0 ? text.slice(start) : text.slice(start, start + 4 + end)
  for (const { long = '' } of command.options) expect(section).toMatch(new RegExp(`${long}\\b`))
})

test('the exit codes are documented, and no others', () => {
  const rows = [...text.matchAll(/^\| +(\d+) \|/gm)].map(([, code]) => Number(code))
  expect(rows).toEqual(Object.values(exitCodes))
})

const root = join(import.meta.dirname, '..', '..')

/** The anchors of a document, as GitHub makes them of its headings. */
function anchorsOf(path: string): string[] {
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)
  return Array.from(headings, ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** The links of a document that lead to no other site. */
function linksOf(file: string): readonly {
  readonly link: string
  readonly path: string
  readonly anchor: string | undefined
}[] {
  const links = readFileSync(join(root, file), 'utf8').matchAll(
    /\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g,
  )
  return Array.from(links, ([link, path = '', anchor]) => ({ link, path, anchor }))
}

test.each(globSync(['*.md', 'docs/**/*.md'], { cwd: root }))(
  'the links of %s lead somewhere',
  (file) => {
    for (const { link, path, anchor } of linksOf(file)) {
      const target = path === '' ? join(root, file) : join(root, dirname(file), path)
      expect(existsSync(target), link).toBe(true)
      if (anchor !== undefined) expect(anchorsOf(target), link).toContain(anchor)
    }
  },
)

/** What npm puts into every package besides. */
const alwaysPublished = ['package.json', 'README.md', 'LICENSE']
const published = [...packageFiles(), ...alwaysPublished]

function packageFiles(): readonly string[] {
  const text = readFileSync(join(root, 'package.json'), 'utf8')
  return (JSON.parse(text) as { readonly files: readonly string[] }).files
}

const isPublished = (path: string): boolean =>
  published.some((one) => path === one || path.startsWith(`${one}/`))

test.each(globSync(['*.md', 'docs/**/*.md'], { cwd: root }).filter(isPublished))(
  'the links of %s lead to what is in the package, too',
  (file) => {
    for (const { path } of linksOf(file)) {
      const target = path === '' ? file : join(dirname(file), path)
      expect(isPublished(target), target).toBe(true)
    }
  },
)
