/**
 * Whether the names of an open ledger still lead to it. Removing, renaming or replacing the file does not
 * take it from SQLite, which goes on with a file that has no name any more: what is acknowledged from then
 * on is lost, and whoever opens the name next executes the same runs again. The same holds of the log and of
 * its index beside it: whoever opens the ledger next has others, and overwrites what is in these.
 *
 * It is asked before each transaction, also of those that only read, and of the folder first: as long as nothing
 * was made, removed or renamed in it, all names lead where they led. Asking for one takes a microsecond or two,
 * some seven behind a wait for the disk, and no file descriptor (see liveness.ts).
 */
import { type BigIntStats, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs'
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
const inodeOf = (path: string): bigint => statsOf(path)?.ino ?? 0n

type Stats = Pick<BigIntStats, 'ino' | 'mtimeNs'>

const statsOf = (path: string): Stats | undefined =>
  statSync(path, { bigint: true, throwIfNoEntry: false })

/** File systems tell times in ticks of some milliseconds: what happens in the same tick leaves the same time. */
const tickMs = 100
/** Some tell whole seconds, or every other one. */
const coarseTickMs = 2500
const nsPerMs = 1_000_000n
const nsPerSecond = 1_000_000_000n
/** A file can also be covered, by a mount say, which its folder does not tell: so often it is asked for all the same. */
const askMs = 1000

// As it was when this was loaded: whoever fakes time for a test does not fake that of the file system.
const RealDate = Date

/** Whether anything that changes from now on shows in the folder's time. */
function isLongAgo({ mtimeNs }: Stats, now: number): boolean {
  const tick = mtimeNs % nsPerSecond === 0n ? coarseTickMs : tickMs
  return now - Number(mtimeNs / nsPerMs) > tick
}

/** The names of an open ledger, for one of those who use it. */
export class Names {
  readonly #found: Found
  readonly #folder: string
  /** The folder when all names were right, if nothing had changed in it for a while. */
  #still: Stats | undefined
  #askedAt = 0

  constructor(found: Found) {
    this.#found = found
    this.#folder = dirname(found.location)
  }

  /** Throws STORE_FAILED when a name leads to another file than it did, or to none. */
  check(): void {
    let moved: string | undefined
    try {
      moved = this.#moved()
    } catch {
      return // a folder that may not be read any more says nothing of the file
    }
    if (moved === undefined) return
    const what =
      moved === this.#found.location
        ? `The store ${moved}`
        : `The file ${moved}, a part of the store,`
    throw new EverloopError(
      'STORE_FAILED',
      `${what} was removed, renamed or replaced while it was in use; nothing was written. End all processes that have it open before you put another file in its place.`,
    )
  }

  #moved(): string | undefined {
    const folder = statsOf(this.#folder)
    const now = RealDate.now()
    const isStill = folder?.ino === this.#still?.ino && folder?.mtimeNs === this.#still?.mtimeNs
    if (folder && isStill && Math.abs(now - this.#askedAt) < askMs) return undefined
    const { files } = this.#found
    const moved = files.find(({ path, inode }) => inode === 0n || inodeOf(path) !== inode)
    this.#askedAt = now
    this.#still = folder && isLongAgo(folder, now) ? folder : undefined
    return moved?.path
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
