/** `everloop demo crash [DIRECTORY]`: a real run over real files that survives its process. */
import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Command } from 'commander'
import { counted } from '../../base/counted.ts'
import { EverloopError } from '../../base/errors.ts'
import { act, type Call } from '../call.ts'
import { cleanLine } from '../clean.ts'
import { crash, type CrashResult, runId } from '../demo/crash.ts'
import { demoDirectory } from '../demo/directory.ts'
import { demoPlace } from '../demo/place.ts'
import { demoTime } from '../demo/time.ts'
import { exitCodes } from '../exit.ts'
import { interruptible } from '../interrupt.ts'
import { invocation } from '../invocation.ts'
import type { Output } from '../output.ts'
import { openExisting } from '../store-place.ts'
import { table } from '../table.ts'

interface Options {
  readonly files: number
  readonly time: string
}

/** More would make the ledger long and the demo dull. */
const filesMaxMax = 5000

export function addDemoCrash(demo: Command): void {
  const crashes = demo
    .command('crash')
    .description('a run over the files of a directory survives the death of its process')
    .argument('[directory]', "what to read (default: everloop's own sources)")
    .option('--files <n>', 'read at most so many files', Number, 200)
    .option('--time <duration>', 'how long reading takes, so that it can be watched', '2.5s')
  act<Options>(crashes, demoCrash)
}

async function demoCrash({ out, options, args }: Call<Options>): Promise<number> {
  const directory = demoDirectory(args[0])
  const { files } = options
  if (!Number.isInteger(files) || files < 0 || files > filesMaxMax) {
    throw new EverloopError('BAD_OPTION', `--files takes a whole number from 0 to ${filesMaxMax}.`)
  }
  const readMs = demoTime(options.time)
  const place = demoPlace()
  const ledger = join(place, 'ledger.db')
  if (!out.json) {
    const shown = cleanLine(relative(process.cwd(), directory) || '.')
    const bars = out.isTerminal ? ' In a bar, ░ is served from the ledger and █ is executed.' : ''
    process.stdout.write(
      `A durable run reads the files of ${shown}. Its process is killed in the middle.${bars}\n\n`,
    )
  }
  return interruptible(async (signal) => {
    try {
      const result = await crash({ out, directory, filesMax: files, readMs, place, signal })
      const report = await keepReport(place, result)
      const { tally, verdict } = result
      const ok = tally.repeated.length === 0 && tally.lost.length === 0 && verdict.ok
      out.result(documentOf({ result, directory, place, ok }), () =>
        linesOf({ out, result, place, report, ok }),
      )
      return ok ? exitCodes.ok : exitCodes.failed
    } catch (error) {
      out.note(`What was recorded lies in ${ledger}.`)
      throw error
    }
  })
}

/** Copies the report out of the store, so that it can be opened. */
async function keepReport(place: string, { output }: CrashResult): Promise<string> {
  const path = join(place, 'report.md')
  await using ever = await openExisting(`sqlite:${join(place, 'ledger.db')}`)
  const bytes = await ever.store.artifact(output.report)
  if (!bytes) throw new EverloopError('UNKNOWN_ARTIFACT', 'The report is not in the store.')
  writeFileSync(path, bytes)
  return path
}

interface Told {
  readonly result: CrashResult
  readonly place: string
  readonly ok: boolean
}

function documentOf({
  result,
  directory,
  place,
  ok,
}: Told & { readonly directory: string }): object {
  const { tally, verdict, output, killed, answer } = result
  return {
    ok,
    run: runId,
    directory,
    ...output,
    answer,
    killed: { pid: killed.pid, steps: killed.steps.size },
    tally,
    verdict,
    ledger: join(place, 'ledger.db'),
    executions: join(place, 'executions.log'),
    reportFile: join(place, 'report.md'),
  }
}

function linesOf({
  out,
  result,
  place,
  report,
  ok,
}: Told & { readonly out: Output; readonly report: string }): string[] {
  const { tally, verdict, output } = result
  const good = (count: number): string => out.style(count === 0 ? 'green' : 'red', String(count))
  const rows: readonly (readonly [string, string])[] = [
    ['recorded before the kill', String(tally.recordedBeforeKill)],
    ['of these, served from the ledger after it', String(tally.replayed)],
    ['executed after it', String(tally.executedAfterKill)],
    ['executed once, by the side file', `${tally.executedOnce} of ${tally.steps}`],
    ['repeated', good(tally.repeated.length)],
    ['lost', good(tally.lost.length)],
    ...(tally.cutOff > 0
      ? [['ended in the moment of the kill, done again', String(tally.cutOff)] as const]
      : []),
  ]
  const checked = verdict.ok
    ? `${verdict.entries} entries, every hash and rule checked`
    : counted(verdict.violations.length, 'broken rule')
  const ledger = join(place, 'ledger.db')
  const files = [
    ['ledger', `${ledger}  (${checked})`],
    ['side file', join(place, 'executions.log')],
    ['report', report],
  ] as const
  const notes = [
    ...(output.limit === undefined
      ? []
      : [`There are more files: only ${output.limit} were read (--files).`]),
    ...(output.files === 0
      ? ['The directory has no files to read: the rest of the run survived all the same.']
      : []),
    ...(output.unreadable > 0
      ? [`${output.unreadable} files could not be read; the report counts them.`]
      : []),
  ]
  return [
    '',
    ...table(
      [
        { title: 'STEPS', of: ([what]) => what },
        { title: '', of: ([, count]) => count },
      ],
      rows,
      (cell, column, row) =>
        row === undefined ? out.style('dim', cell) : column === 0 ? cell : cell,
    ),
    '',
    ...table(
      [
        { title: '', of: ([what]) => what },
        { title: '', of: ([, path]) => path },
      ],
      files,
    ),
    '',
    ...notes,
    'Look at it:',
    ...['events', 'explain', 'verify'].map(
      (verb) => `  ${invocation()} runs ${verb} ${runId} --store sqlite:${ledger}`,
    ),
    ok
      ? out.style('green', 'No step was repeated, none was lost.')
      : out.style(
          'red',
          `Repeated: ${tally.repeated.join(', ') || 'none'}. Lost: ${tally.lost.join(', ') || 'none'}.`,
        ),
  ]
}
