/** `everloop work FILE…`: serves the flows of files until told to stop, or until nothing is due. */
import { type Command, Option } from 'commander'
import type { Duration } from '../../base/duration.ts'
import { EverloopError } from '../../base/errors.ts'
import { open } from '../../open.ts'
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
    try {
      await ever.work({
        ...(concurrency === undefined ? {} : { concurrency }),
        until: until ?? 'stopped',
      })
    } catch (error) {
      out.event({ event: 'stopped', why: 'trouble' }, () => [])
      throw error
    }
    out.event({ event: 'stopped', why: isStopping ? 'signal' : 'idle' }, () => [])
    out.note(isStopping ? 'Stopped in good order.' : 'Nothing is due or held.')
    return exitCodes.ok
  })
}
