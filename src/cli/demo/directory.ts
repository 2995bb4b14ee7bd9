/** The directory that a demo looks at. */
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { EverloopError } from '../../base/errors.ts'
import { messageOf } from '../../base/message-of.ts'
import { isClone, packageRoot } from '../package-root.ts'

/** The one that was given, as an absolute path, or everloop's own sources. Throws BAD_OPTION. */
export function demoDirectory(given: string | undefined): string {
  if (given === undefined) return join(packageRoot(), isClone ? 'src' : 'dist')
  const directory = resolve(given)
  const what = whyUnfit(directory)
  if (what === undefined) return directory
  throw new EverloopError('BAD_OPTION', `${directory} ${what}. Give a directory to read.`)
}

function whyUnfit(directory: string): string | undefined {
  try {
    const stats = statSync(directory, { throwIfNoEntry: false })
    if (!stats) return 'does not exist'
    return stats.isDirectory() ? undefined : 'is not a directory'
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`
  }
}
