/**
 * Joins modules and the sources that they load, as the package's are joined: of a process that starts from
 * the sources three quarters are loading 200 modules.
 */
import { cpSync, mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import { packaged } from '../rolldown.config.ts'

export const root: string = join(import.meta.dirname, '..')

/** The folder inside node_modules for what is made of the sources. */
export function cacheFolder(): string {
  const cache = join(root, 'node_modules', '.cache')
  mkdirSync(cache, { recursive: true })
  return cache
}

/** A new folder inside node_modules, where the package's dependencies are found, under a name of its own: tests may run twice at once. */
export function bundleFolder(): string {
  const folder = mkdtempSync(join(cacheFolder(), 'everloop-tests-'))
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  return folder
}

/** Writes a file `dist/NAME.js` for each of these sources. */
export async function bundle(
  folder: string,
  input: Readonly<Record<string, string>>,
): Promise<void> {
  const { output, plugins, external, platform } = packaged(join(root, 'src'), 'ts')
  // package.json denies side effects of modules to users' bundlers, and here it is that of the sources.
  const made = await rolldown({ plugins, external, platform, treeshake: false, input })
  await made.write({ ...output, dir: join(folder, 'dist') })
  await made.close()
}
