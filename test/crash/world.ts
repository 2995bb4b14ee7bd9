/**
 * The world outside: a file that only grows, beside the folder of the store. Each line is something
 * that happened and cannot be undone: the body of a step was executed, a client was told that a
 * request had been accepted. What the ledger says is held against it.
 *
 * A line is one write of a few bytes to a file opened for appending, so it is there whole or not at
 * all when the writer is killed, and lines of several processes stand in the order in which they
 * happened. It needs no fsync: processes are killed here, never the machine.
 */
import { existsSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Whose process it was: the one that is killed, the one beside it, or the one that comes after. */
export type Life = 'victim' | 'peer' | 'after'

export type Line =
  /** The body of a step began. */
  | {
      readonly is: 'executed'
      readonly life: Life
      readonly run: string
      readonly path: string
      readonly attempt: number
      /** The idempotency key, where the body has handed it on. */
      readonly key?: string
    }
  /** The client was told that its request is taken, or how a run ended. */
  | {
      readonly is: 'acknowledged'
      readonly life: Life
      readonly what: string
      readonly value?: string
    }
  /** Anything else that a scenario wants to check. */
  | { readonly is: 'noted'; readonly life: Life; readonly what: string }
  /** Trouble that the runtime reported. */
  | { readonly is: 'trouble'; readonly life: Life; readonly what: string }

export class World {
  readonly life: Life
  readonly #path: string
  readonly #handle: number

  constructor(path: string, life: Life) {
    this.life = life
    this.#path = path
    this.#handle = openSync(path, 'a')
  }

  /** The folder of the point. */
  get folder(): string {
    return dirname(this.#path)
  }

  /** Called by the body of a step, first thing. `path`: where it stands in its run. */
  executed(run: string, path: string, attempt: number = 1, key?: string): void {
    const life = this.life
    this.#write({ is: 'executed', life, run, path, attempt, ...(key === undefined ? {} : { key }) })
  }

  acknowledged(what: string, value?: string): void {
    this.#write({
      is: 'acknowledged',
      life: this.life,
      what,
      ...(value === undefined ? {} : { value }),
    })
  }

  noted(what: string): void {
    this.#write({ is: 'noted', life: this.life, what })
  }

  trouble(what: string): void {
    this.#write({ is: 'trouble', life: this.life, what })
  }

  lines(): Line[] {
    return readWorld(this.#path)
  }

  #write(line: Line): void {
    writeSync(this.#handle, `${JSON.stringify(line)}\n`)
  }
}

/** Everything that happened. */
export function readWorld(path: string): Line[] {
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}
