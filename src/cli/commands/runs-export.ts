/** `everloop runs export|import`: a run as a file, and back into another store. */
import { type FileHandle, open as openFile, rename, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { counted } from '../../base/counted.ts'
import { assert, EverloopError } from '../../base/errors.ts'
import { readLine } from '../../ledger/index.ts'
import type { Imported } from '../../run/index.ts'
import { act, type Call } from '../call.ts'
import { resolveRun } from '../rest.ts'
import { openExisting, openOrMake } from '../store-place.ts'

interface ExportOptions {
  readonly output?: string
  readonly children: boolean
}

export function addRunsExport(runs: Command): void {
  const exporting = runs
    .command('export')
    .description('the ledger of a run and of those below it as JSON lines, for an audit elsewhere')
    .argument('<run>', 'its id, or the beginning of it')
    .option('--output <file>', 'where to (default: stdout)')
    .option('--no-children', 'leave out the runs below it')
  act<ExportOptions>(exporting, exportRun)
  const importing = runs
    .command('import')
    .description('put runs that were exported, and have ended, into this store')
    .argument('<file>', 'what `runs export` wrote; "-" reads it from stdin')
  act(importing, importRuns)
}

async function exportRun({ out, store, args, options }: Call<ExportOptions>): Promise<void> {
  const { output, children } = options
  await using ever = await openExisting(store)
  const run = await resolveRun(ever, args[0])
  const lines = ever.export(run, { children })
  if (output === undefined) {
    for await (const line of lines) await out.piece(line)
    return
  }
  const file = resolve(output)
  let last = ''
  await writeWhole(
    file,
    (async function* () {
      for await (const line of lines) {
        last = line
        yield line
      }
    })(),
  )
  const end = readLine(last.trimEnd())
  assert(end?.is === 'end', 'An export has no end.', { run })
  const { runs, entries, artifacts } = end
  out.result({ run, file, runs, entries, artifacts }, () => {
    const below = runs === 1 ? '' : ` and ${counted(runs - 1, 'run')} below it`
    return `Exported run ${run}${below} to ${file}: ${counted(entries, 'entry', 'entries')}, ${counted(artifacts, 'artifact')}.`
  })
}

/** The file is there when it is whole. It holds all that the ledger holds, so it is for its owner alone. */
async function writeWhole(file: string, lines: AsyncIterable<string>): Promise<void> {
  const part = `${file}.${process.pid}.part`
  try {
    await writeFile(part, lines, { flag: 'wx', mode: 0o600, flush: true })
    await rename(part, file)
  } catch (error) {
    // What is told is why the file could not be written, not that its beginning could not be removed.
    await rm(part, { force: true }).catch(() => undefined)
    throw unusable(file, 'written', error)
  }
}

async function importRuns({ out, store, args: [file = ''] }: Call): Promise<void> {
  await using input = file === '-' ? undefined : await readable(resolve(file))
  await using ever = await openOrMake(store)
  const source: AsyncIterable<Uint8Array> =
    input?.createReadStream({ autoClose: false }) ?? process.stdin
  let runs: readonly Imported[]
  try {
    runs = await ever.import(source)
  } catch (error) {
    throw unusable(file, 'read', error)
  }
  out.result({ runs }, () =>
    runs.map(({ run, created }) =>
      created ? `Imported run ${run}.` : `Run ${run} was here already, and is as it was.`,
    ),
  )
}

async function readable(file: string): Promise<FileHandle> {
  try {
    return await openFile(file)
  } catch (error) {
    throw unusable(file, 'read', error)
  }
}

/** An error of the system, about a file that was named here; any other as it is. */
function unusable(file: string, how: 'read' | 'written', error: unknown): unknown {
  if (EverloopError.is(error) || !(error instanceof Error && 'syscall' in error)) return error
  return new EverloopError('BAD_OPTION', `${file} cannot be ${how}: ${error.message}.`, {
    cause: error,
  })
}
