/**
 * Executes a flow again and again, each time killing its worker at another commit: shortly before
 * it, and after it when its reply is lost. However often it is killed, the outcome must be the one
 * of a life without crashes.
 */
import { encode } from '../ledger/index.ts'
import type { AnyFlow, Flow, RunReference, Settled } from '../run/index.ts'
import { countedFlow } from './counted-flow.ts'
import { ledgerFlaws } from './ledger-flaws.ts'
import { replay } from './replay.ts'
import type { Interceptor } from './gate.ts'
import { type TestRuntime, type TestRuntimeOptions, testRuntime } from './test-runtime.ts'

export interface CrashOptions<Output> extends Omit<TestRuntimeOptions, 'flows' | 'onCall'> {
  /** Plays the world: answers, signals, lets time pass. Default: lets the run come to rest. */
  readonly drive?: (runtime: TestRuntime, run: RunReference<Output>) => Promise<void>
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

export interface CrashReport {
  /** How many crashes were tried. */
  readonly boundaries: number
  /** How the run ended without a crash. */
  readonly live: Outcome
  /** Each distinct outcome, the one without a crash first. One, unless something is wrong. */
  readonly outcomes: readonly Outcome[]
  /** What led to each outcome that is not the one without a crash. */
  readonly strays: readonly { readonly point: CrashPoint; readonly outcome: Outcome }[]
  /** How often each step body was executed without a crash, by its path. */
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
export async function crashAtEveryCommit<Input, Output>(
  flow: Flow<Input, Output>,
  input: NoInfer<Input>,
  options: CrashOptions<Output> = {},
): Promise<CrashReport> {
  const { every = 1 } = options
  const live = await life(flow, input, options, undefined)
  const flaws = [...live.flaws]
  const outcomes = new Map([[encode(live.outcome), live.outcome]])
  const strays: { point: CrashPoint; outcome: Outcome }[] = []
  const repeats: Record<string, number> = {}
  const points = Array.from({ length: Math.ceil(live.commits / every) }, (_, i) => [
    { commit: 1 + i * every, at: 'before' } as const,
    { commit: 1 + i * every, at: 'after' } as const,
  ]).flat()
  for (const point of points) {
    const { outcome, bodies, crashed, flaws: own } = await life(flow, input, options, point)
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
async function life<Input, Output>(
  flow: Flow<Input, Output>,
  input: Input,
  { drive, prepare, flows: others = [], ...options }: CrashOptions<Output>,
  point: CrashPoint | undefined,
): Promise<Life> {
  prepare?.()
  let commits = 0
  let crashed = false
  const bodies = new Map<string, number>()
  const onBody = (path: string): void => void bodies.set(path, (bodies.get(path) ?? 0) + 1)
  const flows = [flow as AnyFlow, ...others].map((each) => countedFlow(each, onBody))
  const onCall: Interceptor = async ({ method }, proceed) => {
    if (method !== 'append' && method !== 'transact') return proceed()
    commits++
    if (crashed || commits !== point?.commit) return proceed()
    crashed = true
    const reply = point.at === 'after' ? proceed() : undefined
    runtime.crash()
    return reply
  }
  await using runtime = await testRuntime({ ...options, flows, onCall })
  const run = await runtime.ever.start<Input, Output>(flow, input, { id: 'run' })
  await runtime.settle()
  await drive?.(runtime, run)
  const settled = await runtime.settled(run)
  const reached = commits
  const executed = new Map(bodies)
  const flaws: string[] = []
  for (const { id, status } of await runtime.store.runs({})) {
    flaws.push(...(await ledgerFlaws(runtime.store, id)))
    if (status === 'active' || status === 'paused') continue
    flaws.push(...(await replay(id, { store: runtime.store, time: runtime.time, flows })).flaws)
  }
  const again = new Map([...bodies].filter(([path, count]) => count > (executed.get(path) ?? 0)))
  if (again.size > 0) {
    flaws.push(`Driven once more, these bodies were executed again: ${[...again.keys()].join()}.`)
  }
  return { outcome: outcomeOf(settled), commits: reached, bodies: executed, crashed, flaws }
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
