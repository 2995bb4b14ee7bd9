/**
 * How processes on one machine know that another is dead, without waiting for its lease: a session
 * holds an exclusive lock on a file of its own, and the system drops the lock with the process,
 * however it died. Process ids are never used: they are reused, and mean nothing in a container.
 *
 * The file is an empty SQLite database under BEGIN EXCLUSIVE, because SQLite's locks work on every
 * system and between threads of one process. It is made before the session's row and removed after
 * it, so a row without a file belongs to nobody alive. Its folder stays when it is empty: removing
 * it would race with another process that has just made sure of it.
 *
 * A process that is killed before the row is written leaves a file that no row names. Whoever opens a
 * session removes such files, each under its lock. So that this takes no file from a process that has
 * made it and is about to lock it, the file gets the session's name only once it is locked: a file
 * under that name that nobody has locked is a dead session's. Before, it has a name that is used once:
 * who finds that it cannot lock it, or that it is gone when it is to be renamed, makes another.
 *
 * No file here may be opened by other means while it is locked: closing any handle to a file drops
 * all of a process's locks on it.
 */
import { hash } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { assert } from '../../base/errors.ts'
import type { Ports } from '../../base/ports.ts'
import { Connection, troubleOf } from './driver.ts'
import { ownerOnly } from './open.ts'
import { toStored } from './stored-text.ts'
import { explain } from './trouble.ts'

/** The lease of a session, as its row tells it. */
export interface Lease {
  readonly expires: number
  readonly ms: number
}

/** Since when the lease of another process's session has been seen as it is, and as run out. */
interface Seen {
  readonly expires: number
  readonly at: number
  runOutAt: number | undefined
}

/** A lease is renewed when a third of it has passed. One that has not been for so long may have run out. */
const stillPart = 1 / 2

/** How long after a lease has been seen as run out it is looked at again. */
export const lookAgainMs = (leaseMs: number): number => Math.ceil(leaseMs / 4)

export class Liveness {
  readonly #location: string
  readonly #folder: string
  /** Locks of this process's sessions. */
  readonly #held = new Map<string, Connection>()
  /** Files of other sessions that nobody had locked, kept open: asking again costs one system call. */
  readonly #watched = new Map<string, Connection>()

  readonly #seen = new Map<string, Seen>()
  readonly #ports: Pick<Ports, 'monotonic'>

  constructor(location: string, ports: Pick<Ports, 'monotonic'>) {
    this.#location = location
    this.#ports = ports
    this.#folder = `${location}-sessions`
  }

  /** Locks the session's file for as long as this process lives. */
  hold(token: string): void {
    if (this.#held.has(token)) return // a batch that is repeated
    this.#makeFolder()
    const path = this.#path(token)
    assert(!existsSync(path), 'A session token was used twice.')
    try {
      let connection: Connection | undefined
      for (let i = 0; !connection; i++) connection = lockedAs(path, `${path}.${i}`)
      this.#held.set(token, connection)
    } catch (error) {
      throw explain(error, path)
    }
  }

  /**
   * It belongs to whom the ledger belongs, as the log does that SQLite makes: one that were `root`'s,
   * who once looked after the ledger, would shut out the service's own workers.
   */
  #makeFolder(): void {
    const made = mkdirSync(this.#folder, { recursive: true, mode: ownerOnly.folder })
    if (made === undefined || process.getuid?.() !== 0) return
    give(this.#folder, statSync(this.#location))
  }

  /** Ends the lock. Call it after the session's row is gone. */
  letGo(token: string): void {
    const connection = this.#held.get(token)
    if (!connection) return
    this.#held.delete(token)
    this.#remove(token)
    connection.close()
  }

  /** True when the process of this session is known to have ended. */
  isDead(token: string): boolean {
    if (this.#held.has(token)) return false
    try {
      const connection = this.#watch(token)
      connection.exec('BEGIN EXCLUSIVE')
      connection.exec('ROLLBACK')
      return true
    } catch (error) {
      const trouble = troubleOf(error)
      if (trouble === undefined) throw error
      return trouble === 'cannot-open' && this.#isGone(token)
    }
  }

  /**
   * Whether a lease is over. One that has run out on our clock is not believed at once: its owner's clock may be
   * another one, ours may have been set, or this process may have stood still as long as its owner, who is about
   * to say so. A session of this process is judged by the clock that it was written by.
   */
  isOver(token: string, lease: Lease, now: number): boolean {
    const hasRunOut = lease.expires <= now
    if (this.#held.has(token)) return hasRunOut
    const at = this.#ports.monotonic()
    let seen = this.#seen.get(token)
    if (seen?.expires !== lease.expires) {
      seen = { expires: lease.expires, at, runOutAt: undefined }
      this.#seen.set(token, seen)
    }
    if (!hasRunOut) return false
    seen.runOutAt ??= at
    return at - seen.at >= lease.ms * stillPart && at - seen.runOutAt >= lookAgainMs(lease.ms)
  }

  /** Removes what is left of a session whose row is gone, also of one that this process lost. */
  forget(token: string): void {
    this.letGo(token)
    this.#watched.get(token)?.close()
    this.#watched.delete(token)
    this.#remove(token)
  }

  /** Removes what processes left behind that ended before their sessions had rows. `tokens`: of all rows. */
  clear(tokens: readonly string[]): void {
    if (!existsSync(this.#folder)) return
    const known = new Set(tokens.map((token) => this.#path(token)))
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name)
      if (fileName.test(name) && !known.has(path)) removeUnlocked(path)
    }
  }

  /** Keeps only the files of these sessions open. */
  keepOnly(tokens: ReadonlySet<string>): void {
    for (const token of this.#seen.keys()) if (!tokens.has(token)) this.#seen.delete(token)
    for (const [token, connection] of this.#watched) {
      if (tokens.has(token)) continue
      this.#watched.delete(token)
      connection.close()
    }
  }

  close(): void {
    this.keepOnly(new Set())
    for (const token of this.#held.keys()) this.letGo(token)
  }

  #watch(token: string): Connection {
    let connection = this.#watched.get(token)
    if (!connection) {
      connection = lockable(this.#path(token))
      this.#watched.set(token, connection)
    }
    return connection
  }

  /**
   * No file: its owner removed it or never came to make it. A process that is out of file
   * descriptors cannot open what is there either, which says nothing of the owner: so the system is
   * asked, which takes no descriptor.
   */
  #isGone(token: string): boolean {
    try {
      return statSync(this.#path(token), { throwIfNoEntry: false }) === undefined
    } catch {
      return false // not known: the lease will tell
    }
  }

  /** Where it cannot be, nothing is lost: a file that nobody has locked is a dead session's, and `clear` tries again. */
  #remove(token: string): void {
    try {
      rmSync(this.#path(token), { force: true })
    } catch {
      // It is another user's, say, or the folder cannot be written any more.
    }
  }

  /** A digest, because a token is a secret and may be any text: as it is stored, texts that differ are other bytes. */
  #path(token: string): string {
    return join(this.#folder, hash('sha256', toStored(token), 'hex').slice(0, 32))
  }
}

/** Gives the folder that was just made to whom this belongs, where the system lets it. */
function give(folder: string, { uid, gid }: Stats): void {
  const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants
  try {
    // Not by its name: who owns the folder around it may have put a link to anything in its place.
    const handle = openSync(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    try {
      fchownSync(handle, uid, gid)
    } finally {
      closeSync(handle)
    }
  } catch {
    // A `root` that may give nothing away, in a container or on another machine's disk, works all the same.
  }
}

/** A file as it is named before it is locked, and after. */
const fileName = /^[0-9a-f]{32}(\.\d+)?$/

/** Makes a file, locks it and gives it this name. Undefined when another process took it for one left behind. */
function lockedAs(path: string, made: string): Connection | undefined {
  closeSync(openSync(made, 'wx', ownerOnly.file))
  let connection: Connection | undefined
  try {
    connection = lockable(made)
    connection.exec('BEGIN EXCLUSIVE')
    renameSync(made, path)
    return connection
  } catch (error) {
    connection?.close()
    const wasTaken = troubleOf(error) === 'busy' || !existsSync(made)
    rmSync(made, { force: true })
    if (wasTaken) return undefined
    throw error
  }
}

function removeUnlocked(path: string): void {
  try {
    const connection = lockable(path)
    try {
      connection.exec('BEGIN EXCLUSIVE')
      rmSync(path, { force: true })
    } finally {
      connection.close()
    }
  } catch {
    // Its process lives, another one removes it, or it is another user's.
  }
}

/** A connection for locks alone: nothing is ever written, so no journal file is wanted. */
function lockable(path: string): Connection {
  const connection = new Connection(path, { access: 'write', busyMs: 0 })
  try {
    connection.exec('PRAGMA journal_mode = MEMORY')
  } catch (error) {
    connection.close() // locked, mostly: it must not stay open until it is collected as garbage
    throw error
  }
  return connection
}
