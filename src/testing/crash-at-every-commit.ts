/**
 * Executes a flow again and again, each time killing its worker at another commit: shortly before
 * it, and after it when its reply is lost. However often it is killed, the outcome must be the one
 * of a life without crashes.
 */
import { checkCount, checkFunctions, checkOptions } from '../base/options.ts'
import { decode, encode, operationPath, type Payloads } from '../ledger/index.ts'
import type { AnyFlow, Flow, OnBody, RunReference, Settled, StartOptions } from '../run/index.ts'
import type { Store } from '../store/store.ts'
import { ledgerFlaws } from './ledger-flaws.ts'
import { replay } from './replay.ts'
import type { Interceptor } from './gate.ts'
import {
  type TestRuntime,
  testRuntime,
  type TestRuntimeOptions,
  testRuntimeOptions,
} from './test-runtime.ts'

/** How `crashAtEveryCommit` drives a run, and what it tries. */
export interface CrashOptions<Output> extends Omit<
  TestRuntimeOptions,
  'flows' | 'onCall' | 'onBody'
> {
  /** Plays the world: answers, signals, lets time pass. Default: lets the run come to rest. */
  readonly drive?: (runtime: TestRuntime, run: RunReference<Output>) => Promise<void>
  /** How the run is started: what `start` takes. Its id is "run" unless you say another one. */
  readonly run?: StartOptions
  /** Only every n-th commit: for stores that are slow to open. Default 1. */
  readonly every?: number
  /** Called before each life of the run: puts back what the flow's closures hold. */
  readonly prepare?: () => void
  /** Flows besides the one that is tested: its children. */
  readonly flows?: readonly AnyFlow[]
}

/** Where a worker was killed. */
export interface CrashPoint {
  /** Commits of the worker are numbered from 1. */
  readonly commit: number
  /** `before` it reached the store, or `after` it was durable, its reply lost. */
  readonly at: 'before' | 'after'
}

/** How a run ended, without what differs between any two lives: times and ids. */
export type Outcome =
  | { readonly status: 'completed'; readonly output: unknown }
  | { readonly status: 'failed'; readonly error: unknown }
  | { readonly status: 'cancelled'; readonly reason: string }
  | { readonly status: 'paused'; readonly code: string }
  | { readonly status: 'waiting'; readonly on: readonly string[] }

/** What came of a flow whose process died at each of its commits. */
export interface CrashReport {
  /** How many crashes were tried. */
  readonly boundaries: number
  /** How the run ended without a crash. */
  readonly live: Outcome
  /** Each distinct outcome, the one without a crash first. One, unless something is wrong. */
  readonly outcomes: readonly Outcome[]
  /** What led to each outcome that is not the one without a crash. */
  readonly strays: readonly { readonly point: CrashPoint; readonly outcome: Outcome }[]
  /**
   * How often each step body was executed without a crash, by its path: those of an agent's calls too,
   * and those of a run below behind the path of the call that started it (`turns/2/=call:w > inner`).
   */
  readonly executions: Readonly<Record<string, number>>
  /** How often more, at most, with one crash. Steps that never were are left out. */
  readonly repeats: Readonly<Record<string, number>>
  /** What is wrong with the ledgers, and where re-driving a finished run wrote something. */
  readonly flaws: readonly string[]
}

/**
 * Tries a crash at every commit of a flow.
 *
 * @example
 * const report = await crashAtEveryCommit(approval, 40, {
 *   drive: async (runtime) => runtime.answer('Pay?', true),
 * })
 * assert.deepEqual(report.outcomes, [{ status: 'completed', output: 'paid' }])
 */
export async function crashAtEveryCommit<Input, Output, Given>(
  flow: Flow<Input, Output, Given>,
  input: NoInfer<Given>,
  options: CrashOptions<Output> = {},
): Promise<CrashReport> {
  checkOptions('crashAtEveryCommit', options, [
    ...testRuntimeOptions.filter((name) => name !== 'onCall' && name !== 'onBody'),
    'drive',
    'run',
    'every',
    'prepare',
  ])
  const { every = 1, ...rest } = options
  checkCount('crashAtEveryCommit({ every })', every, 1)
  checkFunctions('crashAtEveryCommit', { drive: rest.drive, prepare: rest.prepare })
  const live = await life(flow, input, rest, undefined)
  const flaws = [...live.flaws]
  const outcomes = new Map([[encode(live.outcome), live.outcome]])
  const strays: { point: CrashPoint; outcome: Outcome }[] = []
  const repeats: Record<string, number> = {}
  const points = Array.from({ length: Math.ceil(live.commits / every) }, (_, i) => [
    { commit: 1 + i * every, at: 'before' } as const,
    { commit: 1 + i * every, at: 'after' } as const,
  ]).flat()
  for (const point of points) {
    const { outcome, bodies, crashed, flaws: own } = await life(flow, input, rest, point)
    const text = encode(outcome)
    if (text !== encode(live.outcome)) strays.push({ point, outcome })
    if (!outcomes.has(text)) outcomes.set(text, outcome)
    for (const [path, count] of bodies) {
      const more = count - (live.bodies.get(path) ?? 0)
      if (more > 0) repeats[path] = Math.max(more, repeats[path] ?? 0)
    }
    const where = `Killed ${point.at} commit ${point.commit}: `
    if (!crashed) flaws.push(`${where}the commit was not reached a second time.`)
    flaws.push(...own.map((flaw) => where + flaw))
  }
  return {
    boundaries: points.length,
    live: live.outcome,
    outcomes: [...outcomes.values()],
    strays,
    executions: Object.fromEntries(live.bodies),
    repeats,
    flaws,
  }
}

interface Life {
  readonly outcome: Outcome
  readonly commits: number
  readonly bodies: ReadonlyMap<string, number>
  readonly crashed: boolean
  readonly flaws: readonly string[]
}

/** One life of the run, with a crash at this point. */
async function life<Input, Output, Given>(
  flow: Flow<Input, Output, Given>,
  input: Given,
  {
    drive,
    prepare,
    flows: others = [],
    run: started,
    ...options
  }: Omit<CrashOptions<Output>, 'every'>,
  point: CrashPoint | undefined,
): Promise<Life> {
  prepare?.()
  let commits = 0
  let crashed = false
  const called: { readonly path: string; readonly run: string }[] = []
  const onBody: OnBody = (path, run) => void called.push({ path, run })
  const onCall: Interceptor = async ({ method }, proceed) => {
    if (method !== 'append' && method !== 'transact') return proceed()
    commits++
    if (crashed || commits !== point?.commit) return proceed()
    crashed = true
    const reply = point.at === 'after' ? proceed() : undefined
    runtime.crash()
    return reply
  }
  await using runtime = await testRuntime({
    ...options,
    flows: [flow, ...others],
    onCall,
    onBody,
  })
  const run = await runtime.ever.start<Input, Output, Given>(flow, input, { id: 'run', ...started })
  await runtime.settle()
  await drive?.(runtime, run)
  const settled = await runtime.settled(run)
  const reached = commits
  const { store, time, flows } = runtime
  const above = await callsAbove(store)
  const executed = countsOf(called.map(({ path, run: id }) => `${above.get(id) ?? ''}${path}`))
  called.length = 0
  const flaws: string[] = []
  for (const { id, status } of await store.runs({})) {
    flaws.push(...(await ledgerFlaws(store, id)))
    if (status === 'active' || status === 'paused') continue
    flaws.push(...(await replay(id, { store, time, flows, onBody })).flaws)
  }
  if (called.length > 0) {
    const paths = new Set(called.map(({ path }) => path))
    flaws.push(`Driven once more, these bodies were executed again: ${[...paths].join()}.`)
  }
  return { outcome: outcomeOf(settled), commits: reached, bodies: executed, crashed, flaws }
}

function countsOf(paths: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const path of paths) counts.set(path, (counts.get(path) ?? 0) + 1)
  return counts
}

/** What stands before the paths of runs below: the operations that started them. Ids are made by chance. */
async function callsAbove(store: Store): Promise<ReadonlyMap<string, string>> {
  const above = new Map<string, string>()
  const read = async (run: string): Promise<string> => {
    const [started] = await store.entries(run, { limit: 1 })
    const { parent } = decode(started?.payload ?? '{}') as Partial<Payloads['run.started']>
    if (!parent) return ''
    return `${await read(parent.run)}${operationPath(parent.scope, parent.key)} > `
  }
  for (const { id } of await store.runs({})) above.set(id, await read(id))
  return above
}

function outcomeOf(settled: Settled): Outcome {
  switch (settled.status) {
    case 'completed':
      return { status: 'completed', output: settled.output }
    case 'failed':
      return { status: 'failed', error: settled.error }
    case 'cancelled':
      return { status: 'cancelled', reason: settled.reason }
    case 'paused':
      return { status: 'paused', code: settled.code }
    case 'waiting':
      return { status: 'waiting', on: settled.on.map(({ kind, path }) => `${kind} ${path}`) }
  }
}
