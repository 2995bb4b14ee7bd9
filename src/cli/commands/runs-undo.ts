/** `everloop runs undo`: what a run has to undo, doing so without its flow's code, and leaving something out. */
import type { Command } from 'commander'
import { EverloopError } from '../../base/errors.ts'
import type { Ever, UndoInfo } from '../../run/index.ts'
import { act, type Call } from '../call.ts'
import { cleanLine } from '../clean.ts'
import { exitCodes } from '../exit.ts'
import { givenBy, loadActions, loadGivens, withText } from '../flow-file.ts'
import { jsonLine } from '../json-text.ts'
import { type Output, plain } from '../output.ts'
import { resolveRun } from '../rest.ts'
import { openExisting } from '../store-place.ts'
import { table } from '../table.ts'

interface Options {
  readonly file?: string
  readonly with?: readonly string[]
  readonly list?: true
  readonly skip?: number
  readonly reason?: string
  readonly cancel?: true
  readonly by?: string
}

export function addRunsUndo(runs: Command): void {
  const command = runs
    .command('undo')
    .description('undo what a failed or cancelled run has done, as far as it is not undone')
    .argument('<run>', 'its id, or the beginning of it')
    .option('--file <file>', 'a module that exports the actions: the flow need not be there')
    .option('--with <file...>', withText)
    .option('--list', 'only show what there is to undo')
    .option('--skip <n>', 'leave out what the entry of this number registered', Number)
    .option('--reason <text>', 'why it is left out, for the record')
    .option('--cancel', 'end a run first whose code is gone')
    .option('--by <name>', 'who does it, for the record')
  act<Options>(command, undo)
}

async function undo({ out, store, args, options }: Call<Options>): Promise<number> {
  const { file, list, skip, reason = '', cancel, by } = options
  if (skip !== undefined && reason === '') {
    throw new EverloopError('BAD_OPTION', '--skip needs --reason TEXT, for the record.')
  }
  if (skip === undefined && options.reason !== undefined) {
    throw new EverloopError(
      'BAD_OPTION',
      '--reason says why something is left out: it needs --skip N.',
    )
  }
  const note = (line: string): void => out.note(line)
  const files = file === undefined ? [] : [await loadActions(file, note)]
  const given = givenBy([...files, ...(await loadGivens(options.with ?? [], note))])
  await using ever = await openExisting(store, {
    flows: files.flatMap(({ flows }) => flows.map(({ flow }) => flow)),
    ...given,
    name: 'runs undo',
    onTrouble: (error, run) => out.warn(error, run),
  })
  const run = await resolveRun(ever, args[0])
  const who = by === undefined ? {} : { by }
  const status = async (): Promise<string> => (await (await ever.get(run)).status()).status
  const before = await status()
  if (skip !== undefined) await skipOne(ever, run, { of: skip, reason, ...who })
  else if (list !== true) {
    await ever.undo(run, { ...who, ...(cancel === undefined ? {} : { cancel }) })
    if (before !== 'cancelled' && (await status()) === 'cancelled') note(`Run ${run} is cancelled.`)
  }
  const undos = await ever.undos(run)
  tell(out, run, undos)
  const isLooking = list === true || skip !== undefined
  return isLooking || undos.every(({ state }) => state !== 'failed')
    ? exitCodes.ok
    : exitCodes.failed
}

async function skipOne(
  ever: Ever,
  run: string,
  { of, ...rest }: { readonly of: number; readonly reason: string; readonly by?: string },
): Promise<void> {
  if (!Number.isInteger(of)) {
    throw new EverloopError('BAD_OPTION', '--skip takes a number of the column OF.', { run })
  }
  await ever.skipUndo(run, of, rest)
}

function tell(out: Output, run: string, undos: readonly UndoInfo[]): void {
  const document = undos.map((one) => ({
    ...one,
    input: plain(one.input),
    result: plain(one.result),
  }))
  out.result({ run, undos: document }, () => {
    if (undos.length === 0) return `Run ${run} has nothing to undo.`
    return table(
      [
        { title: 'OF', of: ({ of }) => String(of), align: 'right' },
        { title: 'STATE', of: ({ state }) => state },
        { title: 'ACTION', of: ({ action }) => cleanLine(action, 40) },
        { title: 'INPUT', of: ({ input }) => shown(input) },
        { title: 'RESULT', of: ({ result }) => shown(result) },
        { title: 'ERROR', of: ({ error }) => (error ? cleanLine(error.message, 60) : '') },
      ],
      undos,
      (cell, column, row) => {
        if (row === undefined) return out.style('dim', cell)
        return column === 1 && row.state === 'failed' ? out.style('red', cell) : cell
      },
    )
  })
}

const shown = (value: unknown): string => (value === undefined ? '' : jsonLine(value, 40))
