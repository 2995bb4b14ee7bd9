/** A batch that was sent ahead keeps its process alive, as the one before it does. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { newLocation } from './ledger-folder.ts'

const child = fileURLToPath(new URL('ahead-child.ts', import.meta.url))

test('a process that waits for two batches does not end after the first', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [child, newLocation()], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  expect(stdout, stderr).toBe('written\n')
  expect(status).toBe(0)
})
