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

/** Returns the folder with `dist` and `bench`, which goes when this process does. Takes a built package instead of the sources if given. */
export function build(built: string | undefined): string {
  const cache = join(root, 'node_modules/.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'everloop-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
  if (built === undefined) compile(join(folder, 'dist'))
  else cpSync(built, join(folder, 'dist'), { recursive: true })
  mkdirSync(join(folder, 'bench'))
  for (const file of readdirSync(bench)) {
    if (!file.endsWith('.ts')) continue
    const script = stripTypeScriptTypes(readFileSync(join(bench, file), 'utf8'))
    const path = join(folder, 'bench', file.replace(/\.ts$/, '.js'))
    writeFileSync(path, script.replaceAll(/'(\.\/[^'\n]+)\.ts'/g, "'$1.js'"))
  }
  return folder
}

function compile(folder: string): void {
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const options = ['-p', join(root, 'tsconfig.build.json'), '--outDir', folder]
  execFileSync(process.execPath, [compiler, ...options], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}
