/**
 * Whether the names of an open ledger still lead to it. Removing, renaming or replacing the file does not
 * take it from SQLite, which goes on with a file that has no name any more: what is acknowledged from then
 * on is lost, and whoever opens the name next executes the same runs again. The same holds of the log and of
 * its index beside it: whoever opens the ledger next has others, and overwrites what is in these.
 *
 * Asking for one takes a microsecond or two, some seven behind a wait for the disk, and no file descriptor (see
 * liveness.ts), so it is asked before each transaction, also of those that only read.
 */
import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { EverloopError } from '../../base/errors.ts'

/** An open ledger: where it lies, and which files it is made of. */
export interface Found {
  readonly location: string
  readonly files: readonly { readonly path: string; readonly inode: bigint }[]
}

/** What SQLite calls the file, its log and the log's index, which are there while somebody has the ledger open. */
const endings = ['', '-wal', '-shm'] as const

/** The ledger that was just opened under this name: where it lies now, whatever links to folders lead elsewhere later. */
export function foundAt(name: string): Found {
  const location = realpathSync(name)
  const paths = endings.map((ending) => location + ending)
  return { location, files: paths.map((path) => ({ path, inode: inodeOf(path) })) }
}

/** The number of the file that this name leads to; 0 for none. */
const inodeOf = (location: string): bigint =>
  statSync(location, { bigint: true, throwIfNoEntry: false })?.ino ?? 0n

/** Throws STORE_FAILED when a name leads to another file than it did, or to none. */
export function refuseMoved({ location, files }: Found): void {
  for (const { path, inode } of files) {
    let now: bigint
    try {
      now = inodeOf(path)
    } catch {
      return // a folder that may not be read any more says nothing of the file
    }
    if (now === inode && now !== 0n) continue
    const what = path === location ? `The store ${path}` : `The file ${path}, a part of the store,`
    throw new EverloopError(
      'STORE_FAILED',
      `${what} was removed, renamed or replaced while it was in use; nothing was written. End all processes that have it open before you put another file in its place.`,
    )
  }
}

/**
 * The name of the file itself where a link leads to it, even to one that does not exist yet. Its log and
 * the locks of its sessions lie beside it: whoever looked for them under another name would take all other
 * workers for dead.
 */
export function realLocation(location: string): string {
  if (!lstatSync(location, { throwIfNoEntry: false })?.isSymbolicLink()) return location
  try {
    return realpathSync(location)
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (!isMissing) return location // links that lead to each other, say: SQLite says what it is
    return realLocation(resolve(realpathSync(dirname(location)), readlinkSync(location)))
  }
}
