/** `everloop runs cancel|pause|resume|retry`: changes the course of runs, through their inboxes. */
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import type { Ever } from '../../run/index.ts'
import { isAlive } from '../../store/store.ts'
import { alreadyText, askedFor } from '../asked-for.ts'
import { act, type Call } from '../call.ts'
import { exitCodes } from '../exit.ts'
import { resolveRun } from '../rest.ts'
import { openExisting } from '../store-place.ts'

interface Options {
  readonly reason?: string
  readonly by?: string
  readonly yes?: true
  readonly anew?: true
}

interface Change {
  readonly name: string
  readonly description: string
  /** What will happen, for people. */
  readonly done: string
  /** Whoever stops a run may say why; one that goes on may ask for children that cannot. */
  readonly lets: 'stop' | 'go on'
  readonly deliver: (ever: Ever, run: string, options: Options) => Promise<void>
}

const changes: readonly Change[] = [
  {
    name: 'cancel',
    description: 'end a run: pending operations are rejected, children cancelled',
    done: 'will be cancelled',
    lets: 'stop',
    deliver: (ever, run, { reason, ...rest }) => ever.cancel(run, reason, rest),
  },
  {
    name: 'pause',
    description: 'stop a run at its next boundary, until it is resumed',
    done: 'will be paused',
    lets: 'stop',
    deliver: (ever, run, { reason, ...rest }) => ever.pause(run, reason, rest),
  },
  {
    name: 'resume',
    description: 'let a paused run go on',
    done: 'will go on',
    lets: 'go on',
    deliver: (ever, run, options) => ever.resume(run, options),
  },
  {
    name: 'retry',
    description:
      'let a failed run go on: what failed is executed again, and children that failed go on',
    done: 'will try again what failed',
    lets: 'go on',
    deliver: (ever, run, options) => ever.retry(run, options),
  },
]

export function addRunsChange(runs: Command): void {
  for (const change of changes) {
    const command = runs
      .command(change.name)
      .description(change.description)
      .argument('<run>', 'its id, or the beginning of it')
      .option('--by <name>', 'who does it, for the record')
    if (change.lets === 'stop') command.option('--reason <text>', 'why, for the record')
    else {
      command.option(
        '--anew',
        'children that were cancelled, cannot go on or are asked for otherwise (DRIFTED) may be started anew, and do again what they did',
      )
    }
    if (change.name === 'cancel') command.option('-y, --yes', 'do not ask first')
    act<Options>(command, (call) => apply(call, change))
  }
}

async function apply(
  { out, store, args, options }: Call<Options>,
  change: Change,
): Promise<number> {
  const { yes, ...rest } = options
  await using ever = await openExisting(store)
  const run = await resolveRun(ever, args[0])
  if (change.name === 'cancel' && yes !== true && out.isInteractive && !(await isSure(run))) {
    out.note('Nothing was changed.')
    return exitCodes.failed
  }
  const { status } = await (await ever.get(run)).status()
  const last = (await askedFor(ever, run)).at(-1)
  await change.deliver(ever, run, rest)
  // Behind something else it is no repetition: a retry overrules a cancel, say.
  const isSame = last?.what === change.name && (last.anew ?? false) === (rest.anew ?? false)
  const already = isSame ? last : undefined
  const document = { run, [change.name]: true, ...(already ? { already } : {}) }
  out.result(
    document,
    () => `Run ${run} ${change.done}${already ? `: ${alreadyText(already, status)}` : '.'}`,
  )
  const now = ever.store.clock.now()
  const workers = (await ever.store.sessions()).filter((session) => isAlive(session, now))
  if (workers.length === 0)
    out.note('No worker is connected: it happens as soon as one works (everloop work FILE).')
  return exitCodes.ok
}

async function isSure(run: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await lines.question(`Cancel run ${run} for good? [y/N] `)).trim())
  } finally {
    lines.close()
  }
}
