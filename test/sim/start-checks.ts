/** What must hold at the moment at which the body of a step begins. */
import type { Mirror } from './mirror.ts'
import { recordOf } from './record-of.ts'
import type { Process } from './process.ts'
import type { Surroundings } from './surroundings.ts'

/** Who executes something: a process, for a run that it holds or believes to hold. */
export interface Actor {
  readonly world: Surroundings
  readonly process: Process
  readonly run: Mirror
  readonly epoch: number | undefined
}

/** A body that begins. */
export interface Start {
  readonly path: string
  readonly attempt: number
  readonly isCleanup: boolean
  /** It must not be repeated. */
  readonly isOnce?: boolean
  /** It undoes something. */
  readonly isUndo?: boolean
}

export function checkStart(actor: Actor, start: Start): void {
  const { world, process, run, epoch } = actor
  const { path, attempt, isCleanup, isOnce = false, isUndo = false } = start
  const { observer, report, executions } = world
  const must = (condition: boolean, invariant: string, what: string): void =>
    report.check(condition, invariant, () => `run ${run.id}: ${what}`)
  report.trace(() => `   ${process.name} executes ${run.id} ${path} attempt ${attempt}`)
  if (isOnce) checkIntent(actor, start, must)
  if (run.epoch !== epoch) {
    report.reach('zombie executed a step')
    return
  }
  must(
    run.notBefore <= observer.peak,
    'due times',
    `step "${path}" begins, but the run is to begin later`,
  )
  must(!run.outcomes.has(path), 'effects', `step "${path}" is executed although it has an outcome`)
  const done = run.successAround(path)
  must(
    done === undefined,
    'effects',
    `step "${path}" is executed although entry ${done?.seq} (${done?.kind}) had ended it well`,
  )
  must(isCleanup || !run.knowsCancel, 'cancel', `step "${path}" begins after the cancel`)
  must(isUndo || !run.isUndoing, 'cancel', `step "${path}" begins while the run is being undone`)
  if (isCleanup && !isUndo && run.isCancelling)
    report.reach('operation in a cleanup after a cancel')
  if (attempt > 1 && !isOnce) {
    const before = run.begun.get(path)
    const isRetry = before?.kind === 'step.retrying' || before?.kind === 'undo.retrying'
    const record = isRetry ? recordOf(before, 'step.retrying') : undefined
    must(
      record?.attempt === attempt - 1,
      'retries',
      `attempt ${attempt} of "${path}" begins, recorded are ${record?.attempt ?? 0}`,
    )
    must((record?.due ?? 0) <= observer.peak, 'due times', `"${path}" is tried again too early`)
  }
  const key = `${run.id}\n${isOnce ? '' : run.retries}\n${path}\n${attempt}`
  const before = executions.get(key)
  executions.set(key, run.epoch)
  if (before === undefined) return
  must(
    !isOnce,
    'effects',
    `attempt ${attempt} of "${path}", which must not repeat, is executed twice`,
  )
  must(
    before !== run.epoch,
    'effects',
    `attempt ${attempt} of "${path}" is executed twice in one pass`,
  )
  must(
    !run.released.has(before),
    'effects',
    `attempt ${attempt} of "${path}" is executed again although epoch ${before} gave the run back`,
  )
}

/**
 * The body of a transactional step begins: in the transaction that would record it, so whatever the
 * ledger says is what its fence and head were compared with.
 */
export function checkBooking(
  { world, process, run, epoch }: Actor,
  { path, isCleanup }: Pick<Start, 'path' | 'isCleanup'>,
): void {
  const { outside, report } = world
  const must = (condition: boolean, invariant: string, what: string): void =>
    report.check(condition, invariant, () => `run ${run.id}: ${what}`)
  report.trace(() => `   ${process.name} books ${run.id} ${path}`)
  must(run.epoch === epoch, 'fence', `"${path}" is booked by a zombie`)
  must(!run.outcomes.has(path), 'effects', `"${path}" is booked although it has an outcome`)
  must(run.successAround(path) === undefined, 'effects', `"${path}" had ended well before`)
  must(outside.bookingsOf(run.id, path) === 0, 'effects', `"${path}" is booked a second time`)
  must(isCleanup || !run.knowsCancel, 'cancel', `"${path}" is booked after the cancel`)
  must(!run.isUndoing, 'cancel', `"${path}" is booked while the run is being undone`)
}

/** E1: the intent of this very attempt is durable, and was written by this very holder. */
function checkIntent(
  { run, epoch, world }: Actor,
  { path, attempt }: Start,
  must: (condition: boolean, invariant: string, what: string) => void,
): void {
  const call = run.calls.get(path)
  const isMine = run.intents.has(`${path}\n${attempt}\n${epoch}`)
  must(isMine, 'E1', `"${path}" is called without an intent of attempt ${attempt}`)
  if (run.epoch !== epoch) return
  must(
    call?.attempt === attempt && call.state === 'open',
    'E1',
    `attempt ${attempt} of "${path}" is called while the ledger says ${call?.state} of attempt ${call?.attempt}`,
  )
  must(
    !world.outside.hasHappened(run.id, path) && !world.outside.isOnItsWay(run.id, path),
    'effects',
    `"${path}" is called again although it has happened`,
  )
}
