/** A process without file descriptors knows nothing of others, and takes nothing from them. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { heldRun } from '../../src/testing/store-bed.ts'
import { newLocation, openStore } from './ledger-folder.ts'

const child = fileURLToPath(new URL('descriptors-child.ts', import.meta.url))

test.skipIf(process.platform === 'win32')(
  'a process that has run out of file descriptors takes no run of a worker that lives',
  async () => {
    const location = newLocation()
    const store = await openStore(location)
    await heldRun(store, 'r', 'alive')
    const { stdout, stderr } = spawnSync(
      'sh',
      ['-c', 'ulimit -n 64 && exec "$0" "$@"', process.execPath, child, location],
      { encoding: 'utf8' },
    )
    expect(stdout, stderr).toBe('EMFILE 0')
    expect(await store.run('r')).toMatchObject({ session: 'alive', crashes: 0, epoch: 1 })
  },
  30_000,
)
