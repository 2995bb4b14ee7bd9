/**
 * Drives a finished run once more: from its ledger without the last entry, by code that finds
 * an empty outside world. It must come to the very same end without executing anything.
 */
import type { Entry } from '../../src/ledger/index.ts'
import { type AnyFlow, Ever, Flows } from '../../src/run/index.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { NewArtifact, RunRow, Store } from '../../src/store/store.ts'
import { agentOf, type AgentView } from './agent-flow.ts'
import { Chance } from './chance.ts'
import { interpret, type View } from './interpret.ts'
import { endKinds, type Mirror } from './mirror.ts'
import { never, Process } from './process.ts'
import { flowIn, inVersions, versions } from './flow-versions.ts'
import { recordOf } from './record-of.ts'
import { Scheduler } from './scheduler.ts'
import { takeBackAction } from './take-back.ts'
import type { World } from './world.ts'

const eventsMax = 2000

export async function redrive(world: World, run: Mirror, row: RunRow): Promise<void> {
  const last = run.head
  if (!last || !run.hasEnded || run.isWrittenByHand || !wasExecuted(run)) return
  const { report } = world
  const scheduler = new Scheduler(new Chance(world.seed, 'redrive'), 'time')
  const now = timeOfEnd(run, last)
  scheduler.jump(now - scheduler.clock.now())
  const store = memoryStore({ clock: { now: () => now } })
  await copy(world, run.entries.slice(0, -1), row, store)
  store.transact = () => {
    report.break('driven again', `a transaction is begun when run ${run.id} is driven again`)
    return never()
  }

  const process = new Process('redrive', scheduler, new Chance(world.seed, 'redrive'), 0)
  const ever = new Ever({
    store,
    ports: process.ports,
    flows: new Flows(idleFlows(world, run.id)),
    leaseMs: 10_000,
    name: 'redrive',
    redactor: world.redactor(),
    ...world.environment({
      judged: (_, { guard }) => againIn(world, run.id, `guard ${guard} is asked`),
    }),
    development: false,
    onTrouble: (error) =>
      report.break('driven again', `driving run ${run.id} again: ${String(error)}`),
  })
  void ever.work()
  let end: Entry | undefined
  let reading = false
  const look = (): boolean => {
    if (!reading) {
      reading = true
      void store.entries(run.id, { after: last.seq - 1 }).then((entries) => {
        end = entries.find(({ kind }) => endKinds.includes(kind))
        reading = false
      })
    }
    return end !== undefined || report.hasFailed
  }
  await scheduler.run(look, eventsMax)
  process.die()
  report.check(
    end?.kind === last.kind && end.payload === last.payload,
    'driven again',
    () =>
      `run ${run.id} ended with ${last.kind} ${last.payload}; driven again with ${end?.kind ?? 'nothing'} ${end?.payload ?? ''}`,
  )
}

/** An end that was reached before the deadline may have been written behind it. */
const timeOfEnd = ({ isOverdue, deadline = Infinity }: Mirror, { time }: Entry): number =>
  isOverdue ? time : Math.min(time, deadline - 1)

/**
 * Runs that were cancelled from outside of their code have no end that code could reach. Where a deadline
 * was found to have passed only at the end, it is chance whether code that is executed again is told before.
 */
function wasExecuted({ entries, isOverdue, isCancelling }: Mirror): boolean {
  if (isOverdue) return isCancelling
  const [last, before] = entries.toReversed()
  if (last?.kind !== 'run.cancelled') return true
  if (before?.kind === 'run.paused') return false
  // Code that has killed three workers in a row is not executed, not even to cancel.
  if (before?.kind === 'run.overtaken' && recordOf(before, before.kind).times >= 3) return false
  return entries.some(({ kind }) => kind === 'run.cancelling')
}

/** Writes what there was of the run into a store of its own. */
async function copy(
  world: World,
  entries: readonly Entry[],
  { flow: name, version, queue, labels, parent }: RunRow,
  store: Store,
): Promise<void> {
  const [genesis, ...rest] = entries
  if (!genesis) return
  const wake = store.clock.now()
  await store.createRun({ genesis, flow: name, version, queue, labels, parent, wake })
  const session = 'the past'
  await store.openSession({ token: session, leaseMs: 60_000, name: session })
  const { runs } = await store.claim({ session, flows: [{ name, version }], limit: 1 })
  await store.append({
    run: genesis.run,
    session,
    epoch: runs[0]?.epoch ?? 0,
    after: genesis,
    entries: rest,
    artifacts: await artifactsOf(world.store, rest),
    release: { wake, seen: 0 },
  })
  await store.closeSession(session)
}

async function artifactsOf(store: Store, entries: readonly Entry[]): Promise<NewArtifact[]> {
  const artifacts: NewArtifact[] = []
  for (const { payload } of entries) {
    for (const [, hash = ''] of payload?.matchAll(/"([\w-]{43})"/g) ?? []) {
      const bytes = await store.artifact(hash)
      if (bytes) artifacts.push({ hash, bytes })
    }
  }
  return artifacts
}

function againIn({ report }: Pick<World, 'report'>, id: string, what: string): Promise<never> {
  report.break('driven again', `${what} when run ${id} is driven again`)
  return never()
}

/** The same code, in a world in which nothing may happen any more. */
function idleFlows({ programs, report }: World, id: string): AnyFlow[] {
  const again = (what: string): Promise<never> => againIn({ report }, id, what)
  const view: View = {
    watch: (_, operation) => operation,
    same: (_, value) => value,
    asked: (_, input) => input,
    handed: () => {},
    formed: () => {},
    think: () => Promise.resolve(),
    retries: 0,
    mayBeRetried: false,
    version: undefined,
    outside: (_, { path, attempt }) => {
      report.break(
        'driven again',
        `attempt ${attempt} of "${path}" is executed when run ${id} is driven again`,
      )
      return Promise.resolve()
    },
    effect: (_, { path }) => again(`"${path}" is called`),
    findOut: (_, { path }) => again(`"${path}" is reconciled`),
    book: ({ path }) => void again(`"${path}" is booked`),
  }
  const agentView: AgentView = {
    asked: () => again('a model is asked'),
    attempted: () => again('a model is asked'),
    called: (_, __, { call }) => again(`tool call ${call} is executed`),
    findOut: () => again('a tool call is reconciled'),
    undone: () => again('a call is undone'),
    judged: (_, { guard }) => again(`guard ${guard} is asked`),
  }
  const takeBack = takeBackAction(() => again('something is undone'))
  return inVersions(versions, programs, (program, flows, version) => {
    const { name } = program
    if (program.is === 'flow') {
      const actions = [takeBack]
      return flowIn(version, program, {
        actions,
        run: (run) => interpret({ view, flows, programs, version }, run, program.body),
      })
    }
    const children = (at: number): AnyFlow => flows[at] as AnyFlow
    return agentOf(name, program.agent, agentView, { children, deployment: 0 })
  })
}
