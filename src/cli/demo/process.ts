/**
 * A worker process of the demo: `everloop work` as anybody would start it, which can be killed at a
 * moment when nothing is between its end and its record.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { EverloopError } from '../../base/errors.ts'
import { modulePath } from '../package-root.ts'

/** A stopped process may need a moment until all its threads have seen it. */
const stopMs = 20
const attemptsMax = 50

export interface WorkerOptions {
  readonly store: string
  /** The module of the demo whose flows it serves. */
  readonly flows: 'survey' | 'audit-work'
  /** Without it the process works until it is killed. */
  readonly until?: 'idle'
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
}

export class WorkerProcess {
  readonly pid: number
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
  readonly #child: ChildProcess
  #said = ''
  #hasEnded = false

  constructor({ store, flows, until, env = {} }: WorkerOptions) {
    const args = ['work', modulePath(`cli/demo/${flows}`), '--store', store, '--json']
    const stop = until === undefined ? [] : ['--until', until]
    const program = [...process.execArgv, modulePath('cli/bin'), ...args, ...stop]
    this.#child = spawn(process.execPath, program, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-4000)
    })
    this.pid = this.#child.pid ?? 0
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('close', (code, signal) => {
        this.#hasEnded = true
        resolve({ code, signal })
      })
    })
    this.ended.catch(() => {}) // whoever awaits it is told
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Resolves when the process has ended well. */
  async done(): Promise<void> {
    const { code, signal } = await this.ended
    if (code === 0) return
    const how = signal === null ? `exit code ${code}` : signal
    throw new EverloopError(
      'INTERNAL',
      `The worker process ${this.pid} ended with ${how}: ${this.#said.trim() || 'it said nothing.'}`,
    )
  }

  /**
   * Kills it with SIGKILL. First it is stopped, and set going again, until `isQuiet` says that no
   * step has ended without being recorded: such a step would have to be executed again, and the
   * demo is about those that need not be. Where processes cannot be stopped, it is simply killed.
   */
  async kill(isQuiet: () => Promise<boolean>): Promise<void> {
    if (process.platform !== 'win32') {
      for (let attempt = 0; attempt < attemptsMax && !this.#hasEnded; attempt++) {
        process.kill(this.pid, 'SIGSTOP')
        await pause(stopMs)
        if (await isQuiet()) break
        process.kill(this.pid, 'SIGCONT')
        await pause(2)
      }
    }
    await this.end()
  }

  /** Kills it at once, if it is still there. */
  async end(): Promise<void> {
    if (this.#hasEnded) return
    this.#child.kill('SIGKILL')
    await this.ended
  }
}
