/** What must hold of the whole world when everything has come to its end. */
import { isDeepStrictEqual } from 'node:util'
import { operationPath } from '../../src/ledger/index.ts'
import { checkInvariants } from '../../src/ledger/invariants/invariants.ts'
import type { RunRow } from '../../src/store/store.ts'
import { expected, fits } from './model.ts'
import type { Mirror } from './mirror.ts'
import { recordOf } from './record-of.ts'
import type { Operator } from './operator.ts'
import { outputOf } from './output-of.ts'
import { redrive } from './redrive.ts'
import { flawsOf } from './undo-body.ts'
import type { World } from './world.ts'

export async function checkAtRest(world: World, operator: Operator): Promise<void> {
  const { report, observer, store } = world
  for (const run of observer.runs.values()) {
    const row = await store.run(run.id)
    report.check(row !== undefined, 'durability', () => `run ${run.id} is gone`)
    if (!row) continue
    await checkRows(world, run, row)
  }
  if (report.hasFailed) return
  checkDeeds(world)
  checkBookings(world)
  checkOutcomes(world, operator)
  for (const session of await store.sessions()) {
    report.check(
      session.holds === 0,
      'liveness',
      () => `a session still holds ${session.holds} runs`,
    )
  }
  if (report.hasFailed) return
  for (const run of observer.runs.values()) {
    const row = await store.run(run.id)
    if (row) await redrive(world, run, row)
  }
}

/** Entries are what was acknowledged, and keep all rules of the ledger, rows included. */
async function checkRows(world: World, run: Mirror, row: RunRow): Promise<void> {
  const { report, store } = world
  const must = (condition: boolean, invariant: string, what: () => string): void =>
    report.check(condition, invariant, () => `run ${run.id}: ${what()}`)
  const entries = await store.entries(run.id)
  must(
    entries.length === run.entries.length &&
      entries.every(({ hash }, i) => hash === run.entries[i]?.hash),
    'durability',
    () => `the store has ${entries.length} entries, ${run.entries.length} were acknowledged`,
  )
  const spent = world.observer.accounts.of(run.id)
  const account = await store.account(run.id)
  must(
    isDeepStrictEqual({ ...account }, spent),
    'rows',
    () => `its account says ${JSON.stringify(account)}, its entries ${JSON.stringify(spent)}`,
  )
  const { status, code, seq, hash } = row
  const questions = (await store.questions({ run: run.id })).map(({ wait }) => wait.seq)
  const rows = {
    head: { seq, hash },
    started: row,
    status: { is: status, code },
    scopes: await store.openScopes(run.id),
    questions,
  }
  for (const { id, seq: at, what } of checkInvariants(entries, rows)) {
    must(false, id, () => `entry ${at}: ${what}`)
  }
  for (const { path, epoch } of await store.chunks(run.id, 0, Infinity)) {
    must(!run.hasEnded && !run.outcomes.has(path), 'S10', () => `"${path}" is over and shows text`)
    must(epoch <= run.epoch, 'S10', () => `"${path}" shows text of epoch ${epoch}`)
  }
  for (const flaw of flawsOf(run)) must(false, 'undo', () => flaw)
  const inbox = await store.messages(run.id, ['go', 'tick', 'data'])
  const kept = inbox.every(({ number }) => run.inbox.has(number))
  must(kept, 'S5', () => `messages ${inbox.map(({ number }) => number).join()} are in the inbox`)
}

/** Everything that happened, and could be undone, is in the plan of a run that ended badly. */
function checkDeeds({ report, outside }: World): void {
  for (const { run, path, effect, isLate, isZombie } of outside.deeds) {
    if (run.status !== 'failed' && run.status !== 'cancelled') continue
    if (!outside.specOf(run.id, path)?.undo) continue
    // Who does not know that it has lost the run can do what may be repeated even afterwards.
    if (isLate && isZombie && effect === 'idempotent') continue
    const isPlanned = run.plan.some((one) => one.path === path)
    const when = isLate ? ', after the others were undone' : ''
    report.check(
      isPlanned && !isLate,
      'undo',
      () => `"${path}" of run ${run.id} happened${when}, and is not undone`,
    )
  }
}

/** Rows are there exactly when their step is recorded. */
function checkBookings({ report, outside, observer }: World): void {
  for (const { run, path, times } of outside.bookings) {
    const isRecorded = observer.run(run).successes.get(path)?.kind === 'step.completed'
    const what = `"${path}" of run ${run} was booked ${times} times`
    report.check(
      times === 1 && isRecorded,
      'transactions',
      () => `${what}, recorded: ${isRecorded}`,
    )
  }
  for (const run of observer.runs.values()) {
    for (const [path, { key }] of run.successes) {
      if (!/^booking-\d+(?:~\d+)?$/.test(key)) continue
      const times = outside.bookingsOf(run.id, path)
      report.check(
        times === 1,
        'transactions',
        () => `"${path}" of run ${run.id} is recorded, and was booked ${times} times`,
      )
    }
  }
}

/** Runs that nobody interfered with end as the model says. */
function checkOutcomes(world: World, operator: Operator): void {
  const { extras, report, observer, programs } = world
  for (const { id, flow } of operator.started) {
    const run = observer.runs.get(id)
    report.check(run !== undefined, 'S1', () => `run ${id} was started, but is not there`)
    if (!run || isDisturbed(world, run) || extras.isRedacted) continue
    const wanted = expected(programs, flow)
    const { end } = run
    if (wanted.is === 'unknown' || !end) continue
    const should = wanted.is === 'value' ? 'run.completed' : 'run.failed'
    report.check(
      end.kind === should,
      'model',
      () => `run ${id} ended with ${end.kind} ${end.payload}, not ${should}`,
    )
    if (end.kind !== should || report.hasFailed) continue
    if (wanted.is === 'value') {
      const output = outputOf(end, observer.artifacts)
      report.check(
        fits(wanted.value, output),
        'model',
        () => `run ${id} has the output ${end.payload}`,
      )
    } else {
      const { code } = recordOf(end, 'run.failed').error
      report.check(
        code === wanted.root,
        'model',
        () => `run ${id} failed with ${code}, not ${wanted.root}`,
      )
    }
  }
}

/**
 * Somebody cancelled it, its deadline passed, a call could not be made in time because a worker or
 * the store were slow, or any of this befell one of its children.
 */
function isDisturbed(world: World, run: Mirror): boolean {
  const { observer, outside } = world
  if (run.isOverdue) return true
  const isCutShort = run.entries.some(({ kind, scope, key }) => {
    if (kind === 'run.cancelling' || kind === 'run.cancelled') return true
    const path = operationPath(scope, key)
    return (
      kind === 'step.failed' && (run.calls.has(path) || outside.specOf(run.id, path) !== undefined)
    )
  })
  if (isCutShort) return true
  return Array.from(observer.runs.values()).some(
    (child) => child.parent === run.id && isDisturbed(world, child),
  )
}
