/** Records a load: every call that changed the disk, with its data, and what was acknowledged when. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shimPath } from '../crash/build-shim.ts'
import { type Call, readRecording } from '../crash/recording.ts'
import { type Line, readWorld } from '../crash/world.ts'

export interface Recorded {
  readonly calls: readonly Call[]
  /** The folder that was watched. */
  readonly root: string
  readonly lines: readonly Line[]
}

export async function record(durability: 'power-cut' | 'process'): Promise<Recorded> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'everloop-power-')))
  try {
    // The store makes the folder "store" itself: its name must survive as well.
    const root = join(folder, 'watched')
    const world = join(folder, 'world')
    mkdirSync(root)
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'load-child.ts'), root, world, durability],
      {
        env: {
          ...process.env,
          LD_PRELOAD: shimPath(),
          EVERLOOP_SHIM_DIR: root,
          EVERLOOP_SHIM_LOG: join(folder, 'calls'),
          EVERLOOP_SHIM_MARKS: world,
        },
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    const [, signal] = (await once(child, 'close')) as [number | null, string | null]
    if (signal !== 'SIGKILL') throw new Error('The load did not come to its end.')
    return {
      calls: readRecording(join(folder, 'calls')),
      root,
      lines: readWorld(world),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
