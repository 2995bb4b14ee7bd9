/** What a command's code is handed: its arguments, its options and where to print. */
import type { Command } from 'commander'
import { Output } from './output.ts'
import { storePlace } from './store-place.ts'

export interface Call<Options extends object = object> {
  readonly out: Output
  /** The place of the store, as `open` takes it. */
  readonly store: string
  readonly options: Options
  /** Positional arguments in order; those left out are undefined. */
  readonly args: readonly (string | undefined)[]
  /** All positional arguments as they came, for commands that take any number. */
  readonly rest: readonly string[]
}

interface GlobalOptions {
  readonly json?: true
  readonly store?: string
}

/** Gives the command its code, which returns the exit code if that is not 0. */
export function act<Options extends object>(
  command: Command,
  code: (call: Call<Options>) => Promise<number | void>,
): void {
  command.action(async () => {
    const { json, store, ...options } = command.optsWithGlobals<GlobalOptions>()
    const exitCode = await code({
      out: new Output(json === true),
      store: storePlace(store),
      // Commander has checked them against what was declared; their type is the command's own.
      options: options as unknown as Options,
      args: command.args,
      rest: command.args,
    })
    if (exitCode !== undefined) process.exitCode = exitCode
  })
}
