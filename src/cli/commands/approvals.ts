/** `everloop approvals`: calls that wait for people, and their decisions. */
import type { Command } from 'commander'
import type { Duration } from '../../base/duration.ts'
import { EverloopError } from '../../base/errors.ts'
import type { Approval, Decider, Ever } from '../../run/index.ts'
import { act, type Call } from '../call.ts'
import { clean, cleanLine } from '../clean.ts'
import {
  answeredText,
  decideCommand,
  decidersText,
  escalationText,
  expiredText,
  isExpired,
} from '../deciders.ts'
import { type Field, fields } from '../fields.ts'
import { parseValue } from '../json-input.ts'
import { jsonLine, jsonText } from '../json-text.ts'
import { namedQuestion } from '../named-question.ts'
import { plain } from '../output.ts'
import { resolveRun } from '../rest.ts'
import { runsThatAsk } from '../runs-below.ts'
import { openExisting } from '../store-place.ts'
import { table } from '../table.ts'
import { ago, dateAndAgo, dateTime } from '../times.ts'
import { userName } from '../user-name.ts'

interface DecideOptions {
  readonly by?: string
  readonly reason?: string
  readonly digest?: string
}

interface SnoozeOptions {
  readonly by?: string
  readonly for: string
}

export function addApprovals(program: Command): void {
  const approvals = program.command('approvals').description('calls of agents that wait for people')
  const list = approvals
    .command('list')
    .alias('ls')
    .description('open approvals, the oldest first')
    .option('--run <id>', 'of one run and of those below it only')
    .option('--all', 'those that are put off, too')
  act<{ readonly run?: string; readonly all?: true }>(list, listApprovals)

  const show = approvals.command('show').description('everything about one of them')
  act(withId(show), showApproval)

  const approve = approvals.command('approve').description('let the call be made')
  act<DecideOptions>(deciding(withId(approve)), (call) => decide(call, 'approve'))

  const deny = approvals.command('deny').description('do not let it be made; the model is told why')
  act<DecideOptions>(deciding(withId(deny)), (call) => decide(call, 'deny'))

  const edit = approvals.command('edit').description('let it be made with other arguments')
  withId(edit).argument('<arguments>', 'the arguments as JSON; "-" reads stdin')
  act<DecideOptions>(deciding(edit), (call) => decide(call, 'edit'))

  const snooze = approvals
    .command('snooze')
    .description('put it off; its deadline stays')
    .requiredOption('--for <duration>', 'for how long, like 2h or 3d')
    .option('--by <name>', 'who does it, for the record (default: your user name)')
  act<SnoozeOptions>(withId(snooze), snoozeApproval)

  const assign = approvals
    .command('assign')
    .description('hand it to somebody')
    .option('--by <name>', 'who does it, for the record (default: your user name)')
  withId(assign).argument('<name>', 'to whom')
  act<{ readonly by?: string }>(assign, assignApproval)
}

const withId = (command: Command): Command =>
  command.argument('<approval>', 'its id, the beginning of it, or the run that waits')

const deciding = (command: Command): Command =>
  command
    .option('--reason <text>', 'why, for the record and for the model')
    .option('--digest <digest>', 'of the call that you mean: any other is refused')
    .option('--by <name>', 'who decides, for the record (default: your user name)')

async function listApprovals({
  out,
  store,
  options,
}: Call<{ readonly run?: string; readonly all?: true }>): Promise<void> {
  await using ever = await openExisting(store)
  const now = ever.store.clock.now()
  const open = await approvalsOf(ever, options.run)
  const shown = options.all ? open : open.filter(({ snoozed = 0 }) => snoozed <= now)
  const hidden = open.length - shown.length
  out.result({ approvals: shown.map(documentOf), snoozed: hidden }, () => {
    const more = hidden === 0 ? [] : [out.style('dim', `${hidden} put off; --all shows them.`)]
    if (shown.length === 0) return ['Nothing waits for an approval.', ...more]
    const columns = [
      { title: 'APPROVAL', of: ({ id }: Approval) => id },
      // The id says it too, but not to those who see it for the first time.
      ...(options.run === undefined ? [] : [{ title: 'RUN', of: ({ run }: Approval) => run }]),
      { title: 'ASKED', of: ({ since }: Approval) => ago(since, now) },
      {
        title: 'EXPIRES',
        of: ({ due }: Approval) => (due === undefined ? 'never' : ago(due, now)),
      },
      ...(shown.some((approval) => nextText(approval, now) !== '')
        ? [{ title: 'GOES TO', of: (approval: Approval) => nextText(approval, now) }]
        : []),
      { title: 'VOTES', of: votesText },
      { title: 'STATE', of: (approval: Approval) => stateText(approval, now) },
      { title: 'FOR', of: forText },
      ...(shown.some(({ assignee }) => assignee !== undefined)
        ? [{ title: 'HANDED TO', of: ({ assignee = '' }: Approval) => cleanLine(assignee, 30) }]
        : []),
      { title: 'TOOL', of: ({ tool }: Approval) => cleanLine(tool, 40) },
      { title: 'ARGUMENTS', of: ({ args }: Approval) => jsonLine(args, 80) },
    ]
    return [...table(columns, shown), ...more]
  })
}

/** Those of all runs, or of one and the runs below it. */
async function approvalsOf(ever: Ever, prefix: string | undefined): Promise<readonly Approval[]> {
  if (prefix === undefined) return ever.approvals.list()
  const runs = await runsThatAsk(ever, await resolveRun(ever, prefix))
  const lists = await Promise.all(runs.map((run) => ever.approvals.list({ run })))
  return lists.flat().toSorted((a, b) => a.since - b.since)
}

function stateText(approval: Approval, now: number): string {
  const { isAnswered, isDenyOnly, snoozed = 0 } = approval
  if (isAnswered) return answeredText
  if (isExpired(approval, now)) return expiredText
  const until = snoozed > now ? `put off until ${dateTime(snoozed)}` : undefined
  return isDenyOnly ? ['can only be denied', until].filter(Boolean).join(', ') : (until ?? 'open')
}

/** Whom it goes to next, briefly. */
function nextText(approval: Approval, now: number): string {
  const { escalation } = approval
  if (!escalation || isExpired(approval, now)) return ''
  const when = escalation.due > now ? ago(escalation.due, now) : '(waits for a worker)'
  return `${cleanLine(escalation.to, 30)} ${when}`
}

/** Who may decide, briefly: that they can only deny is in the state. */
const forText = (approval: Approval): string =>
  cleanLine(approval.isDenyOnly ? 'anybody' : decidersText(approval), 30)

async function showApproval({ out, store, args }: Call): Promise<void> {
  await using ever = await openExisting(store)
  const approval = await resolveApproval(ever, args[0])
  const now = ever.store.clock.now()
  out.result(documentOf(approval), () => {
    const { due, votes, reason, assignee } = approval
    const lines = fields(out, [
      ['approval', approval.id],
      ['run', approval.run],
      ['tool', cleanLine(approval.tool)],
      ['arguments', jsonText(approval.args)],
      ['asks', clean(approval.prompt)],
      ['because', reason && clean(reason)],
      ['since', dateTime(approval.since)],
      ['expires', due === undefined ? 'never' : dateAndAgo(due, now)],
      ['state', stateText(approval, now)],
      ['votes', votesText(approval)],
      ...votes.map(({ by, verdict, reason: why = '' }): Field => [
        '',
        cleanLine(`${by === undefined || by === '' ? 'somebody' : by} ${verdict} ${why}`),
      ]),
      ['refused before', approval.refused && cleanLine(approval.refused, 400)],
      ['may decide', decidersText(approval)],
      ['handed to', assignee && cleanLine(assignee)],
      ['goes to', escalationText(approval, now)],
      ['digest', approval.digest],
    ])
    return [...lines, out.style('dim', `Next: ${decideCommand(approval, now)}`)]
  })
}

async function decide(
  { out, store, options, args }: Call<DecideOptions>,
  what: 'approve' | 'deny' | 'edit',
): Promise<void> {
  const edited =
    what === 'edit' ? await parseValue(args[1], 'The text of the arguments') : undefined
  await using ever = await openExisting(store)
  const approval = await resolveApproval(ever, args[0])
  const { id } = approval
  const decider: Decider = {
    by: options.by ?? userName(),
    channel: 'cli',
    // What stands in the ledger now is what is being decided about.
    shown: options.digest ?? approval.digest,
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  }
  if (what === 'deny') await ever.approvals.deny(id, decider)
  else {
    const others = what === 'edit' ? { args: edited } : {}
    await ever.approvals.approve(id, { ...decider, ...others })
  }
  const { approvals } = approval
  const before = what === 'edit' ? 0 : approval.votes.length // they were given to other arguments
  const approved = what === 'deny' ? before : before + 1
  const document = { approval: id, verdict: what, sent: true, approved, approvals }
  out.result(document, () => `${doneText(what, approval, approved)} (${id}).`)
}

/** What has happened so far: the run judges an answer, and a worker hands it to the run. */
function doneText(
  what: 'approve' | 'deny' | 'edit',
  { tool, approvals, argsSchema }: Approval,
  approved: number,
): string {
  const name = cleanLine(tool)
  if (what === 'deny') return `Denied: ${name}`
  if (what === 'edit') {
    const checks =
      argsSchema === undefined
        ? 'the run checks them when a worker takes it, and asks again if they do not fit'
        : "they fit the recorded schema of the tool; the tool's own code checks them when a worker takes it, and the run asks again if it refuses them"
    const anew = approvals === 1 ? '' : '. Where these need several people, they are asked anew'
    return `Sent: ${name} is approved with other arguments; ${checks}${anew}`
  }
  return approved < approvals
    ? `Approved ${approved} of ${approvals}: ${name} waits for ${approvals - approved} more`
    : `Approved${approvals === 1 ? '' : `, ${approved} of ${approvals}`}: ${name}`
}

async function snoozeApproval({ out, store, options, args }: Call<SnoozeOptions>): Promise<void> {
  await using ever = await openExisting(store)
  const { id } = await resolveApproval(ever, args[0])
  await ever.approvals.snooze(id, options.for as Duration, {
    by: options.by ?? userName(),
  })
  out.result({ approval: id, snoozed: options.for }, () => `Put off for ${options.for}: ${id}.`)
}

async function assignApproval({
  out,
  store,
  options,
  args,
}: Call<{ readonly by?: string }>): Promise<void> {
  const to = args[1] ?? ''
  if (to.trim() === '') {
    throw new EverloopError('BAD_OPTION', 'The name is empty: say to whom it is handed.')
  }
  await using ever = await openExisting(store)
  const { id } = await resolveApproval(ever, args[0])
  await ever.approvals.assign(id, to, { by: options.by ?? userName() })
  out.result({ approval: id, assignee: to }, () => `Handed to ${cleanLine(to)}: ${id}.`)
}

/** The approval that is meant. A run with one open approval stands for it. */
async function resolveApproval(ever: Ever, prefix = ''): Promise<Approval> {
  const named = await namedQuestion(ever, prefix, 'approval')
  return ever.approvals.get(named?.id ?? prefix)
}

const documentOf = ({ args, votes, ...rest }: Approval): object => ({
  ...rest,
  args: plain(args),
  votes: votes.map((vote) =>
    vote.args === undefined ? vote : { ...vote, args: plain(vote.args) },
  ),
})

const votesText = ({ votes, approvals }: Approval): string => `${votes.length} of ${approvals}`
