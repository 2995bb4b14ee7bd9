/**
 * The bodies of calls that change the outside world, and of what finds out about them. A body is
 * honest: it sends nothing once it was aborted or its time is over, and a request that it has sent
 * arrives within the settle time.
 */
import { NotDone } from '../../src/base/errors.ts'
import { done, type Finding, notDone, unknown } from '../../src/run/effects/finding.ts'
import { effectValue, type EffectSpec } from './effect-spec.ts'
import { never, untilAborted } from './process.ts'
import { type Actor, checkStart } from './start-checks.ts'

/** An attempt at a call. */
export interface Call {
  readonly path: string
  readonly attempt: number
  readonly idempotencyKey: string
  readonly isCleanup: boolean
  readonly signal: () => AbortSignal
}

/** Executes an attempt in the outside world. */
export async function perform(actor: Actor, spec: EffectSpec, call: Call): Promise<unknown> {
  const { world, process, run } = actor
  const { outside, report } = world
  const { path, attempt, idempotencyKey: key } = call
  if (process.isDead) return never()
  const isOnce = spec.effect === 'once'
  checkStart(actor, { ...call, isOnce })
  outside.meet(run.id, path, key, spec)
  const crashes = (): boolean => {
    if (!world.mayCrash(process) || !world.faults.strikes('worker crashes in a step')) return false
    world.crash(process)
    return true
  }
  const pass = (ms: number): Promise<unknown> =>
    spec.heeds
      ? Promise.race([process.sleep(ms, 'effect'), untilAborted(call.signal())])
      : process.sleep(ms, 'effect')
  const manner = attempt <= spec.fails ? spec.manner : 'returns'

  if (crashes()) {
    report.reach('crash in the body of a step')
    if (isOnce) report.reach('crash between intent and act')
    return never()
  }
  await pass(spec.ms)
  if (manner === 'throws NotDone') throw new NotDone('It was refused.')
  if (manner === 'throws before') throw new TypeError('It was not reached.')
  if (manner === 'hangs before') return untilAborted(call.signal())
  const intent = `${path}\n${attempt}\n${actor.epoch}`
  if (call.signal().aborted || (isOnce && isTooLate(actor, spec, intent))) {
    throw new TypeError('It was not sent.')
  }

  if (spec.effect !== 'read') {
    const arrived = outside.send(
      { run, path, key, effect: spec.effect, attempt, process, epoch: actor.epoch },
      spec.travelMs,
    )
    if (crashes()) {
      report.reach('crash between act and outcome')
      return never()
    }
    if (manner === 'throws after') throw new TypeError('The connection was reset.')
    if (manner === 'hangs after') return untilAborted(call.signal())
    await (spec.heeds ? Promise.race([arrived, untilAborted(call.signal())]) : arrived)
    if (process.isDead) return never()
  }
  await (manner === 'returns late'
    ? process.sleep(spec.timeoutMs + spec.afterMs, 'effect')
    : pass(spec.afterMs))
  if (crashes()) {
    if (spec.effect !== 'read') report.reach('crash between act and outcome')
    return never()
  }
  return effectValue(path)
}

/** Its time is over by either clock: the wall clock may have been set back while the process was frozen. */
function isTooLate({ world, run }: Actor, { settleMs }: EffectSpec, intent: string): boolean {
  const { scheduler, observer } = world
  const due = run.intents.get(intent) ?? Infinity
  const landed = observer.landed.get(`${run.id}\n${intent}`) ?? Infinity
  return due - settleMs < scheduler.clock.now() || landed - settleMs < scheduler.elapsed
}

/** Asks the outside world whether the call with this key happened. */
export async function findOut(
  { world, process, run, epoch }: Actor,
  spec: EffectSpec,
  { path, idempotencyKey: key }: { readonly path: string; readonly idempotencyKey: string },
): Promise<Finding> {
  const { outside, report } = world
  if (process.isDead) return never()
  report.trace(() => `   ${process.name} reconciles ${run.id} ${path}`)
  const place = outside.placeOf(key)
  report.check(
    place === undefined || (place.run === run.id && place.path === path),
    'effects',
    () => `reconcile of "${path}" of run ${run.id} is handed the key of ${JSON.stringify(place)}`,
  )
  if (run.epoch === epoch) {
    report.check(
      run.calls.get(path)?.state === 'doubt',
      'E2',
      () => `"${path}" of run ${run.id} is reconciled, but not in doubt`,
    )
    report.check(
      !outside.isOnItsWay(run.id, path),
      'E2',
      () => `"${path}" of run ${run.id} is looked for while its request is on its way`,
    )
  }
  await process.sleep(world.chance.below(400), 'reconcile')
  switch (spec.reconcile) {
    case 'throws':
      throw new TypeError('The bank is closed.')
    case 'cannot tell':
      return unknown('The bank does not say.')
    default: {
      const [deed] = outside.deedsOf(run.id, path)
      if (deed?.isOrphan) report.reach('late landing effect found by reconcile')
      return deed ? done(effectValue(path)) : notDone()
    }
  }
}
