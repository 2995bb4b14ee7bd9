/**
 * What is made once, before the first test: everloop as it is installed, of the sources as they are now. The tests of
 * the command line start it some 500 times, and of each start from the sources three quarters are loading 200 modules.
 * The flow files that they name are built with it, because a process that loaded them from beside the tests
 * would load the sources too. What processes of other tests load from the sources, Node keeps compiled.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rolldown } from 'rolldown'
import type { TestProject } from 'vitest/node'
import { packaged } from '../rolldown.config.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder in which everloop is as it would be in `node_modules/everloop`. */
    readonly everloop: string
  }
}

const root = join(import.meta.dirname, '..')

/** Inside node_modules, where the package's dependencies are found, under a name of its own: tests may run twice at once. */
export default async function setup(project: TestProject): Promise<() => void> {
  const cache = join(root, 'node_modules', '.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'everloop-tests-'))
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  await build(folder)
  project.onTestsRerun(() => build(folder))
  project.provide('everloop', folder)
  // Where Node would put it by itself; vitest's own processes write there too, and may outlive the folder.
  process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'node-compile-cache')
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}

async function build(folder: string): Promise<void> {
  const { input, output, ...common } = packaged(join(root, 'src'), 'ts')
  const flows = Object.fromEntries(
    ['sample-flows', 'sample-agents', 'moved-child'].map((name) => [
      `flows/${name}`,
      join(root, 'test', 'cli', `${name}.ts`),
    ]),
  )
  // package.json denies side effects of modules to users' bundlers, and here it is that of the sources.
  const options = { ...common, treeshake: false, input: { ...input, ...flows } }
  const bundle = await rolldown(options)
  await bundle.write({ ...output, dir: join(folder, 'dist') })
  await bundle.close()
}
