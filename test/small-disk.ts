/** File systems that are soon full or stand still, for tests that may mount one. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { onTestFinished } from 'vitest'

/** Mounts one of this size, as `mount` takes it, on the folder; false where that is not allowed. */
export function mountedSmall(folder: string, size: string): boolean {
  try {
    asRoot('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder)
  } catch {
    return false
  }
  onTestFinished(() => asRoot('umount', '-l', folder))
  return true
}

/** Mounts one that can stand still; false where that is not allowed. */
export function mountedFreezable(folder: string): boolean {
  const image = `${folder}.image`
  try {
    asRoot('truncate', '-s', '16M', image)
    asRoot('mkfs.ext4', '-q', image)
    asRoot('mount', '-o', 'loop', image, folder)
  } catch {
    rmSync(image, { force: true })
    return false
  }
  onTestFinished(() => {
    asRoot('umount', '-l', folder)
    rmSync(image)
  })
  return true
}

/** Lets the file system stand still, as a snapshot of its machine does: whoever writes waits. */
export async function standStill(folder: string, seconds: number): Promise<void> {
  const script = 'fsfreeze -f "$0" && sleep "$1"; fsfreeze -u "$0"'
  await once(spawn('sh', ['-c', script, folder, String(seconds)], { stdio: 'ignore' }), 'exit')
}

/** Runs a command of the system that is not everywhere, and not everybody's. */
export function asRoot(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: 'ignore' })
}
