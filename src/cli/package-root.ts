/**
 * Where the files of everloop lie, in a clone and in an installed package. The package's modules are
 * joined into a few files, so nobody else may look for a file beside the own one.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Whether the sources are executed, as in a clone. */
export const isClone: boolean = import.meta.url.endsWith('.ts')

/** The folder of everloop's package.json. */
export function packageRoot(): string {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

/** A module of everloop's by its path in src, without extension, as a file that Node can execute. */
export const modulePath = (path: string): string =>
  isClone ? join(packageRoot(), 'src', `${path}.ts`) : join(packageRoot(), 'dist', `${path}.js`)
