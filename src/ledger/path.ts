/**
 * Names of scopes, operations and runs: how a path is put together, and what a run may be called.
 *
 * A scope path is "" for the run itself, else segments joined by "/". An operation's key is its
 * escaped name, with "~2", "~3" … for later occurrences in the same scope, or "=" and an explicit
 * key. A scope's last segment is the key of the operation that opened it, or a number: the turn of
 * a loop (from 1) or the index of a branch (from 0). All of it is printable ASCII, so a path can be
 * stored, hashed and compared as bytes everywhere.
 */
import { EverloopError } from '../base/errors.ts'
import { shown } from '../base/shown.ts'

const nameUnitsMax = 200
/** The longest path of a scope. */
export const pathUnitsMax = 2000
/** The longest key: each character of a name escaped, and an occurrence of 16 digits. */
export const keyUnitsMax: number = nameUnitsMax * 5 + 17

/** "%" and four hex digits for each UTF-16 unit that is not printable ASCII or has a meaning here. */
function escape(name: string): string {
  return name.replace(
    /[^\x20-\x7e]|[%/~=]/g,
    (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The name as its author wrote it. */
export function unescape(text: string): string {
  return text.replace(/%([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

function checkName(name: unknown, what: string): asserts name is string {
  if (typeof name === 'string' && name.length > 0 && name.length <= nameUnitsMax) return
  const got = typeof name === 'string' ? `a text of ${name.length} characters` : typeof name
  throw new EverloopError(
    'BAD_NAME',
    `${what} must be a text of 1 to ${nameUnitsMax} characters, but this is ${got}.`,
  )
}

/** The key of the n-th operation of this name in its scope, n counted from 1. */
export function nameKey(name: string, occurrence: number): string {
  checkName(name, 'The name of an operation')
  return occurrence === 1 ? escape(name) : laterKey(escape(name), occurrence)
}

/** The same for n from 2, when the key of the first is known. */
export const laterKey = (first: string, occurrence: number): string => `${first}~${occurrence}`

/** The key of an operation whose author gave an explicit one. */
export function explicitKey(key: string): string {
  checkName(key, 'An explicit key')
  return `=${escape(key)}`
}

/** The explicit key that its author gave; undefined for one that is made of a name. */
export const givenKey = (key: string): string | undefined =>
  key.startsWith('=') ? unescape(key.slice(1)) : undefined

/** The path of a scope inside another. */
export function childPath(scope: string, segment: string | number): string {
  const path = scope === '' ? String(segment) : `${scope}/${segment}`
  if (path.length <= pathUnitsMax) return path
  throw new EverloopError(
    'BAD_NAME',
    `Scopes are nested too deeply: the path would have ${path.length} characters, ${pathUnitsMax} are allowed. Use shorter names, or a child run.`,
  )
}

/** True when `path` is `scope` or lies inside it. */
export function isWithin(path: string, scope: string): boolean {
  return scope === '' || path === scope || path.startsWith(`${scope}/`)
}

/** Where an operation stands in its run, for people and for look-ups: scope and key as one text. */
export function operationPath(scope: string, key: string): string {
  return scope === '' ? key : `${scope}/${key}`
}

const runIdPattern = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,199}$/

/** True when this can be a run's id. */
export const isRunId = (id: unknown): id is string =>
  typeof id === 'string' && runIdPattern.test(id)

/** Throws BAD_NAME unless the text can be a run's id. */
export function checkRunId(id: unknown): asserts id is string {
  if (isRunId(id)) return
  throw new EverloopError(
    'BAD_NAME',
    `A run's id must be 1 to 200 letters, digits or . _ : @ - and begin with a letter or digit, but this is ${shown(id)}.`,
  )
}
