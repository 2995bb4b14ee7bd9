/**
 * Found by the crash harness: a process that was started with a flag that threads refuse, such as
 * --max-old-space-size, could not open a SQLite store at all.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const index = new URL('../../src/index.ts', import.meta.url).href

test.each(['--max-old-space-size=512', '--expose-gc', '--stack-trace-limit=50', '--title=agents'])(
  'a store opens in a process that was started with %s',
  (flag) => {
    const folder = mkdtempSync(join(tmpdir(), 'everloop-flags-'))
    const store = `sqlite:${join(folder, 'ledger.db')}`
    const code = `const { open } = await import('${index}'); await (await open({ store: '${store}' })).close()`
    const { status, stderr } = spawnSync(
      process.execPath,
      [flag, '--input-type=module', '--eval', code],
      { encoding: 'utf8' },
    )
    rmSync(folder, { recursive: true })
    expect(stderr).toBe('')
    expect(status).toBe(0)
  },
)
