/**
 * The calm after the storm: faults have stopped, and now every run must come to its end. What
 * waits for the outside is given what it waits for, what waits for a date is taken there.
 */
import type { RunRow } from '../../src/store/store.ts'
import { isQuestion, type Mirror } from './mirror.ts'
import { isAwaitingEnd } from './child-checks.ts'
import { recordOf } from './record-of.ts'
import type { Operator } from './operator.ts'
import type { World } from './world.ts'

/** How long it may take until nothing is due or held any more, in milliseconds and in events. */
const calmMsMax = 900_000
const calmEventsMax = 12_000
const roundsMax = 500
/** How often it is looked whether the world has come to rest, in events. */
const lookEvery = 20

export async function settle(world: World, operator: Operator): Promise<void> {
  const { faults, report, workers, store } = world
  faults.end()
  world.isFull = false
  world.isDown = false
  report.trace(() => '** the faults have stopped')
  for (const { process } of workers) if (process.isHeld) process.thaw()
  for (const { name } of await store.queues()) world.limitQueue(name, null)
  for (const node of world.living) if (node.lacksActions || node.isOld) world.stop(node)
  if (world.living.length === 0) world.addWorker()
  const retried = new Set<string>()
  for (let round = 0; round < roundsMax; round++) {
    await rest(world, operator)
    if (report.hasFailed) return
    const rows = await store.runs({})
    const open = rows.filter(({ status }) => status === 'active' || status === 'paused')
    for (const row of rows) checkRest(world, row)
    if (report.hasFailed) return
    if (open.length === 0 && !retrySome(world, operator, rows, retried)) return
    await goOn(world, operator, { open, round })
  }
  report.break('liveness', `the runs did not end in ${roundsMax} rounds`)
}

/** Lets time pass until nothing is due, held or under way. */
async function rest(world: World, operator: Operator): Promise<void> {
  const { scheduler, report, observer, store } = world
  const end = scheduler.elapsed + calmMsMax
  const last = scheduler.events + calmEventsMax
  for (;;) {
    const next = scheduler.events + lookEvery
    await scheduler.run(() => report.hasFailed || scheduler.events >= next, lookEvery)
    if (report.hasFailed) return
    report.check(!scheduler.isEmpty, 'liveness', () => 'nothing is left that could happen')
    const isHeld = Array.from(observer.runs.values()).some(({ holder }) => holder !== undefined)
    if (!isHeld && operator.isIdle) {
      const now = scheduler.clock.now()
      const rows = await store.runs({})
      if (
        rows.every(
          ({ session, wake }) => session === undefined && !(wake !== undefined && wake <= now),
        )
      ) {
        return
      }
    }
    if (scheduler.elapsed > end || scheduler.events > last) {
      const rows = await store.runs({})
      const moving = rows.filter(({ session, wake }) => session !== undefined || wake !== undefined)
      const said = moving.map(
        ({ id, status, session, wake, epoch }) =>
          `${id} ${status} epoch ${epoch} ${session === undefined ? 'free' : 'held'} wake ${wake ?? 'never'}`,
      )
      report.break(
        'liveness',
        `the world does not come to rest (${scheduler.events} events, now ${scheduler.clock.now()}, operator ${operator.isIdle ? 'idle' : 'waiting'}): ${said.join('; ')}`,
      )
      return
    }
  }
}

/** A run that rests must have a reason to. */
function checkRest(world: World, row: RunRow): void {
  const { report, observer, scheduler } = world
  const run = observer.run(row.id)
  const { takeable } = run
  // A clock that went back after the wake-up delays it.
  const isAwake = row.wake !== undefined && row.wake <= scheduler.peak
  report.check(
    takeable === undefined || isAwake,
    'S4',
    () =>
      `run ${row.id} rests, but could take message ${takeable?.number} (${takeable?.kind} ${takeable?.name})`,
  )
  if (row.status !== 'active') return
  report.check(
    row.wake !== undefined || hasReason(world, run),
    'liveness',
    () => `run ${row.id} is active, rests, and nothing can wake it: ${waitsOf(run)}`,
  )
  const due = run.nextDue
  // A clock that went back leaves wake-ups in the future behind.
  const latest = Math.max(due ?? 0, scheduler.clock.now() < scheduler.peak ? scheduler.peak : 0)
  report.check(
    due === undefined || (row.wake !== undefined && row.wake <= latest),
    'due times',
    () =>
      `run ${row.id} waits until ${due}, but is due at ${row.wake ?? 'no time'}: ${waitsOf(run)} (now ${scheduler.clock.now()})`,
  )
}

/** Something outside of the run can still bring it on. */
function hasReason(world: World, run: Mirror): boolean {
  for (const entry of run.begun.values()) {
    if (entry.kind === 'signal.awaited' || isQuestion(entry)) return true
    if (entry.kind !== 'child.started') continue
    const child = world.observer.runs.get(recordOf(entry, entry.kind).run)
    if (child && !child.hasEnded) return true
  }
  return isAwaitingEnd(world.observer, run)
}

const waitsOf = (run: Mirror): string =>
  Array.from(run.begun, ([path, { kind }]) => `${path} ${kind}`).join(', ') ||
  'it waits for nothing'

/** Gives the runs what they wait for, or takes the clock to the next date. */
async function goOn(
  world: World,
  operator: Operator,
  { open, round }: { readonly open: readonly RunRow[]; readonly round: number },
): Promise<void> {
  const { scheduler, chance } = world
  for (const { id, status } of open) {
    if (status === 'paused') operator.resume(id, { anew: round % 3 === 2 })
    else if (chance.roll(0.7)) operator.feed(world.observer.run(id))
  }
  if (!operator.isIdle) return
  const due = open.flatMap(({ wake }) => wake ?? [])
  if (due.length === 0) {
    for (const { id } of open) operator.feed(world.observer.run(id))
    return
  }
  const next = due.reduce((a, b) => Math.min(a, b))
  const left = next - scheduler.clock.now()
  const wasDown = left > 1000 && chance.roll(0.3)
  if (wasDown) await takeDown(world)
  if (left > 20_000 || wasDown) world.jump(Math.max(0, left - chance.between(-2000, 2000)))
  if (wasDown) world.addWorker()
}

/** Stops all workers for a while. */
async function takeDown(world: World): Promise<void> {
  for (const node of world.living) world.stop(node)
  await untilStopped(world)
}

export async function untilStopped(world: World): Promise<void> {
  const { scheduler, report, workers } = world
  const end = scheduler.elapsed + calmMsMax
  const areStopped = (): boolean =>
    workers.every(({ process, isClosed }) => process.isDead || isClosed)
  await scheduler.run(
    () => report.hasFailed || areStopped() || scheduler.elapsed > end,
    calmEventsMax,
  )
  if (report.hasFailed || areStopped()) return
  const stuck = workers.filter(({ process, isClosed }) => !process.isDead && !isClosed)
  report.break(
    'liveness',
    `stopping does not end: ${stuck.map(({ process }) => process.name).join()}`,
  )
}

/** Failed runs are told to go on once, at times: those that another one has started before it, or with it. */
function retrySome(
  world: World,
  operator: Operator,
  rows: readonly RunRow[],
  retried: Set<string>,
): boolean {
  if (!world.faults.enabled.includes('operator retries')) return false
  const failed = rows.filter(({ id, status }) => status === 'failed' && !retried.has(id))
  const below = failed.filter(({ parent }) => failed.some(({ id }) => id === parent))
  const isBelowFirst = rows.length % 2 === 0 && below.length > 0
  for (const { id } of isBelowFirst ? below : failed) {
    retried.add(id)
    operator.retry(id, { anew: rows.length % 3 === 0 })
  }
  return failed.length > 0
}
