/** `everloop runs list`: which runs there are, with the filters that find one. */
import { type Command, Option } from 'commander'
import { EverloopError } from '../../base/errors.ts'
import {
  listedStatuses,
  type ListedStatus,
  type ListOptions,
  type RunInfo,
  type StatusWord,
} from '../../run/index.ts'
import { act, type Call } from '../call.ts'
import { cleanLine } from '../clean.ts'
import type { Output } from '../output.ts'
import { resolveRun } from '../rest.ts'
import { openExisting } from '../store-place.ts'
import { table } from '../table.ts'
import { ago, parseSince } from '../times.ts'
import { splitLabel } from './run.ts'

const colors = {
  ready: 'cyan',
  running: 'cyan',
  waiting: 'yellow',
  paused: 'yellow',
  completed: 'green',
  failed: 'red',
  cancelled: 'dim',
} as const satisfies Record<StatusWord, string>

interface ListFilter {
  readonly status?: readonly ListedStatus[]
  readonly flow?: string
  readonly queue?: string
  readonly label?: readonly string[]
  readonly parent?: string
  readonly since?: string
  readonly limit: number
}

export function addRunsList(runs: Command): void {
  const list = runs
    .command('list')
    .alias('ls')
    .description('runs, the newest first')
    .addOption(new Option('--status <status...>', 'in this status').choices(listedStatuses))
    .option('--flow <name>', 'of this flow')
    .option('--queue <name>', 'in this queue')
    .option('--label <name=value...>', 'with these labels')
    .option('--parent <run>', 'children of this run')
    .option('--since <time>', 'created since: "2h" ago, or a date')
    .option('--limit <n>', 'at most so many', Number, 50)
  act<ListFilter>(list, listRuns)
}

async function listRuns({ out, store, options }: Call<ListFilter>): Promise<void> {
  const { limit } = options
  if (!Number.isInteger(limit) || limit < 1) {
    throw new EverloopError('BAD_OPTION', '--limit takes a whole number of at least 1.')
  }
  const since = options.since === undefined ? undefined : parseSince(options.since, Date.now())
  await using ever = await openExisting(store)
  const parent = options.parent === undefined ? undefined : await resolveRun(ever, options.parent)
  const found = await ever.list({ ...filterOf(options, since, parent), limit: limit + 1 })
  const runs = found.slice(0, limit)
  const now = ever.store.clock.now()
  out.result({ runs, more: found.length > limit }, () => {
    if (runs.length === 0) return 'No run fits.'
    const lines = table(
      [
        { title: 'RUN', of: ({ id }) => id },
        {
          title: 'STATUS',
          // Of a run that was told to go on, the code is that of what is past.
          of: ({ status, code }) =>
            code !== undefined && (status === 'paused' || status === 'failed')
              ? `${status} ${cleanLine(code, 30)}`
              : status,
        },
        { title: 'FLOW', of: ({ flow, version }) => `${flow}@${version}` },
        ...(runs.some(({ title }) => title !== undefined)
          ? [{ title: 'TITLE', of: ({ title = '' }: RunInfo) => cleanLine(title, 60) }]
          : []),
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
  const { status, flow, queue, label } = options
  return {
    ...(status === undefined ? {} : { status }),
    ...(flow === undefined ? {} : { flow }),
    ...(queue === undefined ? {} : { queue }),
    ...(parent === undefined ? {} : { parent }),
    ...(since === undefined ? {} : { since }),
    ...(label === undefined
      ? {}
      : { labels: Object.fromEntries(label.map((text) => splitLabel(text))) }),
  }
}

/** The status in its color. */
export const paint = (out: Output, status: StatusWord, text: string): string =>
  out.style(colors[status], text)
