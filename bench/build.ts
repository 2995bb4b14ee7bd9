/**
 * Makes what is measured: the package as it is published, and this folder beside it, both as plain
 * JavaScript, so that stripping types costs no process anything and every Node can run it.
 *
 * It lies inside node_modules, where the package's dependencies are found, under a name of its own:
 * several benchmarks can run at once, and `npm run build` does not pull the rug away.
 */
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bench = join(root, 'bench')

/**
 * Returns the folder, which goes when this process does: `dist`, the package (one that is built
 * already, if given), `modules`, its internals for filling stores, and `bench`.
 */
export function build(built: string | undefined): string {
  const cache = join(root, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'everloop-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 2, 2] })
  cpSync(built ?? join(root, 'dist'), join(folder, 'dist'), { recursive: true })
  cpSync(join(cache, 'everloop'), join(folder, 'modules'), { recursive: true })
  // tsc leaves the name of the thread's file as it is; the package needs none.
  const thread = join(folder, 'modules/store/sqlite/thread-source.js')
  writeFileSync(
    thread,
    readFileSync(thread, 'utf8').replace('writer-thread.ts', 'writer-thread.js'),
  )
  mkdirSync(join(folder, 'bench'))
  for (const file of readdirSync(bench)) {
    if (!file.endsWith('.ts')) continue
    const script = stripTypeScriptTypes(readFileSync(join(bench, file), 'utf8'))
    const path = join(folder, 'bench', file.replace(/\.ts$/, '.js'))
    writeFileSync(path, script.replaceAll(/'(\.\/[^'\n]+)\.ts'/g, "'$1.js'"))
  }
  return folder
}
