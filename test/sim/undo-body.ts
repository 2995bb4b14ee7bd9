/** What undoes something in the outside world, and what must hold when it begins. */
import { undoKey } from '../../src/ledger/index.ts'
import type { UndoSpec } from './effect-spec.ts'
import type { Mirror } from './mirror.ts'
import { recordOf } from './record-of.ts'
import { never, type Process, untilAborted } from './process.ts'
import { type Actor, checkStart } from './start-checks.ts'
import type { Surroundings } from './surroundings.ts'
import { planOf } from './undo-plan.ts'

/** Longer than an action may take; the undo of a tool has no such limit. */
const hangMs = 4000

/** An attempt at undoing something. */
export interface UndoCall {
  readonly attempt: number
  readonly idempotencyKey: string
  /** The key of the call that is undone, where it is told. */
  readonly of: string | undefined
  /** The path of the registration, where it is told. */
  readonly path: string | undefined
  readonly result: unknown
  readonly signal: AbortSignal
}

/** Who undoes something: nobody's code is executed, so only the process knows what it holds. */
export const undoer = (world: Surroundings, process: Process, run: string): Actor => ({
  world,
  process,
  run: world.observer.run(run),
  epoch: process.epochs.get(run),
})

export async function undo(actor: Actor, spec: UndoSpec, call: UndoCall): Promise<unknown> {
  const { world, process, run, epoch } = actor
  const { outside, report } = world
  if (process.isDead) return never()
  const next = nextOf(run)
  if (run.epoch === epoch) checkUndo(actor, call)
  const { attempt, signal } = call
  if (world.mayCrash(process) && world.faults.strikes('worker crashes while it undoes')) {
    report.reach('undo interrupted by a crash')
    world.crash(process)
    return never()
  }
  await Promise.race([process.sleep(spec.ms, 'undo'), untilAborted(signal)])
  if (attempt <= spec.fails) {
    if (spec.hangs) await Promise.race([process.sleep(hangMs, 'undo'), untilAborted(signal)])
    throw new TypeError('It cannot be undone now.')
  }
  if (next && run.epoch === epoch) outside.undo(run.id, next.path, call.idempotencyKey)
  return 'undone'
}

/** What is to be undone next, as the ledger stands. */
function nextOf(run: Mirror): Mirror['plan'][number] | undefined {
  return run.plan.find(({ of }) => !run.undone.has(of))
}

function checkUndo(actor: Actor, call: UndoCall): void {
  const { world, run } = actor
  const { outside, report } = world
  const must = (condition: boolean, what: string): void =>
    report.check(condition, 'undo', () => `run ${run.id}: ${what}`)
  must(run.isUndoing, 'something is undone, but the run is not being undone')
  const next = nextOf(run)
  must(next !== undefined, 'something is undone, but nothing is left to be')
  if (!next) return
  const { of, path } = next
  const place = call.of === undefined ? undefined : outside.placeOf(call.of)
  const told = call.path ?? place?.path ?? path
  must(told === path, `"${told}" is undone, but "${path}" (entry ${of}) comes first`)
  const known = /^effect of (.*)/.exec(String(call.result))?.[1] ?? path
  must(known === path, `the result of "${known}" is handed over to undo "${path}"`)
  must(!outside.isOnItsWay(run.id, path), `"${path}" is undone while its request is on its way`)
  if (next.is === 'perhaps') report.reach('undone although nobody knows whether it happened')
  const key = undoKey(of, run.undoFailures.get(of))
  checkStart(actor, { path: key, attempt: call.attempt, isCleanup: true, isUndo: true })
}

/** What is wrong with how a run that ended was undone. */
export function* flawsOf(run: Mirror): Generator<string> {
  if (run.status !== 'failed' && run.status !== 'cancelled') return
  const plan = planOf(run.entries)
  const left = plan.find(({ of }) => !run.undone.has(of))
  // Whoever undid it by hand may have died over it: then somebody has to ask again.
  const isAsked = run.entries.filter(({ kind }) => kind === 'run.undoing').length > 1
  if (left && !isAsked) yield `"${left.path}" was to be undone, and is not`
  const wanted = plan.map(({ of }) => of)
  let done: number[] = []
  for (const entry of run.entries) {
    if (entry.kind === 'run.undoing') done = []
    if (entry.kind !== 'undo.completed' && entry.kind !== 'undo.failed') continue
    const { of } = recordOf(entry, entry.kind)
    done.push(of)
    const isInOrder = wanted.filter((one) => done.includes(one)).join() === done.join()
    if (!isInOrder) yield `undone were ${done.join()}, to be undone were ${wanted.join()}`
  }
}
