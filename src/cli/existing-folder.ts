/** Where a file would be made: its disk is looked at before it is there. */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { realLocation } from '../store/sqlite/moved.ts'

/** The folder of the file, or the nearest one above that exists: it is on the same disk. */
export function existingFolder(file: string): string {
  let folder = dirname(linkedTo(file))
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder)
  return folder
}

/** A ledger may lie on another disk than the link that leads to it. */
function linkedTo(file: string): string {
  try {
    return realLocation(file)
  } catch {
    return file // what cannot be looked at is on the disk where it is named, for all that is known
  }
}
