/**
 * Where the store is, and opening it. Commands that only read or talk to runs never make a store: a
 * misspelt path must not look like an empty one.
 */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { EverloopError } from '../base/errors.ts'
import { open, type OpenOptions, openStore } from '../open.ts'
import type { Ever } from '../run/index.ts'

const defaultPlace = 'sqlite:.everloop/ledger.db'

/** The place the user names: the option, else EVERLOOP_STORE, else the default. */
export const storePlace = (option: string | undefined): string =>
  option ?? (process.env['EVERLOOP_STORE'] || defaultPlace)

/** The file of a SQLite place, as an absolute path; undefined for other places. */
export function ledgerFile(place: string): string | undefined {
  const path = /^sqlite:([^?]+)/.exec(place)?.[1]
  return path === undefined ? undefined : resolve(path)
}

/** Throws BAD_OPTION for a store that ends with this command. */
function requireLasting(place: string): void {
  if (place !== 'memory:') return
  throw new EverloopError(
    'BAD_OPTION',
    'A "memory:" store ends with its process, so there is nothing to look at. Use --store sqlite:PATH.',
  )
}

/** Throws STORE_MISSING when nothing is there. */
function requireStore(place: string): void {
  requireLasting(place)
  const file = ledgerFile(place)
  if (file === undefined || holdsSomething(file)) return
  throw new EverloopError(
    'STORE_MISSING',
    `There is no store at ${file}. Start a run with \`everloop run FILE\`, or name another store with --store or EVERLOOP_STORE.`,
  )
}

/** An empty file is none yet: opening it would make it one. Of what cannot be looked at, opening says why. */
function holdsSomething(file: string): boolean {
  try {
    return [file, `${file}-wal`].some(
      (path) => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0,
    )
  } catch {
    return true
  }
}

/**
 * Opens a runtime on a store that must be there. One of an older version is refused (STORE_OLDER): who looks
 * at runs, or answers a question, must not end the work of the processes that execute them.
 */
export async function openExisting(
  place: string,
  {
    mayMigrate = false,
    ...options
  }: Omit<OpenOptions, 'store'> & { readonly mayMigrate?: boolean } = {},
): Promise<Ever> {
  requireStore(place)
  return open({ ...options, store: await openStore(place, { mayMigrate }) })
}

/** The same, but a store that is not there is made. */
export async function openOrMake(place: string): Promise<Ever> {
  requireLasting(place)
  return open({ store: await openStore(place, { mayMigrate: false }) })
}
