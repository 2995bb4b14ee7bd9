/** A run that kills its process for real, on a real file. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { open } from 'everloop'

const child = fileURLToPath(new URL('poison-child.ts', import.meta.url))

test('a run that kills three processes is parked, and the fourth one lives', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-poison-'))
  const store = `sqlite:${join(folder, 'ledger.db')}`
  const log = join(folder, 'log')
  try {
    const ends = Array.from({ length: 4 }, () => {
      const { signal, status, stderr } = spawnSync(process.execPath, [child, store, log], {
        encoding: 'utf8',
      })
      return signal ?? (status === 0 ? 'lived' : stderr)
    })
    expect(ends).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL', 'lived'])
    expect(readFileSync(log, 'utf8')).toBe('executed\n'.repeat(3))
    await using ever = await open({ store })
    const run = await ever.get('poison')
    expect(await run.status()).toMatchObject({ status: 'paused', code: 'CRASH_LOOP', crashes: 3 })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 40_000)
