/** `everloop work FILE…`: serves the flows of files until told to stop, or until nothing is due. */
import { type Command, Option } from 'commander'
import type { Duration } from '../../base/duration.ts'
import { counted } from '../../base/counted.ts'
import { EverloopError } from '../../base/errors.ts'
import { open } from '../../open.ts'
import type { Ever, StatusWord } from '../../run/index.ts'
import { act, type Call } from '../call.ts'
import { exitCodes } from '../exit.ts'
import { givenBy, loadFlowFile, loadGivens, servedFlows, withText } from '../flow-file.ts'
import { interruptible } from '../interrupt.ts'
import { silenceFlows } from '../silence.ts'
import { goOnUnread } from '../unread.ts'

interface Options {
  readonly concurrency?: number
  readonly lease?: string
  readonly name?: string
  readonly until?: 'idle'
  readonly with?: readonly string[]
}

export function addWork(program: Command): void {
  const command = program
    .command('work')
    .description('execute the runs of these flows, until Ctrl-C')
    .argument('<files...>', 'modules that export flows; #NAME serves one alone')
    .option('--concurrency <n>', 'how many runs at a time (default: 16)', Number)
    .option(
      '--lease <duration>',
      'how long it may be silent before others take over (default: 10s)',
    )
    .option('--name <name>', 'who this worker is, for people (default: what it serves)')
    .option('--with <file...>', withText)
    .addOption(new Option('--until <when>', 'stop when nothing is due or held').choices(['idle']))
  act<Options>(command, work)
}

async function work({ out, store, options, rest }: Call<Options>): Promise<number> {
  const { concurrency, lease, until } = options
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency >= 1))
    throw new EverloopError('BAD_OPTION', '--concurrency takes a whole number of at least 1.')
  if (out.json) silenceFlows()
  const note = (line: string): void => out.note(line)
  const files = await Promise.all(rest.map((file) => loadFlowFile(file, note)))
  const given = givenBy([...files, ...(await loadGivens(options.with ?? [], note))])
  const flows = [...new Set(files.flatMap(servedFlows))]
  const served = flows.map(({ name, version }) => `${name}@${version}`)
  const { name = `work ${served.join(' ')}` } = options
  goOnUnread()
  return interruptible(async (signal) => {
    await using ever = await open({
      store,
      flows,
      ...given,
      name: name.slice(0, 200),
      ...(lease === undefined ? {} : { lease: lease as Duration }),
      onTrouble: (error, run) => out.warn(error, run),
    })
    const { location } = ever.store.about
    out.event({ event: 'working', flows: served, store: location }, () => [])
    out.note(
      `Serving ${served.join(', ')} from ${location}${until ? ' until idle' : ', Ctrl-C stops'}.`,
    )
    let isStopping = false
    signal.addEventListener('abort', () => {
      isStopping = true
      out.note('Stopping: steps under way end first; again stops at once.')
      void ever.close()
    })
    const runs = new Set<string>()
    let executed: Executed | undefined
    try {
      await ever.work({
        ...(concurrency === undefined ? {} : { concurrency }),
        // A worker that goes on for ever would keep all that it has ever seen.
        ...(until === 'idle' ? { until, onExecuted: (run) => void runs.add(run) } : {}),
      })
      if (!isStopping) executed = await became(ever, runs, signal)
    } catch (error) {
      out.event({ event: 'stopped', why: 'trouble' }, () => [])
      throw error
    }
    out.event({ event: 'stopped', why: executed ? 'idle' : 'signal', ...executed }, () => [])
    out.note(executed ? executedText(executed) : 'Stopped in good order.')
    return exitCodes.ok
  })
}

/** How many runs were executed, and how many of them stand where now. */
interface Executed {
  readonly runs: number
  readonly statuses: Readonly<Record<StatusWord, number>>
}

/** Undefined when it is told to stop, and the store is closed, meanwhile. */
async function became(
  ever: Ever,
  runs: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Executed | undefined> {
  const statuses = {
    completed: 0,
    failed: 0,
    cancelled: 0,
    paused: 0,
    waiting: 0,
    ready: 0,
    running: 0,
  } satisfies Record<StatusWord, number>
  try {
    for (const run of runs) statuses[(await (await ever.get(run)).status()).status]++
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
  return { runs: runs.size, statuses }
}

function executedText({ runs, statuses }: Executed): string {
  if (runs === 0) return 'Nothing is due or held.'
  const counts = Object.entries(statuses).filter(([, count]) => count > 0)
  const said = counts.map(([status, count]) => `${count} ${status}`).join(', ')
  return `Executed ${counted(runs, 'run')}: ${said}.`
}
