/** A program without everloop verifies exports, and finds what was changed in them. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { flow, open } from 'everloop'
import { exported } from './places.ts'
import { testFolder } from '../test-folder.ts'

const program = join(import.meta.dirname, 'standalone-child.ts')

function verified(text: string): { readonly status: number | null; readonly stdout: string } {
  const file = join(testFolder(), 'export.jsonl')
  writeFileSync(file, text)
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, file], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  return { status, stdout }
}

const reads = flow(
  'reads',
  async (run, file: { artifact: string; name: string; bytes: number }) => {
    const bytes = await run.artifacts.get(file)
    return run.step('count', () => bytes.length)
  },
)
const writes = flow('writes', async (run) => {
  const file = await run.artifacts.put('rows', new Uint8Array(1_000_000).fill(7))
  await run.step('large', () => ({ file, text: '\u00e9'.repeat(100_000) }))
  return run.map('each', [1, 2], (inner) => inner.child(reads, file))
})

test('it knows nothing of everloop', () => {
  const modules = readFileSync(program, 'utf8').match(/from '.*'/g)
  expect(modules).toEqual(["from 'node:crypto'", "from 'node:fs'", "from 'node:readline'"])
})

describe('an export', () => {
  let text = ''
  beforeAll(async () => {
    await using ever = await open({ store: 'memory:', flows: [writes, reads], work: {} })
    await (await ever.start(writes, undefined, { id: 'rows' })).result()
    text = await exported(ever, 'rows')
  })

  test('is whole and sound', () => {
    const { status, stdout } = verified(text)
    expect(status).toBe(0)
    expect(stdout).toMatch(/^rows: \d+ entries\n(rows\.[0-9a-f]{16}: 3 entries\n){2}$/)
  })

  test.each([
    ['cut off', () => text.split('\n').slice(0, -2).join('\n'), 'the last line is missing'],
    ['edited', () => text.replace('"key":"large"', '"key":"small"'), 'the hash does not fit'],
    ['with other bytes', () => text.replace('"data":"Bw', '"data":"Cw'), 'another hash'],
    [
      'without a run below',
      () => text.replace(/\{"is":"run","run":"rows\.[^]*?"is":"head".*\n/, ''),
      'another run belongs here',
    ],
  ])('that was %s is found out', (_, change, what) => {
    const { status, stdout } = verified(change())
    expect({ status, stdout }).toEqual({ status: 1, stdout: expect.stringContaining(what) })
  })
})
