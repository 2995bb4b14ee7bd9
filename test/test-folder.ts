/** Folders for tests, in the system's temporary one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A new folder, removed by `remove`. */
export function makeFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'everloop-test-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** A new folder for one test. */
export function testFolder(): string {
  const { path, remove } = makeFolder()
  onTestFinished(remove)
  return path
}
