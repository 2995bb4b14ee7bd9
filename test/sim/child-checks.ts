/** What must hold when an agent starts another run: it was let to, and that one keeps its limits. */
import { operationPath } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import { amountsOf } from './accounts.ts'
import { checkCall } from './call-checks.ts'
import type { Mirror } from './mirror.ts'
import type { Must } from './must.ts'
import { recordOf } from './record-of.ts'
import type { Sight } from './sight.ts'
import { planOf } from './undo-plan.ts'
import { numberIn } from './tool-face.ts'
import { TurnView } from './turn-view.ts'

/** A call that is a run of its own was allowed as every other. */
export function checkDelegation(sight: Sight, run: Mirror, entry: Entry, must: Must): void {
  const agent = sight.agents.get(run.flow)
  if (!agent || entry.kind !== 'child.started') return
  const path = operationPath(entry.scope, entry.key)
  const call = TurnView.around(run, path).answer?.content.find(({ id }) => path.endsWith(`:${id}`))
  const tool = agent.tools.find(({ name }) => name === call?.name)
  const id = call?.id
  if (!tool || id === undefined) return
  const isSteady = sight.steadyAgent(run.flow) !== undefined
  const [genesis] = sight.runs.get(recordOf(entry, entry.kind).run)?.entries ?? []
  const n = numberIn(genesis && recordOf(genesis, 'run.started').input) ?? 0
  checkCall(run, agent, { tool, args: undefined, n, path, id }, { isSteady, must })
}

/** Remembers what a run that goes on has started and could go on with it (R5). */
export function noteChildren(sight: Sight, run: Mirror): void {
  run.standing.clear()
  for (const [path, started] of run.started) {
    const child = sight.runs.get(recordOf(started, 'child.started').run)
    if (child && canGoOn(child)) run.standing.set(path, child.entries.length)
  }
}

const canGoOn = ({ status, isUndoing, isOverdue }: Mirror): boolean =>
  !isUndoing && (status === 'completed' || (status === 'failed' && !isOverdue))

/** R5: no other run does what one has done that a retry asks for again. Called before the entry counts. */
export function checkSameChild(sight: Sight, run: Mirror, entry: Entry, must: Must): void {
  const path = operationPath(entry.scope, entry.key)
  const before = run.started.get(path)
  if (entry.kind !== 'child.started' || !before) return
  const old = recordOf(before, entry.kind)
  const { run: id, flow, input } = recordOf(entry, entry.kind)
  const child = sight.runs.get(old.run)
  if (!child) return
  if (id === old.run) {
    must(run.retries > 0, 'children', 'it is started twice, but the run was not retried')
    sight.report.reach(reached[child.status])
    return
  }
  sight.report.reach('child started anew by a retry')
  const hasMoved = child.entries.length !== run.standing.get(path)
  const isOther = old.flow !== flow || old.input !== input
  must(hasMoved || isOther, 'children', `run ${old.run} could have gone on`)
  must(child.hasEnded, 'children', `run ${old.run} had not ended`)
  const isRepeated = leavesDone(sight, child)
  must(run.mayBeginAnew || !isRepeated, 'children', `it repeats what run ${old.run} has done`)
  const isFree = run.mayBeginAnew || haveEnded(sight, child)
  must(isFree, 'children', `not all runs below ${old.run} had ended`)
  if (isRepeated) sight.report.reach('what a child had done done again, as agreed')
}

/** It has called what must not be repeated, or what can be undone, and that surely happened and is not undone. */
function leavesDone(sight: Sight, run: Mirror): boolean {
  const { entries } = run
  const undone = new Set(
    entries.flatMap((entry) =>
      entry.kind === 'undo.completed' ? recordOf(entry, entry.kind).of : [],
    ),
  )
  if (entries.some(isTransacted)) return true
  const plan = planOf(entries)
  if (plan.some(({ of, is }) => is === 'sure' && !undone.has(of))) return true
  const planned = new Set(plan.map(({ path }) => path))
  for (const [path, { state }] of run.calls) if (state === 'done' && !planned.has(path)) return true
  return below(sight, run).some((child) => leavesDone(sight, child))
}

/** Whether the run is rightly paused because of what a child has done, which cannot go on. */
export function isForWantOfConsent(sight: Sight, run: Mirror): boolean {
  if (run.retries === 0 || run.mayBeginAnew) return false
  const ended = Array.from(run.started.values(), (started) =>
    sight.runs.get(recordOf(started, 'child.started').run),
  )
  return ended.some(
    (child) => child?.hasEnded && (hasActed(sight, child) || !haveEnded(sight, child)),
  )
}

/** All runs below this one. */
const haveEnded = (sight: Sight, run: Mirror): boolean =>
  below(sight, run).every((child) => child.hasEnded && haveEnded(sight, child))

const hasActed = (sight: Sight, run: Mirror): boolean =>
  run.entries.some(
    (entry) =>
      entry.kind === 'effect.intended' || entry.kind === 'undo.registered' || isTransacted(entry),
  ) || below(sight, run).some((child) => hasActed(sight, child))

const isTransacted = (entry: Entry): boolean =>
  entry.kind === 'step.completed' && recordOf(entry, entry.kind).transacted === true

/** The runs that it has started. */
const below = ({ runs }: Sight, { entries }: Mirror): readonly Mirror[] =>
  entries.flatMap((entry) =>
    entry.kind === 'child.started' ? (runs.get(recordOf(entry, entry.kind).run) ?? []) : [],
  )

/** A retry asks for a run that was cancelled and has not ended: that is waited for, and nothing is written. */
export const isAwaitingEnd = (
  { runs }: Sight,
  { retries, started, outcomes, begun }: Mirror,
): boolean =>
  retries > 0 &&
  Array.from(started).some(
    ([path, entry]) =>
      !outcomes.has(path) &&
      !begun.has(path) &&
      runs.get(recordOf(entry, 'child.started').run)?.hasEnded === false,
  )

const reached = {
  active: 'child under way found by a retry',
  paused: 'child under way found by a retry',
  completed: 'output of a child taken by a retry',
  failed: 'child retried with its parent',
  cancelled: 'child under way found by a retry',
} as const satisfies Record<Mirror['status'], string>

/** A run keeps the limits of the agent that has started it, and those that this one has to keep. */
export function checkLimits(sight: Sight, parent: Mirror, genesis: Entry, must: Must): void {
  const agent = sight.steadyAgent(parent.flow)
  if (!agent) return
  const { ancestors = [] } = recordOf(genesis, 'run.started')
  const kept = ancestors.find(({ run }) => run === parent.id)?.limits ?? {}
  for (const [what, limit] of Object.entries(amountsOf(agent.budget))) {
    const most = Math.max(limit, sight.accounts.raisedOf(parent.id, what))
    const said = `its limit of ${what} is ${kept[what]}, that of ${parent.id} is ${limit}`
    must((kept[what] ?? Infinity) >= limit && (kept[what] ?? Infinity) <= most, 'budgets', said)
    if (agent.imposed.length > 0) sight.report.reach('child kept to the limits of a policy')
  }
  for (const { run, limits } of parent.ancestors) {
    const isKept = limits === undefined || ancestors.some((one) => one.run === run && one.limits)
    must(isKept, 'budgets', `it does not keep the limits of ${run}`)
  }
}
