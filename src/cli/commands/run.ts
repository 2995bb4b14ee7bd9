/** `everloop run FILE`: starts a flow of a file and executes it here, until it comes to rest. */
import type { Command } from 'commander'
import { parseDuration } from '../../base/duration.ts'
import { EverloopError } from '../../base/errors.ts'
import { open } from '../../open.ts'
import { decode, type Payloads } from '../../ledger/index.ts'
import { type Ever, type Flow, tellsOfPause } from '../../run/index.ts'
import { act, type Call } from '../call.ts'
import { clean, cleanLine } from '../clean.ts'
import { exitCodes } from '../exit.ts'
import { decideCommand, decidersText, whyNot } from '../deciders.ts'
import { chooseFlow, givenBy, loadFlowFile, loadGivens, withText } from '../flow-file.ts'
import { inOrder } from '../flow-order.ts'
import { interruptible } from '../interrupt.ts'
import { parseValue } from '../json-input.ts'
import { askPerson } from '../question-prompt.ts'
import { type Leaf, settle } from '../rest.ts'
import { report, reportUnserved, unservedText } from '../run-report.ts'
import { silenceFlows } from '../silence.ts'
import { goOnUnread } from '../unread.ts'
import { userName } from '../user-name.ts'

interface Options {
  readonly id?: string
  readonly input?: string
  readonly queue?: string
  readonly label?: readonly string[]
  readonly wait: string
  readonly start?: true
  readonly with?: readonly string[]
  readonly by?: string
}

export function addRun(program: Command): void {
  const command = program
    .command('run')
    .description('start a flow of a TypeScript file, and execute it here')
    .argument('<file[#flow]>', 'the module; #NAME chooses one of several flows')
    .argument('[input]', 'the input as JSON; "-" reads stdin')
    .option('--id <id>', 'the run: the same id, flow and input go on with what was begun')
    .option('--input <json>', 'the input, instead of the argument')
    .option('--queue <name>', 'the queue to wait in')
    .option('--label <name=value...>', 'labels to find it by')
    .option('--by <name>', 'who starts it and answers its questions here, for the record')
    .option('--wait <duration>', 'wait for timers that are due within this time', '1m')
    .option('--with <file...>', withText)
    .option('--start', 'only start it: a worker executes it')
  act<Options>(command, run)
}

async function run({ out, store, options, args }: Call<Options>): Promise<number> {
  const [argument = '', text] = args
  const waitMs = parseDuration(options.wait)
  const labels = labelsOf(options.label)
  if (text !== undefined && options.input !== undefined)
    throw new EverloopError('BAD_OPTION', 'Give the input as argument or with --input, not both.')
  const input = await parseValue(text ?? options.input, 'The input')
  if (out.json) silenceFlows()
  const note = (line: string): void => out.note(line)
  const file = await loadFlowFile(argument, note)
  const given = givenBy([file, ...(await loadGivens(options.with ?? [], note))])
  const flow = chooseFlow(file)
  const flows = inOrder(file.flows.map((one) => one.flow))
  const { id, queue, by } = options
  goOnUnread()
  return interruptible(async (signal) => {
    let own: string | undefined
    await using ever = await open({
      store,
      flows,
      ...given,
      name: `run ${flow.name}@${flow.version}`,
      onTrouble: (error, where) => {
        // A pause of the run itself is what the report is about.
        if (own === undefined || !tellsOfPause(error, own)) out.warn(error, where)
      },
    })
    const reference = await ever.start(flow as Flow, input, {
      ...(id === undefined ? {} : { id }),
      ...(queue === undefined ? {} : { queue }),
      ...(labels === undefined ? {} : { labels }),
      ...(by === undefined ? {} : { by }),
    })
    own = reference.id
    if (id !== undefined && by !== undefined) await tellStarter(out, ever, id, by)
    const serves = (name: string, version: string): boolean =>
      flows.some((one) => one.name === name && one.version === version)
    const found = await reference.status()
    // While it waits nobody need execute it; what is told of a ready one is told at the end.
    if (found.status === 'waiting' && !serves(found.flow, found.version)) {
      out.note(unservedText(reference.id, found, flow.version))
    }
    if (options.start) {
      out.result({ run: reference.id, status: 'started' }, () => reference.id)
      return exitCodes.ok
    }
    out.note(out.onError('dim', `run ${reference.id}`))
    signal.addEventListener('abort', () => {
      out.note(
        `\nStopping: steps under way end first; Ctrl-C again stops at once.\nThe run stays in ${ever.store.about.location}. Go on with: everloop work ${argument}`,
      )
      void ever.close()
    })
    const told = new Set<string>()
    const settled = await Promise.race([
      settle(ever, reference.id, {
        serves,
        waitMs,
        signal,
        onOutside: (leaves) => answerHere(out, ever, leaves, { signal, by, told }),
      }),
      failureOf(ever.work()),
    ])
    return settled.status === 'ready'
      ? reportUnserved({ out, id: reference.id, unserved: settled, served: flow.version })
      : await report({ out, ever, id: reference.id, settled })
  })
}

/** The same id, flow and input are the same run, whose starter is who started it first. */
async function tellStarter(out: Call['out'], ever: Ever, id: string, by: string): Promise<void> {
  const [first] = await ever.store.entries(id, { limit: 1 })
  const { by: starter } = decode(first?.payload ?? '{}') as Payloads['run.started']
  if (starter === by) return
  const who = starter === undefined ? 'somebody who gave no name' : cleanLine(starter, 60)
  out.note(
    `Run ${id} was started before, by ${who}. This goes on with it: ${cleanLine(by, 60)} is not recorded as who started it.`,
  )
}

/** Never resolves: rejects when work ends because the store has failed for good. */
const failureOf = (work: Promise<void>): Promise<never> =>
  work.then(() => new Promise<never>(() => {}))

interface Person {
  readonly signal: AbortSignal
  readonly by: string | undefined
  /** The approvals of which they have been told that they are others' business. */
  readonly told: Set<string>
}

/** Asks the person at the terminal, if there is one and a question is open that they may answer. */
async function answerHere(
  out: Call['out'],
  ever: Ever,
  leaves: readonly Leaf[],
  { signal, by = userName(), told }: Person,
): Promise<boolean> {
  if (!out.isInteractive) return false
  for (const { run: asking, wait } of leaves) {
    const { question } = wait ?? {}
    if (question === undefined) continue
    const approvals = wait?.kind === 'approval' ? await ever.approvals.list({ run: asking }) : []
    const approval = approvals.find(({ id }) => id === question)
    const reason = approval && whyNot(approval, by)
    if (approval === undefined || reason === undefined) {
      return askPerson(ever, question, { signal, by })
    }
    if (told.has(question)) continue
    told.add(question)
    out.note(
      `${clean(approval.prompt)}\nNot asked here: ${reason}. May decide: ${decidersText(approval)}. They use: ${decideCommand(approval, ever.store.clock.now())}`,
    )
  }
  return false
}

function labelsOf(given: readonly string[] | undefined): Record<string, string> | undefined {
  return given && Object.fromEntries(given.map((one) => splitLabel(one)))
}

/** "name=value" as a pair. */
export function splitLabel(text: string): readonly [string, string] {
  const at = text.indexOf('=')
  if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)]
  throw new EverloopError('BAD_OPTION', `--label takes NAME=VALUE, but this is "${text}".`)
}
