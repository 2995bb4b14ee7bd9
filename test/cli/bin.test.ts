/** What the executable does before anything is imported: it refuses an old Node in one sentence. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..')
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'everloop-bin-'))
  copyFileSync(join(root, 'src/cli/bin.ts'), join(folder, 'bin.ts'))
  copyFileSync(join(root, 'bin/check-node.js'), join(folder, 'check-node.mjs'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(
    join(folder, 'main.ts'),
    `process.emitWarning('SQLite is an experimental feature and might change at any time', 'ExperimentalWarning')
process.emitWarning('another warning', 'ExperimentalWarning')
console.log('main ran', ...process.argv.slice(2))`,
  )
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** Runs a file in this Node, which says that it is of another version. */
function runAs(version: string, file: string): SpawnSyncReturns<string> {
  const disguise = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  return spawnSync(
    process.execPath,
    [
      '--import',
      `data:text/javascript,${encodeURIComponent(disguise)}`,
      join(folder, file),
      'demo',
    ],
    { encoding: 'utf8' },
  )
}

describe.each(['bin.ts', 'check-node.mjs'])('%s', (file) => {
  test.each(['16.20.2', '20.20.2', '22.17.1'])('refuses Node %s in one sentence', (version) => {
    const { status, stdout, stderr } = runAs(version, file)
    expect(status).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^everloop needs Node 22\.18 or newer, but this is Node /)
    expect(stderr).toContain(`Node ${version} (${process.execPath}).`)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  test.each(['22.18.0', '24.21.0', '26.0.0'])('accepts Node %s', (version) => {
    expect(runAs(version, file).status).toBe(0)
  })
})

test('the executable runs main.ts with its arguments', () => {
  expect(runAs('24.21.0', 'bin.ts').stdout).toBe('main ran demo\n')
})

test('on Node 22 the warning about SQLite is silent and every other warning is not', () => {
  const { stderr } = runAs('22.18.0', 'bin.ts')
  expect(stderr).not.toContain('SQLite')
  expect(stderr).toContain('another warning')
})

test('on newer Nodes no warning is touched', () => {
  expect(runAs('26.0.0', 'bin.ts').stderr).toContain('SQLite')
})
