/**
 * What is made once, before the first test: everloop as it is installed, of the sources as they are now. The tests of
 * the command line start it some 500 times.
 * The flow files that they name are built with it, because a process that loaded them from beside the tests
 * would load the sources too. What processes of other tests load from the sources, Node keeps compiled.
 */
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { packaged } from '../rolldown.config.ts'
import { bundle, bundleFolder, root } from './bundled.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder in which everloop is as it would be in `node_modules/everloop`. */
    readonly everloop: string
  }
}

export default async function setup(project: TestProject): Promise<() => void> {
  const folder = bundleFolder()
  await build(folder)
  project.onTestsRerun(() => build(folder))
  project.provide('everloop', folder)
  // Where Node would put it by itself; vitest's own processes write there too, and may outlive the folder.
  process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'node-compile-cache')
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}

function build(folder: string): Promise<void> {
  const flows = Object.fromEntries(
    ['sample-flows', 'sample-agents', 'moved-child'].map((name) => [
      `flows/${name}`,
      join(root, 'test', 'cli', `${name}.ts`),
    ]),
  )
  return bundle(folder, { ...packaged(join(root, 'src'), 'ts').input, ...flows })
}
