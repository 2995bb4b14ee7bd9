/** `everloop runs get|conversation|explain|verify`: looks at runs and changes nothing. */
import type { Command } from 'commander'
import { conversation } from '../../agent/conversation/conversation.ts'
import { counted } from '../../base/counted.ts'
import { decode, type Payloads } from '../../ledger/index.ts'
import type { RunInfo, Settled } from '../../run/index.ts'
import { askedFor, askedForText } from '../asked-for.ts'
import { act, type Call } from '../call.ts'
import { cancelledBy } from '../cancelled-by.ts'
import { cancelling } from '../cancelling.ts'
import { clean, cleanLine } from '../clean.ts'
import { conversationLines, costText } from '../conversation-text.ts'
import { exitCodes } from '../exit.ts'
import { explain } from '../explain.ts'
import { type FailedChild, failedChild } from '../failed-child.ts'
import { type Field, fields } from '../fields.ts'
import { jsonText } from '../json-text.ts'
import { plain } from '../output.ts'
import { resolveRun } from '../rest.ts'
import { openExisting } from '../store-place.ts'
import { dateAndAgo } from '../times.ts'
import { paint } from './runs-list.ts'

export function addRunsRead(runs: Command): void {
  act(one(runs.command('get').description('a run: status, input, output')), getRun)
  act(
    one(runs.command('conversation').description('what was said and done in the run of an agent')),
    readConversation,
  )
  act(
    one(
      runs.command('explain').alias('why').description('why a run is where it is, in one sentence'),
    ),
    explainRun,
  )
  act(
    one(runs.command('verify').description('check every entry of the ledger of a run')),
    verifyRun,
  )
}

const one = (command: Command): Command =>
  command.argument('<run>', 'its id, or the beginning of it')

type Genesis = Pick<Payloads['run.started'], 'by'> & { readonly input?: unknown }

async function getRun({ out, store, args }: Call): Promise<void> {
  await using ever = await openExisting(store)
  const id = await resolveRun(ever, args[0])
  const reference = await ever.get(id)
  const info = await reference.status()
  const [first] = await ever.store.entries(id, { limit: 1 })
  const genesis = decode(first?.payload ?? '{}') as Genesis
  const asked = await askedFor(ever, id)
  const cancel = await cancelling(ever, id)
  const isMoving = info.status === 'running' || info.status === 'ready'
  const settled = isMoving ? undefined : await reference.settled()
  const canceller = settled?.status === 'cancelled' ? await cancelledBy(ever, id) : undefined
  const child = settled?.status === 'failed' ? await failedChild(ever, id) : undefined
  const { by } = genesis
  const document = {
    ...info,
    ...(by === undefined ? {} : { by }),
    asked,
    ...(cancel === undefined ? {} : { cancelling: cancel }),
    input: plain(genesis.input),
    ...(settled ? restOf(settled) : {}),
    ...(canceller === undefined ? {} : { cancelledBy: canceller }),
    ...(child === undefined ? {} : { failedChild: child.id }),
  }
  out.result(document, () => {
    const now = ever.store.clock.now()
    return fields(out, [
      ['run', id],
      ['status', paint(out, info.status, info.status)],
      ['flow', `${info.flow}@${info.version}`],
      ['title', info.title && cleanLine(info.title)],
      ['started by', by && cleanLine(by)],
      ['queue', info.queue],
      ['created', dateAndAgo(info.created, now)],
      ['changed', dateAndAgo(info.updated, now)],
      ['entries', String(info.entries)],
      ...Object.entries(info.labels).map(([name, value]): Field => [
        'label',
        `${cleanLine(name)}=${cleanLine(value)}`,
      ]),
      ['parent', info.parent],
      ['taken over', lossesText(info)],
      ...asked.map((request): Field => ['asked for', askedForText(request, info.status)]),
      ['cancelling', cancel && cleanLine(cancel)],
      ['input', shown(genesis.input)],
      ...(settled ? settledFields(settled) : []),
      ['cancelled by', canceller && cleanLine(canceller)],
      ['failed child', child && failedChildText(child)],
    ])
  })
}

const failedChildText = ({ id, isHere }: FailedChild): string =>
  isHere ? `${id} (everloop runs explain ${id})` : `${id}, which is not in this store`

function lossesText({ crashes, overtakes }: RunInfo): string | undefined {
  if (crashes + overtakes === 0) return undefined
  return `${counted(crashes, 'crash', 'crashes')}, ${counted(overtakes, 'lost lease')}`
}

function restOf(settled: Settled): object {
  switch (settled.status) {
    case 'completed':
      return { output: plain(settled.output) }
    case 'failed':
      return { error: plain(settled.error) }
    case 'cancelled':
      return { reason: settled.reason }
    case 'paused':
      return { message: settled.message }
    case 'waiting':
      return { on: settled.on }
  }
}

function settledFields(settled: Settled): readonly Field[] {
  switch (settled.status) {
    case 'completed':
      return [['output', shown(settled.output)]]
    case 'failed':
      return [['error', `${cleanLine(settled.error.name)}: ${clean(settled.error.message)}`]]
    case 'cancelled':
      return [['reason', clean(settled.reason)]]
    case 'paused':
      return [['paused', `${cleanLine(settled.code)}: ${clean(settled.message)}`]]
    case 'waiting':
      return settled.on.map((wait) => [
        'waits on',
        `${wait.kind} ${cleanLine(wait.question ?? wait.what)}`,
      ])
  }
}

const shown = (value: unknown): string => (value === undefined ? '' : jsonText(value))

async function readConversation({ out, store, args }: Call): Promise<void> {
  await using ever = await openExisting(store)
  const told = await conversation(ever, await resolveRun(ever, args[0]))
  out.result({ ...told, items: plain(told.items) }, () =>
    told.items.every(({ is }) => is === 'failed' || is === 'cancelled')
      ? `Run ${told.run} holds no conversation: it is of a flow that is no agent.`
      : [...conversationLines(told, out), '', out.style('dim', costText(told))],
  )
}

async function explainRun({ out, store, args }: Call): Promise<void> {
  await using ever = await openExisting(store)
  const explanation = await explain(ever, await resolveRun(ever, args[0]))
  const { sentence, fix } = explanation
  out.result(explanation, () =>
    fix === undefined ? sentence : [sentence, out.style('dim', `Next: ${fix}`)],
  )
}

async function verifyRun({ out, store, args }: Call): Promise<number> {
  await using ever = await openExisting(store)
  const id = await resolveRun(ever, args[0])
  const result = await ever.verify(id)
  out.result({ run: id, ...result }, () => {
    if (result.ok) {
      const erased = result.erased === 0 ? '' : `, ${result.erased} of them erased`
      return `${out.style('green', 'Intact')}: ${counted(result.entries, 'entry', 'entries')}${erased}, every hash and rule checked.`
    }
    return [
      `${out.style('red', 'Broken')}: run ${id} is not what was written. Restore the store from a backup.`,
      ...result.violations.map(
        ({ id: rule, seq, what }) => `  entry ${seq}  ${rule}  ${clean(what)}`,
      ),
    ]
  })
  return result.ok ? exitCodes.ok : exitCodes.failed
}
