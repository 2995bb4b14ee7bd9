/** Errors of SQLite and of the system as everloop's: what the caller can do decides the code. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type ErrorCode, EverloopError } from '../../base/errors.ts'
import { messageOf } from '../../base/message-of.ts'
import { troubleOf } from './driver.ts'

/** The error to hand to a caller; errors that are neither SQLite's nor the system's are returned as they are. */
export function explain(error: unknown, location: string): unknown {
  const trouble = troubleOf(error)
  const said = messageOf(error)
  if (trouble === undefined) {
    if (isDenied(error)) return denied(location, error)
    if (!isSystemError(error)) return error
    if (error.code === 'ENOSPC') return full(location, `system: ${said}`, error)
    return new EverloopError(
      'STORE_UNAVAILABLE',
      `The store ${location} cannot be reached: ${said}. Check its path, and the permissions of the folders on it.`,
      { cause: error },
    )
  }
  const made = (code: ErrorCode, text: string): EverloopError =>
    new EverloopError(code, `${text} (SQLite: ${said})`, { cause: error })
  switch (trouble) {
    case 'busy':
      return made(
        'STORE_UNAVAILABLE',
        `The store ${location} stayed locked by another process for too long; nothing was written. Look for a process that keeps a transaction open, such as a database shell, or for one that is frozen (everloop doctor).`,
      )
    case 'full':
    case 'index-full':
      return full(location, `SQLite: ${said}`, error)
    case 'read-only':
      return made(
        'STORE_READ_ONLY',
        `The store ${location} cannot be written. Check the permissions of the file and its folder.`,
      )
    case 'cannot-open':
      return made(
        'STORE_UNAVAILABLE',
        isFolder(location)
          ? `The store ${location} is a folder. Name the file in it, as in ${join(location, 'ledger.db')}.`
          : `The store ${location} cannot be opened. Check that its folder exists and may be written, and how many files a process may have open (ulimit -n).`,
      )
    case 'not-a-database':
      return made('STORE_FOREIGN', `The file ${location} is not an everloop store.`)
    case 'other':
      return made(
        'INTERNAL',
        `The store ${location} refused a statement; nothing was written. This is a bug in everloop: please report it.`,
      )
    case 'damaged':
      return made(
        'STORE_FAILED',
        `The store ${location} is damaged and was closed: parts of the file do not fit together, as after it was written over or copied while in use. End all processes that have it open, and put a backup in its place.`,
      )
    case 'input-output':
    case 'memory':
      return made(
        'STORE_FAILED',
        `The store ${location} failed and was closed. Check the disk, then open it again.`,
      )
  }
}

function isFolder(location: string): boolean {
  try {
    return statSync(location).isDirectory()
  } catch {
    return false
  }
}

const full = (location: string, said: string, cause: unknown): EverloopError =>
  new EverloopError(
    'STORE_FULL',
    `There is no space left for the store ${location}; nothing was written. Make space and try again. (${said})`,
    { cause },
  )

/** A call of the system's failed: a folder may not be entered, say, or links lead in a circle. */
const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error

/** Node.js itself has refused, as its permission model says. */
const isDenied = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && error.code === 'ERR_ACCESS_DENIED'

const denied = (location: string, cause: Error): EverloopError =>
  new EverloopError(
    'STORE_UNAVAILABLE',
    `Node.js was started with --permission, and may not do what the store ${location} needs: ${cause.message} It needs --allow-fs-read and --allow-fs-write for its folder, and --allow-worker. A new store cannot be made so at all: make it once without --permission.`,
    { cause },
  )

/** True when the store must not be used any more after this error. */
export function isFatal(error: unknown): boolean {
  const trouble = troubleOf(error)
  return (
    trouble === 'input-output' ||
    trouble === 'index-full' ||
    trouble === 'memory' ||
    trouble === 'damaged' ||
    trouble === 'not-a-database' ||
    trouble === 'cannot-open'
  )
}

/** The disk failed under a commit: what it holds now, nobody knows (S9). */
export function unclear(location: string, cause: unknown): EverloopError {
  return new EverloopError(
    'STORE_UNAVAILABLE',
    `The disk failed while the store ${location} committed: what was to be written may or may not be there.`,
    { cause },
  )
}
