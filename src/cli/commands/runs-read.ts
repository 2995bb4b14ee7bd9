/** `everloop runs list|get|explain|verify`: looks at runs and changes nothing. */
import { type Command, Option } from 'commander'
import { EverloopError } from '../../base/errors.ts'
import { decode } from '../../ledger/index.ts'
import type { Ever, ListOptions, RunInfo, Settled } from '../../run/index.ts'
import { act, type Call } from '../call.ts'
import { clean, cleanLine } from '../clean.ts'
import { exitCodes } from '../exit.ts'
import { explain } from '../explain.ts'
import { type Output, plain } from '../output.ts'
import { resolveRun } from '../rest.ts'
import { openExisting } from '../store-place.ts'
import { table } from '../table.ts'
import { ago, dateTime, parseSince } from '../times.ts'
import { verify } from '../verify.ts'
import { splitLabel } from './run.ts'

const words = ['ready', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled'] as const
type Word = (typeof words)[number]

interface ListFilter {
  readonly status?: readonly Word[]
  readonly flow?: string
  readonly queue?: string
  readonly label?: readonly string[]
  readonly parent?: string
  readonly since?: string
  readonly limit: number
}

export function addRunsRead(runs: Command): void {
  const list = runs
    .command('list')
    .alias('ls')
    .description('runs, the newest first')
    .addOption(new Option('--status <status...>', 'in this status').choices(words))
    .option('--flow <name>', 'of this flow')
    .option('--queue <name>', 'in this queue')
    .option('--label <name=value...>', 'with these labels')
    .option('--parent <run>', 'children of this run')
    .option('--since <time>', 'created since: "2h" ago, or a date')
    .option('--limit <n>', 'at most so many', Number, 50)
  act<ListFilter>(list, listRuns)
  act(one(runs.command('get').description('a run: status, input, output')), getRun)
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

async function listRuns({ out, store, options }: Call<ListFilter>): Promise<void> {
  const { limit } = options
  if (!Number.isInteger(limit) || limit < 1) {
    throw new EverloopError('BAD_OPTION', '--limit takes a whole number of at least 1.')
  }
  const since = options.since === undefined ? undefined : parseSince(options.since, Date.now())
  await using ever = await openExisting(store)
  const parent = options.parent === undefined ? undefined : await resolveRun(ever, options.parent)
  const found = await collect(ever, filterOf(options, since, parent), options.status, limit + 1)
  const runs = found.slice(0, limit)
  const now = ever.store.clock.now()
  out.result({ runs, more: found.length > limit }, () => {
    if (runs.length === 0) return 'No run fits.'
    const lines = table(
      [
        { title: 'RUN', of: ({ id }) => id },
        {
          title: 'STATUS',
          of: ({ status, code }) =>
            code === undefined ? status : `${status} ${cleanLine(code, 30)}`,
        },
        { title: 'FLOW', of: ({ flow, version }) => `${flow}@${version}` },
        { title: 'CREATED', of: ({ created }) => ago(created, now) },
        { title: 'CHANGED', of: ({ updated }) => ago(updated, now) },
        { title: 'ENTRIES', of: ({ entries }) => String(entries), align: 'right' },
      ],
      runs,
      (cell, column, row) =>
        row === undefined
          ? out.style('dim', cell)
          : column === 1
            ? paint(out, row.status, cell)
            : cell,
    )
    return found.length > limit
      ? [...lines, `More than ${limit}: raise --limit, or narrow the list.`]
      : lines
  })
}

function filterOf(
  options: ListFilter,
  since: number | undefined,
  parent: string | undefined,
): ListOptions {
  const { flow, queue, label } = options
  return {
    ...(flow === undefined ? {} : { flow }),
    ...(queue === undefined ? {} : { queue }),
    ...(parent === undefined ? {} : { parent }),
    ...(since === undefined ? {} : { since }),
    ...(label === undefined
      ? {}
      : { labels: Object.fromEntries(label.map((text) => splitLabel(text))) }),
  }
}

/** The store knows ready, running and waiting runs as active: which is which shows on the row. */
async function collect(
  ever: Ever,
  filter: ListOptions,
  wanted: readonly Word[] | undefined,
  limit: number,
): Promise<readonly RunInfo[]> {
  if (wanted === undefined) return ever.list({ ...filter, limit })
  const status = [
    ...new Set(
      wanted.map((word) =>
        word === 'ready' || word === 'running' || word === 'waiting' ? 'active' : word,
      ),
    ),
  ]
  const found: RunInfo[] = []
  for (let before: string | undefined; found.length < limit;) {
    const page = await ever.list({
      ...filter,
      status,
      limit: 200,
      ...(before === undefined ? {} : { before }),
    })
    found.push(...page.filter((info) => wanted.includes(info.status)))
    before = page.at(-1)?.id
    if (page.length < 200) break
  }
  return found.slice(0, limit)
}

function paint(out: Output, status: Word, text: string): string {
  const colors = {
    ready: 'cyan',
    running: 'cyan',
    waiting: 'yellow',
    paused: 'yellow',
    completed: 'green',
    failed: 'red',
    cancelled: 'dim',
  } as const
  return out.style(colors[status], text)
}

async function getRun({ out, store, args }: Call): Promise<void> {
  await using ever = await openExisting(store)
  const id = await resolveRun(ever, args[0])
  const reference = await ever.get(id)
  const info = await reference.status()
  const [first] = await ever.store.entries(id, { limit: 1 })
  const genesis = decode(first?.payload ?? '{}') as { readonly input?: unknown }
  const isMoving = info.status === 'running' || info.status === 'ready'
  const settled = isMoving ? undefined : await reference.settled()
  const document = { ...info, input: plain(genesis.input), ...(settled ? restOf(settled) : {}) }
  out.result(document, () => {
    const now = ever.store.clock.now()
    const rows: [string, string][] = [
      ['run', id],
      ['status', paint(out, info.status, info.status)],
      ['flow', `${info.flow}@${info.version}`],
      ['queue', info.queue],
      ['created', `${dateTime(info.created)} (${ago(info.created, now)})`],
      ['changed', `${dateTime(info.updated)} (${ago(info.updated, now)})`],
      ['entries', String(info.entries)],
      ...Object.entries(info.labels).map(([name, value]): [string, string] => [
        'label',
        `${cleanLine(name)}=${cleanLine(value)}`,
      ]),
      ...(info.parent === undefined ? [] : [['parent', info.parent] as [string, string]]),
      ...(info.crashes + info.overtakes > 0
        ? [
            ['taken over', `${info.crashes} crashes, ${info.overtakes} lost leases`] as [
              string,
              string,
            ],
          ]
        : []),
      ['input', shown(genesis.input)],
      ...(settled ? settledRows(settled) : []),
    ]
    return table(
      [
        { title: '', of: ([name]) => name },
        { title: '', of: ([, value]) => value },
      ],
      rows,
      (cell, column) => (column === 0 ? out.style('dim', cell) : cell),
    )
  })
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

function settledRows(settled: Settled): [string, string][] {
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

const shown = (value: unknown): string =>
  value === undefined ? '' : clean(JSON.stringify(plain(value), undefined, 2))

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
  const result = await verify(ever, id)
  out.result({ run: id, ...result }, () => JSON.stringify(result))
  return result.ok ? exitCodes.ok : exitCodes.failed
}
