/**
 * Opens a ledger file for writing: creates it, brings its schema up to date, sets what durability
 * needs, and refuses what is not a store of this version.
 *
 * Several processes may do this to one new file at the same instant. The decision whether a file
 * is new or foreign is taken inside one transaction, and migrations inside one write transaction
 * that looks at the version again.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { assert, EverloopError } from '../../base/errors.ts'
import type { Ports } from '../../base/ports.ts'
import { sleep } from '../../base/sleep.ts'
import { Connection, troubleOf } from './driver.ts'
import { type FileSystemType, refuseNetwork } from './file-system.ts'
import { applicationId, migrations, schemaVersion } from './migrations.ts'
import type { Found } from './moved.ts'
import { explain } from './trouble.ts'

/**
 * `power-cut`: what was acknowledged survives everything but the loss of the disk.
 * `process`: it survives the end of the process, but a power cut may take the last seconds.
 */
export type Durability = 'power-cut' | 'process'

export interface LedgerFile {
  readonly location: string
  readonly durability: Durability
  /** False refuses a file of an older version (STORE_OLDER), as whoever works on it would have to stop. Default true. */
  readonly mayMigrate?: boolean | undefined
  /** For tests only. */
  readonly fileSystemType?: FileSystemType | undefined
}

/** One that was opened, by the numbers of its files. */
export interface OpenedFile extends LedgerFile, Found {}

/** The smallest page that SQLite knows: a new file grows by at least one at once. */
const pageMin = 512

const pageSize = 8192
const checkpointPages = 512
/** A log that grew while a long reader (a backup, say) needed it is cut to this when it begins anew. */
const logBytesMax = 32 * 1024 * 1024

/** What is created for a ledger is for its owner alone; what exists already keeps its mode. */
export const ownerOnly = { file: 0o600, folder: 0o700 } as const

/** How long SQLite waits in one attempt where its thread may be blocked, and all attempts together. */
const busyMs = 5000
const busyMsMax = 30_000
/** Between two attempts where it may not. */
const pauseMs = 10

/**
 * What a connection does while another process has the lock it needs: it blocks its thread until
 * the lock is free, or it gives up at once and leaves what is to be done to somebody else.
 */
export type Patience = 'blocks' | 'gives-up'

const synchronous = { 'power-cut': 2, process: 1 } as const

/**
 * Tries again while another process has the lock (`attempt` returns undefined), without blocking
 * the thread. The last attempt is told that it is, and has to come to an end.
 */
export async function awaitingLock<T>(
  ports: Ports,
  attempt: (mayWait: boolean) => T | undefined,
): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += pauseMs) {
    const mayWait = waitedMs < busyMsMax
    const result = attempt(mayWait)
    if (result !== undefined) return result
    assert(mayWait, 'The last attempt to write came to no end.')
    await sleep(ports, pauseMs)
  }
}

/** Opens the file on a thread that must not be blocked: waits between attempts. */
export function openHere(file: LedgerFile, ports: Ports): Promise<Connection> {
  return awaitingLock(ports, (mayWait) => {
    try {
      return openLedger(file, 'gives-up')
    } catch (error) {
      const isBusy = error instanceof Error && troubleOf(error.cause) === 'busy'
      if (isBusy && mayWait) return undefined
      throw error
    }
  })
}

/** Opens the file. */
export function openLedger(file: LedgerFile, patience: Patience = 'blocks'): Connection {
  const { location } = file
  let connection: Connection | undefined
  try {
    const folder = dirname(location)
    const madeFolder = makeFolder(folder)
    refuseNetwork(folder, file.fileSystemType)
    // An empty file is what a process leaves that ended, or has just begun, to make one.
    const isNew = (statSync(location, { throwIfNoEntry: false })?.size ?? 0) === 0
    refuseReadOnly(location, folder)
    refuseTruncated(location)
    makePrivate(location)
    const db = new Connection(location, {
      access: 'create',
      busyMs: patience === 'blocks' ? busyMs : 0,
    })
    connection = db
    refuseForeign(db, location)
    // Of entries of two kilobytes, three fit a page of this size, and one a page of half of it.
    // Says nothing to a file that has pages already.
    if (isNew) db.exec(`PRAGMA page_size = ${pageSize}`)
    patiently(patience, () => db.exec('PRAGMA journal_mode = WAL'))
    // Who may block keeps the log at 4 MiB, as SQLite does by default; nobody else has the time.
    db.exec(`PRAGMA wal_autocheckpoint = ${patience === 'blocks' ? checkpointPages : 0}`)
    db.exec(`PRAGMA journal_size_limit = ${logBytesMax}`)
    setDurability(db, file)
    migrate(db, file, patience)
    if (isNew) syncNames(folder, madeFolder ?? folder)
    return db
  } catch (error) {
    connection?.close()
    // A damaged page at this point means a file that was cut off or never was a store.
    throw troubleOf(error) === 'damaged' ? foreign(location, error) : explain(error, location)
  }
}

/** True when the log is long enough that somebody should keep it short. */
export const isLogLong = (location: string): boolean =>
  (statSync(`${location}-wal`, { throwIfNoEntry: false })?.size ?? 0) > checkpointPages * pageSize

/** Begins a write transaction, waiting for other processes, but not for ever. */
export function beginWrite(connection: Connection, patience: Patience): void {
  patiently(patience, () => connection.run('BEGIN IMMEDIATE'))
}

/** Tries again while another process has the lock, where that may be. */
function patiently(patience: Patience, attempt: () => void): void {
  if (patience === 'gives-up') return attempt()
  for (let waitedMs = 0; ; waitedMs += busyMs) {
    try {
      return attempt()
    } catch (error) {
      if (troubleOf(error) !== 'busy' || waitedMs + busyMs >= busyMsMax) throw error
    }
  }
}

/**
 * Makes the empty file that SQLite would make, but one that only its owner may read: the ledger holds
 * all inputs and outcomes. SQLite gives the log beside it the same mode. A file that is there is not
 * opened: closing it would drop this process's locks on it.
 */
function makePrivate(location: string): void {
  if (existsSync(location)) return
  try {
    closeSync(openSync(location, 'wx', ownerOnly.file))
  } catch {
    // Another process was first, or SQLite cannot make it either and says why.
  }
}

/** Returns the outermost of the folders that were not there; undefined when all were. */
function makeFolder(folder: string): string | undefined {
  if (existsSync(folder)) return undefined
  const above = dirname(folder)
  const outermost = above === folder ? undefined : makeFolder(above) // a drive may not be there
  try {
    // One by one: with `recursive` Node never returns where nothing can be made, in /proc, say.
    mkdirSync(folder, { mode: ownerOnly.folder })
  } catch (cause) {
    if (!existsSync(folder)) {
      throw new EverloopError('STORE_UNAVAILABLE', `The folder ${folder} cannot be made.`, {
        cause,
      })
    }
    // Another process was first: whoever makes a folder may be about to make the names in it durable.
  }
  return outermost ?? folder
}

function refuseReadOnly(location: string, folder: string): void {
  for (const path of [folder, ...(existsSync(location) ? [location] : [])]) {
    try {
      accessSync(path, constants.W_OK)
    } catch (cause) {
      throw new EverloopError(
        'STORE_READ_ONLY',
        `${path} cannot be written. A store needs write access to its file and its folder.`,
        { cause },
      )
    }
  }
}

/**
 * What SQLite would take for a new file: a log beside an empty file (it would throw the log away),
 * and a file shorter than any database (it would write over it).
 */
function refuseTruncated(location: string): void {
  // The log first: a file that is empty after its log was seen was not just being created.
  const log = statSync(`${location}-wal`, { throwIfNoEntry: false })
  const size = statSync(location, { throwIfNoEntry: false })?.size ?? 0
  if (size > 0 ? size < pageMin : log && log.size > 0) throw foreign(location)
}

function refuseForeign(connection: Connection, location: string): void {
  connection.exec('BEGIN')
  const id = connection.value<number>('PRAGMA application_id')
  const version = versionOf(connection)
  const tables = connection.value<number>('SELECT count(*) FROM sqlite_schema')
  connection.exec('COMMIT')
  const isEmpty = id === 0 && version === 0 && tables === 0
  if (id !== applicationId && !isEmpty) throw foreign(location)
  refuseNewer(version, location)
}

/** The version of its schema; 0 of a file that is empty yet. */
const versionOf = (connection: Connection): number =>
  connection.value<number>('PRAGMA user_version')

/** Throws STORE_NEWER when a newer everloop has migrated the file since it was opened. */
export function refuseMigrated(connection: Connection, location: string): void {
  refuseNewer(versionOf(connection), location)
}

function refuseNewer(version: number, location: string): void {
  if (version <= schemaVersion) return
  throw new EverloopError(
    'STORE_NEWER',
    `The store ${location} has schema version ${version}, but this everloop knows versions up to ${schemaVersion}. Update everloop.`,
  )
}

function setDurability(connection: Connection, { location, durability }: LedgerFile): void {
  connection.exec(`PRAGMA synchronous = ${synchronous[durability]}`)
  // On macOS, a plain fsync leaves data in the drive's cache. Elsewhere these do nothing.
  connection.exec('PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON')
  const mode = connection.value<string>('PRAGMA journal_mode')
  const level = connection.value<number>('PRAGMA synchronous')
  if (mode === 'wal' && level === synchronous[durability]) return
  throw new EverloopError(
    'STORE_UNAVAILABLE',
    `SQLite would not make the store ${location} durable: it keeps journal mode ${mode} and synchronous level ${level}.`,
  )
}

function migrate(
  connection: Connection,
  { location, mayMigrate = true }: LedgerFile,
  patience: Patience,
): void {
  // Mostly there is nothing to do, and then no lock is wanted: numbers only ever grow.
  const found = versionOf(connection)
  if (found === schemaVersion) return
  if (found > 0 && !mayMigrate) throw older(found, location)
  beginWrite(connection, patience)
  try {
    const version = versionOf(connection)
    refuseNewer(version, location)
    for (const step of migrations.slice(version)) connection.exec(step)
    if (version < schemaVersion) {
      connection.exec(
        `PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}`,
      )
    }
    connection.exec('COMMIT')
  } catch (error) {
    if (connection.inTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

const older = (version: number, location: string): EverloopError =>
  new EverloopError(
    'STORE_OLDER',
    `The store ${location} has schema version ${version}, and this everloop writes version ${schemaVersion}. Bringing it up to date ends the work of older processes, so this command does not. Use the everloop that works on it; or end that work, then start workers of this version or run \`everloop doctor --migrate\`.`,
  )

/**
 * Makes the new file's name survive a power cut, and the names of the folders made for it, down
 * from the one in which the outermost was made: what is in the file is SQLite's care.
 */
function syncNames(folder: string, made: string): void {
  const folders = [folder]
  for (let at = folder; at !== dirname(made) && at !== dirname(at);) {
    at = dirname(at)
    folders.unshift(at)
  }
  for (const each of folders) syncFolder(each)
}

function syncFolder(folder: string): void {
  if (process.platform === 'win32') return // folders cannot be opened there
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function foreign(location: string, cause?: unknown): EverloopError {
  return new EverloopError(
    'STORE_FOREIGN',
    `The file ${location} is not an everloop store, or only a part of one. Give another path, or restore the file from a backup.`,
    { cause },
  )
}
