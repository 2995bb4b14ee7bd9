/**
 * The CLI's beginning and end: parses, executes, prints what went wrong, and leaves with an exit
 * code. The only place that ends the process, and only after everything printed has left it: a
 * flow file may have opened what would keep the process alive for ever.
 */
import { CommanderError } from 'commander'
import { EverloopError } from '../base/errors.ts'
import { exitCodeOf, exitCodes } from './exit.ts'
import { Interrupted } from './interrupt.ts'
import { flush, Output } from './output.ts'
import { makeProgram, meant } from './program.ts'
import { heedReaders } from './unread.ts'

const isJson = process.argv.includes('--json')
heedReaders(told)

const program = makeProgram({ isJson })
try {
  await program.parseAsync(process.argv)
} catch (error) {
  process.exitCode = told(error)
}
await flush()
process.exit()

/** Prints the error and returns the exit code. */
function told(error: unknown): number {
  const out = new Output(isJson)
  if (error instanceof Interrupted) return error.exitCode
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.ok // --help and --version
    if (error.code === 'commander.help' && !isJson) return exitCodes.usage // the help was printed
    const said = error.code === 'commander.help' ? 'A command is missing.' : error.message
    const message = said.replace(/^error: /, '').replaceAll('\n', ' ')
    const sentence = /[.?)]$/.test(message) ? message : `${message}.`
    out.error(new EverloopError('BAD_OPTION', `${sentence} See \`${meant(program)} --help\`.`))
    return exitCodes.usage
  }
  out.error(error)
  return exitCodeOf(error)
}
