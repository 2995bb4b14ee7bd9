/** The directory that a demo looks at. */
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { EverloopError } from '../../base/errors.ts'
import { isClone, packageRoot } from '../package-root.ts'

/** The one that was given, as an absolute path, or everloop's own sources. Throws BAD_OPTION. */
export function demoDirectory(given: string | undefined): string {
  if (given === undefined) return join(packageRoot(), isClone ? 'src' : 'dist')
  const directory = resolve(given)
  const stats = statSync(directory, { throwIfNoEntry: false })
  if (stats?.isDirectory()) return directory
  const what = stats ? 'is not a directory' : 'does not exist'
  throw new EverloopError('BAD_OPTION', `${directory} ${what}. Give a directory to read.`)
}
