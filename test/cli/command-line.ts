/** Spawns the real CLI, as a shell would, and waits for what it prints. */
import { type ChildProcess, spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject, onTestFinished } from 'vitest'
import { testFolder } from '../test-folder.ts'

/** A file of everloop as it is installed, see test/built-once.ts. */
const installed = (path: string): string => join(inject('everloop'), 'dist', path)

/** The command. */
export const bin: string = installed('cli/bin.js')
/** The command in a clone, which is slow to start. */
const clonedBin = join(import.meta.dirname, '..', '..', 'src', 'cli', 'bin.ts')
/** What flow files import as `everloop` and `everloop/testing`. */
export const index: string = installed('index.js')
export const testingIndex: string = installed('testing/index.js')
/** The flows that tests run: sample-flows.ts, sample-agents.ts and moved-child.ts. */
export const flowFile: string = installed('flows/sample-flows.js')
export const agentFile: string = installed('flows/sample-agents.js')
export const movedFile: string = installed('flows/moved-child.js')

export interface CallOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** What the shell is to limit, as in `ulimit -n 64`. */
  readonly limit?: string
  /** Whether the sources are executed instead of the package. */
  readonly isClone?: boolean
}

export interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that is running. */
export class Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  #stdout = ''
  #stderr = ''
  readonly #watchers = new Set<() => void>()

  constructor(command: string, args: readonly string[], { cwd, env, input }: CallOptions = {}) {
    this.child = spawn(command, args, {
      cwd: cwd ?? tmpdir(),
      // What the user of the tests has set must not decide how they end.
      env: {
        PATH: process.env['PATH'],
        HOME: tmpdir(),
        TMPDIR: testFolder(), // what a command leaves there goes with its test
        NODE_COMPILE_CACHE: join(inject('everloop'), 'compiled'), // goes with what it is of
        ...env,
      },
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
      for (const look of this.#watchers) look()
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
      for (const look of this.#watchers) look()
    })
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject)
      this.child.once('close', (code, signal) => {
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr })
        for (const look of this.#watchers) look()
      })
    })
    // A command that refuses its options ends without reading: whoever writes is then told EPIPE, or not.
    this.child.stdin?.on('error', () => undefined)
    if (input !== undefined) this.child.stdin?.end(input)
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** What it printed when the pattern first fits, on either stream. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr)
      if (match) return match
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`Ended without ${pattern}:\n${this.#stdout}\n${this.#stderr}`)
      }
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#watchers.add(resolve)
      await promise
      this.#watchers.delete(resolve)
    }
  }
}

/** Starts a command and leaves it running; it is killed with the test at the latest. */
export function start(args: readonly string[], options?: CallOptions): Running {
  const { limit, isClone = false } = options ?? {}
  const program = [isClone ? clonedBin : bin, ...args]
  const command = [process.execPath, ...program]
  const running =
    limit === undefined
      ? new Running(process.execPath, program, options)
      : new Running('sh', ['-c', `${limit} && exec "$0" "$@"`, ...command], options)
  onTestFinished(async () => {
    running.child.kill('SIGKILL')
    await running.ended
  })
  return running
}

/** Runs a command to its end, which is that of the test at the latest. */
export function everloop(args: readonly string[], options?: CallOptions): Promise<Ended> {
  return start(args, { input: '', ...options }).ended
}

/** The same with --json: the document on stdout, and the error on stderr. */
export async function everloopJson<T = Record<string, unknown>>(
  args: readonly string[],
  options?: CallOptions,
): Promise<{ readonly code: number | null; readonly document: T; readonly error: Failure }> {
  const { code, stdout, stderr } = await everloop([...args, '--json'], options)
  const parsed = (text: string): unknown => (text === '' ? undefined : JSON.parse(text))
  const { error } = (parsed(stderr) ?? {}) as { readonly error?: Failure }
  const none: Failure = { code: '', message: '', exit: 0 }
  return { code, document: parsed(stdout) as T, error: error ?? none }
}

interface Failure {
  readonly code: string
  readonly message: string
  readonly exit: number
}
