/** Temporary folders, removed when the process ends. TMPDIR says on which disk they lie. */
import {
  closeSync,
  cpSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const made: string[] = []

process.on('exit', () => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})
// A signal ends a process without its exit listeners, unless somebody listens to it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-bench-'))
  made.push(folder)
  return folder
}

/**
 * A copy with everything that belongs to the store: its log and its side files too. It is on the disk, as
 * what a killed process had committed is; else the first commit on it waits until all of it is.
 */
export function copyOf(folder: string): string {
  const copy = newFolder()
  cpSync(folder, copy, { recursive: true })
  for (const entry of readdirSync(copy, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sync(join(entry.parentPath, entry.name))
  }
  return copy
}

function sync(file: string): void {
  const handle = openSync(file, 'r+')
  fsyncSync(handle)
  closeSync(handle)
}

export function drop(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}

/** Bytes of all files of a folder that begin with this name: a database and its log. */
export const bytesOf = (folder: string, name: string): number =>
  readdirSync(folder)
    .filter((file) => file.startsWith(name))
    .reduce((bytes, file) => bytes + statSync(join(folder, file)).size, 0)
