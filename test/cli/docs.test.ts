/** docs/cli.md against the program itself: every command, option and exit code, and none besides. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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
