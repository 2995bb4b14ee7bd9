/** Compiles the declarations of src, as a user of the package gets them, into a folder of their own. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReadDeclarations } from './api-snapshot.ts'
import { parse, root } from './source.ts'

/** Hands out a reader for the declarations, and their folder, which is gone when it returns. */
export function withDeclarations<T>(use: (read: ReadDeclarations, folder: string) => T): T {
  const out = mkdtempSync(join(tmpdir(), 'everloop-api-'))
  try {
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const flags = ['--declarationDir', out, '--emitDeclarationOnly', '--removeComments']
    const args = [tsc, '-p', join(root, 'tsconfig.build.json'), ...flags]
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: root })
    if (status !== 0) throw new Error(`src does not compile:\n${stdout}`)
    return use((path) => parse(path, readFileSync(join(out, path), 'utf8')), out)
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}
