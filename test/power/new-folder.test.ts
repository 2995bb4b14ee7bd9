/**
 * Found by the power cuts: the store made the folder of a new file and never synced the folder's own
 * name, so that a cut could take the folder, and with it everything that had been acknowledged.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { buildShim } from '../crash/build-shim.ts'
import { readRecording } from '../crash/recording.ts'
import { Disk } from './disk.ts'

const shim = buildShim()
const index = new URL('../../src/index.ts', import.meta.url).href

test.skipIf(shim.is === 'missing')(
  'the names of a new store and of its new folders are synced',
  () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'everloop-names-')))
    const root = join(folder, 'watched')
    mkdirSync(root)
    const location = join(root, 'outer', 'inner', 'ledger.db')
    const code = `const { open } = await import('${index}'); await open({ store: 'sqlite:${location}' }); process.kill(process.pid, 'SIGKILL')`
    const { signal, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', code],
      {
        encoding: 'utf8',
        env: {
          ...process.env,
          LD_PRELOAD: shim.is === 'built' ? shim.path : '',
          EVERLOOP_SHIM_DIR: root,
          EVERLOOP_SHIM_LOG: join(folder, 'calls'),
        },
      },
    )
    expect(signal, stderr).toBe('SIGKILL')
    const disk = new Disk(root)
    for (const call of readRecording(join(folder, 'calls'))) disk.apply(call)
    rmSync(folder, { recursive: true })
    for (const path of [join(root, 'outer'), join(root, 'outer', 'inner'), location]) {
      expect(disk.names.get(path)).toHaveLength(1)
    }
  },
)
