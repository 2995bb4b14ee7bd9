/** Executes a program of the grammar on a real `run`: what a user's flow would look like. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { EverloopError } from '../../src/base/errors.ts'
import type { Finding } from '../../src/run/effects/finding.ts'
import type { Run, StepContext, Turn } from '../../src/run/face.ts'
import type { AnyFlow, Flow } from '../../src/run/index.ts'
import { type LiveContext, stepIn } from '../../src/run/inside.ts'
import type { Transaction } from '../../src/store/store.ts'
import { bookingValue, firstState, type LoopShape, nextState, stepValue, thrown } from './model.ts'
import { Place, questionName } from './place.ts'
import type { Call } from './effect-body.ts'
import type { EffectSpec } from './effect-spec.ts'
import { takeBack, type TakeBack } from './take-back.ts'
import type { EffectNode, Node, Program, StepNode, TransactNode } from './programs.ts'

/** An attempt of a step. */
export interface Attempt {
  readonly path: string
  readonly attempt: number
  readonly isCleanup: boolean
  readonly signal: () => AbortSignal
  /** Shows text to whoever watches, if the step does. */
  readonly show: (text: string) => void
}

/** The body of a transactional step. */
export interface Booking {
  readonly path: string
  readonly isCleanup: boolean
}

/** Who watches what the code is handed, and lets time pass where it does something. */
export interface View {
  /** The outcome of the operation at this path. */
  watch<T>(path: string, operation: Promise<T>): Promise<T>
  /** What must be the same in every execution of the code. */
  same<T>(what: string, value: T): T
  /** What the step at this path is asked for with. */
  asked<T>(path: string, input: T): T
  /** The body of that step is handed this. */
  handed(path: string, input: unknown): void
  /** What inputs say of the code that has made them, where they drift from deployment to deployment. */
  readonly version: number | undefined
  /** The code of this version is handed a state in this form. */
  formed(turn: string, form: { readonly found: string; readonly wanted: string }): void
  /** How often the run has been retried. */
  readonly retries: number
  /** Somebody tells failed runs of this world to go on. */
  readonly mayBeRetried: boolean
  /** Executes an attempt of a step in the outside world. */
  outside(node: StepNode, attempt: Attempt): Promise<void>
  /** Executes an attempt at a call that changes the outside world. */
  effect(spec: EffectSpec, call: Call): Promise<unknown>
  /** Asks the outside world what became of such a call. */
  findOut(spec: EffectSpec, call: Pick<Call, 'path' | 'idempotencyKey'>): Promise<Finding>
  /** Changes rows inside of a transaction. */
  book(booking: Booking, transaction: Transaction): void
  /** Time that passes in the code of a schema. */
  think(): Promise<void>
}

/** What the code of one execution of a flow has at hand. */
export interface Setting {
  readonly view: View
  readonly flows: readonly AnyFlow[]
  readonly programs: readonly Program[]
  /** The version of the flow. */
  readonly version: string
}

/** Where in the run the code stands. */
interface At {
  readonly run: Run
  readonly place: Place
  readonly isCleanup: boolean
}

export function interpret(setting: Setting, run: Run, body: Node): Promise<unknown> {
  return evaluate(setting, { run, place: new Place(''), isCleanup: false }, body)
}

/** Takes its keys before its first await, so that both sides of a race take theirs in order. */
function evaluate(setting: Setting, at: At, node: Node): Promise<unknown> {
  const { run, place } = at
  const { view } = setting
  switch (node.is) {
    case 'step':
      return step(setting, at, node)
    case 'effect':
      return effect(setting, at, node)
    case 'transact':
      return transact(setting, at, node)
    case 'say':
      return Promise.resolve(`The result of ${place.path}.`)
    case 'throw':
      return Promise.reject(new RangeError(thrown))
    case 'undo': {
      const path = place.operation(`undo ${takeBack}`)
      const input: TakeBack = { path, spec: node.spec }
      return view.watch(path, run.undo(takeBack, input)).then(() => null)
    }
    case 'sleep':
      return view.watch(place.operation('sleep'), run.sleep(node.ms)).then(() => null)
    case 'note':
      return view
        .watch(place.operation('note'), run.note('noted', { by: 'program' }))
        .then(() => null)
    case 'signal':
      return view.watch(place.operation(node.name), run.signal(node.name, waitOptions(view, node)))
    case 'ask':
      return view.watch(
        place.operation(questionName(node.name)),
        run.ask(node.name, waitOptions(view, node)),
      )
    case 'child': {
      const flow = setting.flows[node.flow] as Flow
      const key = place.operation(flow.name)
      const isAgent = setting.programs[node.flow]?.is === 'agent'
      // Where a retry asks again for what it has started, another input would be DRIFTED, which needs a person.
      const drift = view.mayBeRetried ? {} : versionIn(view)
      const input = isAgent ? { prompt: `From ${key}.` } : { from: key, ...drift }
      return view.watch(key, run.child(flow, input))
    }
    case 'race':
      return Promise.race([evaluate(setting, at, node.first), evaluate(setting, at, node.second)])
    case 'chance':
      return Promise.resolve(drawn(setting, at))
    case 'resource':
      return run.resource(
        'thing',
        () => 'resource',
        () => {},
      )
    default:
      return evaluateNested(setting, at, node)
  }
}

type Nested = Exclude<
  Node,
  {
    readonly is:
      | 'step'
      | 'effect'
      | 'transact'
      | 'say'
      | 'throw'
      | 'undo'
      | 'sleep'
      | 'note'
      | 'signal'
      | 'ask'
      | 'child'
      | 'race'
      | 'chance'
      | 'resource'
  }
>

async function evaluateNested(setting: Setting, at: At, node: Nested): Promise<unknown> {
  const { run, place } = at
  const { view } = setting
  const enter = (inner: Run, where: Place, body: Node): Promise<unknown> =>
    evaluate(setting, { ...at, run: inner, place: where }, body)
  switch (node.is) {
    case 'seq': {
      const values: unknown[] = []
      for (const item of node.items) values.push(await evaluate(setting, at, item))
      return values
    }
    case 'scope': {
      const path = place.operation(node.name)
      return view.watch(
        path,
        run.scope(node.name, (inner) => enter(inner, new Place(path), node.body)),
      )
    }
    case 'all': {
      const path = place.operation(node.name)
      const scope = new Place(path)
      const branches = node.branches.map(
        (body, i) =>
          (inner: Run): Promise<unknown> =>
            enter(inner, scope.inner(i), body),
      )
      return view.watch(path, run.all(node.name, branches))
    }
    case 'map': {
      const path = place.operation(node.name)
      const scope = new Place(path)
      const items = Array.from({ length: node.count }, (_, i) => i)
      const options = node.concurrency === undefined ? {} : { concurrency: node.concurrency }
      const branch = (inner: Run, _: number, i: number): Promise<unknown> =>
        enter(inner, scope.inner(i), node.body)
      return view.watch(path, run.map(node.name, items, options, branch))
    }
    case 'loop':
      return loop(setting, at, node)
    case 'artifact': {
      const path = place.operation(`artifact ${node.name}`)
      const put = run.artifacts.put(node.name, 'a'.repeat(node.units))
      const artifact = await view.watch(path, put)
      return (await persistently(() => run.artifacts.get(artifact))).length
    }
    case 'together': {
      const ends = await Promise.allSettled(node.items.map((item) => evaluate(setting, at, item)))
      return ends.map((end) => {
        if (end.status === 'rejected') throw end.reason
        return end.value
      })
    }
    case 'guarded':
      try {
        return await evaluate(setting, at, node.body)
      } catch (error) {
        return { caught: EverloopError.is(error) ? error.code : String(error) }
      }
    case 'finally':
      try {
        return await evaluate(setting, at, node.body)
      } finally {
        const path = place.operation('cleanup')
        const clean = (inner: Run): Promise<unknown> =>
          evaluate(setting, { run: inner, place: new Place(path), isCleanup: true }, node.cleanup)
        await view.watch(path, run.cleanup('cleanup', clean))
      }
  }
}

const versionIn = ({ version }: View): { readonly version?: number } =>
  version === undefined ? {} : { version }

function step(setting: Setting, at: At, node: StepNode): Promise<unknown> {
  const { run, place, isCleanup } = at
  const { view } = setting
  const path = place.operation(node.name)
  const options = {
    ...(node.attempts > 1
      ? { retry: { attempts: node.attempts, delay: node.delayMs, maxDelay: 2 * node.delayMs } }
      : {}),
    ...(node.hangs ? { timeout: node.ms + 500 } : {}),
  }
  const body = async (context: StepContext, live?: LiveContext): Promise<unknown> => {
    live?.publish(`${path} begins. `)
    const attempt = { path, isCleanup, ...context, signal: () => context.signal }
    await view.outside(node, { ...attempt, show: (text) => live?.publish(text) })
    const isHealed = node.heals && view.retries > 0
    live?.publish('It ends.')
    if (context.attempt <= node.fails && !isHealed)
      throw new TypeError(`attempt ${context.attempt} failed`)
    return stepValue(node, path)
  }
  const input = { path, ...versionIn(view) }
  const given = node.withInput ? { ...options, input: view.asked(path, input) } : options
  // Some show text while they are under way, as the agent layer's steps do. Their input is in their code's hands:
  // what the runtime makes of it is what it records.
  const showing = { name: node.name, options: given, body: (live: LiveContext) => body(live, live) }
  if (node.ms % 3 === 0) return view.watch(path, stepIn(run, showing))
  const asked = node.withInput
    ? run.step(node.name, { ...options, input }, (handed, context) => {
        view.handed(path, handed)
        return body(context)
      })
    : run.step(node.name, options, (context) => body(context))
  return view.watch(path, asked)
}

function effect(setting: Setting, at: At, { name, spec }: EffectNode): Promise<unknown> {
  const { run, place, isCleanup } = at
  const { view } = setting
  const path = place.operation(name)
  const options = {
    effect: spec.effect,
    input: view.asked(path, { path }),
    timeout: spec.timeoutMs,
    ...(spec.undo ? { undo: { action: takeBack, input: { spec: spec.undo } } } : {}),
    ...(spec.attempts > 1 ? { retry: { attempts: spec.attempts, delay: spec.delayMs } } : {}),
    ...(spec.effect === 'once' ? { settle: spec.settleMs } : {}),
    ...(spec.effect === 'once' && spec.reconcile !== 'is missing'
      ? {
          reconcile: (input: { path: string }, context: { idempotencyKey: string }) => {
            view.handed(path, input)
            return view.findOut(spec, { path, idempotencyKey: context.idempotencyKey })
          },
        }
      : {}),
  }
  const asked = run.step(name, options, (input, context) => {
    view.handed(path, input)
    const { attempt, idempotencyKey } = context
    return view.effect(spec, {
      path,
      attempt,
      idempotencyKey,
      isCleanup,
      signal: () => context.signal,
    })
  })
  return view.watch(path, asked)
}

function transact({ view }: Setting, at: At, node: TransactNode): Promise<unknown> {
  const { run, place, isCleanup } = at
  const { name, fails, withInput } = node
  const path = place.operation(name)
  const body = (transaction: Transaction): unknown => {
    view.book({ path, isCleanup }, transaction)
    if (fails) throw new TypeError('There is no seat left.')
    return bookingValue(path)
  }
  const input = { path, ...versionIn(view) }
  const asked = withInput
    ? run.transact(name, { input: view.asked(path, input) }, (handed, transaction) => {
        view.handed(path, handed)
        return body(transaction)
      })
    : run.transact(name, body)
  return view.watch(path, asked)
}

function loop(setting: Setting, at: At, node: Node & { is: 'loop' }): Promise<unknown> {
  const { run, place } = at
  const path = place.operation(node.name)
  const scope = new Place(path)
  const form = node.moves ? { form: setting.version } : {}
  const turn = async (inner: Turn<LoopShape>, state: LoopShape) => {
    setting.view.same(`state of ${path} in turn ${inner.turn} of version ${setting.version}`, state)
    const where = scope.inner(inner.turn)
    if (state.form !== undefined) {
      setting.view.formed(where.path, { found: state.form, wanted: setting.version })
    }
    const result = await evaluate(setting, { ...at, run: inner, place: where }, node.body)
    const next = { ...nextState(state, result, node.units), ...form }
    return next.n < node.turns ? inner.next(next) : inner.done(next)
  }
  return setting.view.watch(
    path,
    run.loop(node.name, { state: { ...firstState, ...form } as LoopShape }, turn),
  )
}

/** What is drawn must be the same in every pass. */
function drawn({ view }: Setting, { run, place }: At): unknown {
  const seen = [run.random(), run.uuid(), run.now()]
  return view.same(place.operation('(chance)'), seen)
}

function waitOptions(
  view: View,
  { timeoutMs, hasOtherwise, isPicky }: Node & { is: 'signal' | 'ask' },
): { timeout?: number; otherwise?: unknown; schema?: StandardSchemaV1 } {
  return {
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    ...(hasOtherwise ? { otherwise: 'nobody came' } : {}),
    ...(isPicky ? { schema: picky(view) } : {}),
  }
}

/** Accepts what is marked as good; thinks about it for a while at times. */
const picky = (view: View): StandardSchemaV1 => ({
  '~standard': {
    version: 1,
    vendor: 'sim',
    validate: async (value) => {
      await view.think()
      const isGood = typeof value === 'object' && value !== null && 'good' in value && value.good
      return isGood ? { value } : { issues: [{ message: 'It is not good.' }] }
    },
  },
})

/** Reads that are not operations fail with the store; code that needs them tries again. */
async function persistently<T>(read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read()
    } catch (error) {
      if (!EverloopError.is(error) || error.code !== 'STORE_UNAVAILABLE') throw error
    }
  }
}
