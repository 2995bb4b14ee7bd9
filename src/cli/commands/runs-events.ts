/** `everloop runs events|watch`: the ledger of a run, as far as it goes or as it grows. */
import type { Command } from 'commander'
import { EverloopError } from '../../base/errors.ts'
import { operationPath, unescape } from '../../ledger/index.ts'
import { eventOf, type RunEvent } from '../../run/view.ts'
import { act, type Call } from '../call.ts'
import { cleanLine } from '../clean.ts'
import { exitCodes } from '../exit.ts'
import { explain } from '../explain.ts'
import { interruptible, unlessAborted } from '../interrupt.ts'
import { type Output, plain } from '../output.ts'
import { resolveRun } from '../rest.ts'
import { openExisting } from '../store-place.ts'
import { clockTime } from '../times.ts'

interface Options {
  readonly from: number
}

const pageMax = 500

export function addRunsEvents(runs: Command): void {
  const make = (name: string, description: string): Command =>
    runs
      .command(name)
      .description(description)
      .argument('<run>', 'its id, or the beginning of it')
      .option('--from <seq>', 'only what comes after this number', Number, 0)
  act<Options>(make('events', 'the entries of its ledger so far'), events)
  act<Options>(make('watch', 'the entries as they come, until the run has ended'), watch)
}

async function events({ out, store, args, options }: Call<Options>): Promise<void> {
  const from = checked(options.from)
  await using ever = await openExisting(store)
  const run = await resolveRun(ever, args[0])
  for (let after = from; ;) {
    const page = await ever.store.entries(run, { after, limit: pageMax })
    for (const entry of page) print(out, eventOf(entry))
    after = page.at(-1)?.seq ?? after
    if (page.length < pageMax) return
  }
}

async function watch({ out, store, args, options }: Call<Options>): Promise<number> {
  const from = checked(options.from)
  return interruptible(async (signal) => {
    await using ever = await openExisting(store)
    const run = await resolveRun(ever, args[0])
    const reference = await ever.get(run)
    if (out.isTerminal) out.note((await explain(ever, run)).sentence)
    const all = reference.events({ from })
    for (;;) {
      const { value, done } = await unlessAborted(signal, all.next())
      if (done) break
      print(out, value)
    }
    const { sentence, status } = await explain(ever, run)
    out.note(sentence)
    return status === 'completed' ? exitCodes.ok : exitCodes.failed
  })
}

function checked(from: number): number {
  if (Number.isInteger(from) && from >= 0) return from
  throw new EverloopError('BAD_OPTION', '--from takes the number of an entry, or 0.')
}

function print(out: Output, event: RunEvent): void {
  const { seq, time, kind, path, data } = event
  out.event({ ...event, data: plain(data) }, () => {
    const what = data === undefined ? '(erased)' : JSON.stringify(plain(data))
    const width = out.isTerminal ? Math.max(40, process.stdout.columns) : 160
    const head = `${String(seq).padStart(5)}  ${clockTime(time)}  ${kind.padEnd(17)}  ${cleanLine(unescape(operationPath('', path)), 60)}`
    const text = cleanLine(what === '{}' ? '' : what, Math.max(20, width - head.length - 2))
    return `${colored(out, kind, head)}  ${out.style('dim', text)}`.trimEnd()
  })
}

function colored(out: Output, kind: string, text: string): string {
  if (kind.endsWith('.failed')) return out.style('red', text)
  if (kind === 'run.overtaken' || kind === 'run.paused') return out.style('yellow', text)
  return kind.startsWith('run.') ? out.style('bold', text) : text
}
