/**
 * Everything the CLI prints goes through here. Results go to stdout, all else to stderr, so that a
 * pipe gets the result alone. With --json a command prints one document, a stream one line each.
 */
import { once } from 'node:events'
import { styleText } from 'node:util'
import { EverloopError } from '../base/errors.ts'
import { messageOf } from '../base/message-of.ts'
import { parseJson } from '../base/parse-json.ts'
import { encode } from '../ledger/index.ts'
import { ascii, clean } from './clean.ts'
import { exitCodeOf } from './exit.ts'

type Format = Parameters<typeof styleText>[0]

export class Output {
  readonly json: boolean

  constructor(json: boolean) {
    this.json = json
  }

  /** True when a person sits in front of stdout. */
  get isTerminal(): boolean {
    return process.stdout.isTTY && !this.json
  }

  /** True when a person can be asked. */
  get isInteractive(): boolean {
    return this.isTerminal && process.stdin.isTTY
  }

  /** The result of the command, once. */
  result(document: object, human: () => string | readonly string[]): void {
    if (this.json) process.stdout.write(`${jsonOf(document, 2)}\n`)
    else this.lines(human())
  }

  /** One of many results. */
  event(document: object, human: () => string | readonly string[]): void {
    if (this.json) process.stdout.write(`${jsonOf(document)}\n`)
    else this.lines(human())
  }

  /** A piece of a result that is text as it is, with --json too. Resolves when more may come. */
  async piece(text: string): Promise<void> {
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  }

  /** A piece of a line, for people: the rest comes later. */
  text(text: string): void {
    if (!this.json) process.stdout.write(text)
  }

  /** For people only: how it goes, what to do next. */
  note(text: string): void {
    if (!this.json) process.stderr.write(`${text}\n`)
  }

  /** Something went wrong that ends nothing, in this run perhaps, by its own code or by everloop. */
  warn(error: unknown, run?: string): void {
    if (this.json) {
      const about = run === undefined ? {} : { run }
      const warning = EverloopError.is(error) ? failureOf(error) : foreignOf(error)
      process.stderr.write(`${jsonOf({ warning: { ...warning, ...about } })}\n`)
      return
    }
    const text = EverloopError.is(error) ? error.message : foreignText(error, run)
    process.stderr.write(`${this.onError('yellow', 'warning')}: ${clean(text)}\n`)
  }

  /** Why the command ends without a result. */
  error(error: unknown): void {
    const failure = failureOf(error)
    if (this.json) {
      process.stderr.write(`${jsonOf({ error: { ...failure, exit: exitCodeOf(error) } })}\n`)
      return
    }
    process.stderr.write(
      `${this.onError('red', 'error')} ${failure.code}: ${clean(failure.message)}\n`,
    )
    if (failure.code === 'INTERNAL' && error instanceof Error && error.stack)
      process.stderr.write(`${clean(error.stack)}\n`)
  }

  /** Paints text for stdout: plain when that is no terminal, or NO_COLOR is set. */
  style(format: Format, text: string): string {
    return text === '' ? '' : styleText(format, text, { stream: process.stdout })
  }

  /** Paints text for stderr. */
  onError(format: Format, text: string): string {
    return styleText(format, text, { stream: process.stderr })
  }

  private lines(text: string | readonly string[]): void {
    const all = typeof text === 'string' ? text : text.join('\n')
    if (all !== '') process.stdout.write(`${all}\n`)
  }
}

/** An error as `--json` tells it. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly run?: string
  readonly step?: string
}

export function failureOf(error: unknown): Failure {
  if (EverloopError.is(error)) {
    const { code, message, run, step } = error
    return {
      code,
      message,
      ...(run === undefined ? {} : { run }),
      ...(step === undefined ? {} : { step }),
    }
  }
  const message = messageOf(error)
  return { code: 'INTERNAL', message: `${message} This is a bug in everloop: please report it.` }
}

/** What somebody else's code has thrown. Whether that was the user's, only its stack can say. */
function foreignOf(error: unknown): { name: string; message: string; stack?: string } {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error))
  return error instanceof Error && stack !== undefined
    ? { name, message, stack }
    : { name, message }
}

function foreignText(error: unknown, run: string | undefined): string {
  const { name, message, stack = '' } = foreignOf(error)
  const said = `${name}: ${message}`
  const about = run === undefined ? '' : `run ${run}: `
  // A stack mostly begins with what was said.
  return `${about}${stack.includes(message) ? stack : `${said}\n${stack}`.trimEnd()}`
}

/** Values of a run as JSON: what JSON lacks is tagged as in the ledger (docs/ledger-format.md). */
export const plain = (value: unknown): unknown =>
  value === undefined ? null : parseJson(encode(value))

const jsonOf = (document: object, indent?: number): string =>
  ascii(JSON.stringify(document, undefined, indent))

/** Resolves when all that was printed has left the process. */
export async function flush(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.destroyed || stream.writableEnded) continue
    await new Promise<void>((resolve) => {
      stream.write('', () => resolve())
    })
  }
}
