/** Where a file would be made: its disk is looked at before it is there. */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'

/** The folder of the file, or the nearest one above that exists: it is on the same disk. */
export function existingFolder(file: string): string {
  let folder = dirname(file)
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder)
  return folder
}
