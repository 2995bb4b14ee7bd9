/**
 * What has come from outside goes where the words go: to the runs below and above, and past every worker
 * that dies (O1, O2). Which calls have read it is computed anew, from the ledgers.
 */
import { explicitKey, operationPath, type Taint } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import type { Mirror } from './mirror.ts'
import type { Must } from './must.ts'
import { recordOf } from './record-of.ts'
import type { Sight } from './sight.ts'
import { TurnView } from './turn-view.ts'

/** A run keeps no more of them. */
const taintsMax = 16

/** Of a call, by the run that made it. Ids are told apart by the tool, as models use them again. */
const nameOf = (run: string, { call, tool }: Taint): string =>
  `call ${call} of ${tool} by run ${run}`

/** What a guard is told. */
interface Told {
  readonly tainted: readonly Taint[]
  readonly position: string
  readonly call: string
}

/** Whoever judges for a run is told of all that has reached it. */
export function checkTainted(
  sight: Sight,
  run: Mirror,
  { tainted, position, call }: Told,
  must: Must,
): void {
  const known = new Set(taintsOf(sight, run))
  // It is told of the call whose result it is shown.
  const tool = position === 'result' && taintingTool(sight, run, committedIn(run) + 1, call)
  if (tool) known.add(nameOf(run.id, { call, tool }))
  checkTold(run, tainted, known, must)
  if (tainted.length > 0) sight.report.reach('guard told of what came from outside')
  if (tainted.some((taint) => taint.run !== undefined && taint.run !== run.id)) {
    sight.report.reach('guard told of what came from outside to another run')
  }
}

/** A run that another one starts is told of all that has reached that one. */
export function checkChildTaints(sight: Sight, parent: Mirror, genesis: Entry, must: Must): void {
  const { taints = [] } = recordOf(genesis, 'run.started')
  checkTold(parent, taints, new Set(taintsOf(sight, parent)), must)
}

function checkTold(
  run: Mirror,
  taints: readonly Taint[],
  known: ReadonlySet<string>,
  must: Must,
): void {
  const told = taints.map((taint) => nameOf(taint.run ?? run.id, taint))
  const missing = [...known].filter((name) => !told.includes(name))
  const isFull = taints.length >= taintsMax
  must(missing.length === 0 || isFull, 'O1', `of ${missing.join(', ')} nothing is told`)
  must(new Set(told).size === told.length, 'O1', `${told.join(', ')} are told, one of them twice`)
}

/** The calls that have brought this run something from outside, for certain. */
function* taintsOf(sight: Sight, run: Mirror): Generator<string> {
  const children = new Map<string, string>()
  for (const entry of run.entries) {
    const { kind, scope, key } = entry
    const path = operationPath(scope, key)
    if (kind === 'run.started') {
      for (const taint of recordOf(entry, kind).taints ?? []) yield nameOf(taint.run ?? '', taint)
    }
    if (kind === 'child.started') children.set(path, recordOf(entry, kind).run)
    const child = sight.runs.get(children.get(path) ?? '')
    // One that was retried may have read more since it told.
    if (kind === 'child.completed' && child?.retries === 0) yield* taintsOf(sight, child)
  }
  for (let turn = 1; turn <= committedIn(run); turn++) {
    for (const { id = '' } of new TurnView(run, turn).answer?.content ?? []) {
      const outcome = run.outcomes.get(operationPath(`turns/${turn}`, explicitKey(`call:${id}`)))
      const tool = outcome && taintingTool(sight, run, turn, id)
      if (tool) yield nameOf(run.id, { call: id, tool })
    }
  }
}

/** The turns that are over: the code has been handed all that was done in them. */
const committedIn = (run: Mirror): number => run.turns.get('turns') ?? 0

/** The tool of this call, if it reads what is outside. */
function taintingTool(
  { agents }: Sight,
  run: Mirror,
  turn: number,
  call: string,
): string | undefined {
  const made = new TurnView(run, turn).answer?.content.find(({ id }) => id === call)
  const tool = agents.get(run.flow)?.tools.find(({ name }) => name === made?.name)
  return tool?.does === 'effect' && tool.taints ? tool.name : undefined
}
