/** `everloop runs events|watch`: the ledger of a run, as far as it goes or as it grows. */
import type { Command } from 'commander'
import { EverloopError } from '../../base/errors.ts'
import { operationPath, unescape } from '../../ledger/index.ts'
import { pageAfter } from '../../run/ledger-page.ts'
import { eventOf, type RunEvent } from '../../run/outside/run-event.ts'
import type { RunReference } from '../../run/index.ts'
import { act, type Call } from '../call.ts'
import { clean, cleanLine } from '../clean.ts'
import { exitCodes } from '../exit.ts'
import { explain } from '../explain.ts'
import { interruptible, unlessAborted } from '../interrupt.ts'
import { type Output, plain } from '../output.ts'
import { resolveRun } from '../rest.ts'
import { openExisting } from '../store-place.ts'
import { clockTime } from '../times.ts'

interface Options {
  readonly from: string
}

interface WatchOptions extends Options {
  readonly text?: true
}

export function addRunsEvents(runs: Command): void {
  const make = (name: string, description: string): Command =>
    runs
      .command(name)
      .description(description)
      .argument('<run>', 'its id, or the beginning of it')
      .option('--from <seq>', 'only what comes after this number, or cursor', '0')
  act<Options>(make('events', 'the entries of its ledger so far'), events)
  const watching = make('watch', 'the entries as they come, until the run has ended')
  act<WatchOptions>(
    watching.option('--text', 'the text of steps under way too, as it comes'),
    watch,
  )
}

async function events({ out, store, args, options }: Call<Options>): Promise<void> {
  const from = checked(options.from)
  await using ever = await openExisting(store)
  const run = await resolveRun(ever, args[0])
  for (let after = from; ;) {
    const page = await ever.store.entries(run, pageAfter(after))
    const last = page.at(-1)
    if (!last) return
    for (const entry of page) print(out, eventOf(entry))
    after = last.seq
  }
}

async function watch({ out, store, args, options }: Call<WatchOptions>): Promise<number> {
  const { from } = options
  const [seq, cursor] = options.text ? [0, cursorOf(from)] : [checked(from), '']
  return interruptible(async (signal) => {
    await using ever = await openExisting(store)
    const run = await resolveRun(ever, args[0])
    const reference = await ever.get(run)
    if (out.isTerminal) out.note((await explain(ever, run)).sentence)
    const all = options.text ? streamed(reference, cursor, out) : printed(reference, seq, out)
    while (!(await unlessAborted(signal, all.next())).done);
    const { sentence, status } = await explain(ever, run)
    out.note(sentence)
    return status === 'completed' ? exitCodes.ok : exitCodes.failed
  })
}

/** Prints each entry before it is asked for the next one. */
async function* printed(run: RunReference, from: number, out: Output): AsyncGenerator<void, void> {
  for await (const event of run.events({ from })) yield print(out, event)
}

/** The same with text between the entries: pieces of one step follow each other on a line. */
async function* streamed(run: RunReference, from: string, out: Output): AsyncGenerator<void, void> {
  let path: string | undefined
  const endText = (): void => {
    if (path !== undefined) out.text('\n')
    path = undefined
  }
  for await (const item of run.stream({ from })) {
    if (out.json) {
      out.event(item.type === 'entry' ? { ...item, event: shown(item.event) } : item, () => '')
    } else if (item.type === 'entry') {
      endText()
      print(out, item.event)
    } else {
      if (item.path !== path || item.type === 'restarted') {
        endText()
        path = item.path
        const anew = item.type === 'restarted' ? ' begins anew' : ''
        out.text(out.style('dim', `${cleanLine(item.path, 60)}${anew}: `))
      }
      if (item.type === 'text') out.text(clean(item.text))
    }
    yield
  }
  endText()
}

/** The cursor of an item, or the number of an entry. */
const cursorOf = (from: string): string => (/^\d+\.\d+$/.test(from) ? from : `${checked(from)}.0`)

const shown = (event: RunEvent): object => ({ ...event, data: plain(event.data) })

/** The number of an entry. A cursor of an item of `stream` begins with it. */
function checked(from: string): number {
  const [, seq] = /^(\d{1,15})(?:\.\d+)?$/.exec(from) ?? []
  if (seq !== undefined) return Number(seq)
  throw new EverloopError(
    'BAD_OPTION',
    `--from takes the number of an entry, 0, or the \`cursor\` of a line of \`watch --text --json\`, but this is "${from}".`,
  )
}

function print(out: Output, event: RunEvent): void {
  const { seq, time, kind, path, data } = event
  out.event(shown(event), () => {
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
