/**
 * Builds shim.c with the machine's C compiler, and keeps it for later runs: whoever ends vitest's processes
 * leaves them no time to remove anything. Where there is no compiler, or no Linux, the crash tests
 * say so and skip; in CI they fail instead, because a skipped proof looks like a passed one.
 */
import { spawnSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { cacheFolder } from '../bundled.ts'

export type Shim =
  | { readonly is: 'built'; readonly path: string }
  | { readonly is: 'missing'; readonly reason: string }

let built: Shim | undefined

/** The shim. Throws in CI when it cannot be built. */
export function buildShim(): Shim {
  built ??= build()
  if (built.is === 'missing' && process.env['CI'] === 'true') {
    throw new Error(`${built.reason} In CI the crash tests must run.`)
  }
  return built
}

/** The path of the shim, for those who cannot go on without. */
export function shimPath(): string {
  const shim = buildShim()
  if (shim.is === 'missing') throw new Error(shim.reason)
  return shim.path
}

function build(): Shim {
  if (process.platform !== 'linux') {
    return missing(`LD_PRELOAD and /proc are needed, and ${process.platform} has neither.`)
  }
  const source = join(import.meta.dirname, 'shim.c')
  const options = ['-O1', '-Wall', '-Wextra', '-shared', '-fPIC']
  const digest = hash('sha256', [...options, readFileSync(source, 'utf8')].join('\n'), 'hex')
  const path = join(cacheFolder(), `everloop-shim-${digest.slice(0, 16)}.so`)
  if (existsSync(path)) return { is: 'built', path }
  const made = `${path}.${process.pid}-${threadId}` // others may build it at the same time, or use it
  const { status, error, stderr } = spawnSync(
    'cc',
    [...options, '-o', made, source, '-ldl', '-lpthread'],
    { encoding: 'utf8' },
  )
  if (error) return missing('There is no C compiler: install one that answers to "cc".')
  if (status !== 0) throw new Error(`shim.c does not compile:\n${stderr}`)
  renameSync(made, path)
  return { is: 'built', path }
}

const missing = (reason: string): Shim => ({ is: 'missing', reason })
