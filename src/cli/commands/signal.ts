/** `everloop signal RUN NAME`: sends a run something from outside. */
import type { Command } from 'commander'
import { act } from '../call.ts'
import { cleanLine } from '../clean.ts'
import { parseValue } from '../json-input.ts'
import { resolveRun } from '../rest.ts'
import { openExisting } from '../store-place.ts'
import { awaitedInstead, awaitedText } from '../untaken-signals.ts'

interface Options {
  readonly id?: string
  readonly by?: string
}

export function addSignal(program: Command): void {
  const command = program
    .command('signal')
    .description('send a signal: it is kept until the run waits for it')
    .argument('<run>', 'its id, or the beginning of it')
    .argument('<name>', 'the name the flow waits for')
    .argument('[value]', 'the value as JSON; "-" reads stdin')
    .option('--id <id>', 'a second signal of this id to the run changes nothing')
    .option('--by <name>', 'who sends it, for the record')
  act<Options>(command, async ({ out, store, options, args }) => {
    const [prefix, name = '', text] = args
    const value = await parseValue(text, 'The value')
    await using ever = await openExisting(store)
    const run = await resolveRun(ever, prefix)
    // Of the moment before: a worker may take the signal, and the run wait for another one, at once.
    const awaited = await awaitedInstead(ever, run, name)
    const sent = await ever.signal(run, name, value, options)
    const isAwaited = awaited.length === 0 || !sent
    const names = isAwaited ? {} : { awaited: awaited.map(({ what }) => what) }
    out.result({ run, signal: name, sent, ...names }, () =>
      sent
        ? `Sent signal "${cleanLine(name)}" to run ${run}.${awaitedText(awaited)}`
        : `Nothing was sent: run ${run} has got something under the id "${cleanLine(options.id ?? '')}" before.`,
    )
  })
}
