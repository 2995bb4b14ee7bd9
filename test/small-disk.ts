/** A file system that is soon full, for tests that may mount one. */
import { execFileSync } from 'node:child_process'
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

/** Runs a command of the system that is not everywhere, and not everybody's. */
export function asRoot(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: 'ignore' })
}
