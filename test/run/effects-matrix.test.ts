/**
 * The in-doubt matrix: everything that can go wrong around a call, for each effect class, whatever
 * `reconcile` finds out, with and without an undo. One exact result per cell, in effects-table.ts.
 */
import { describe, expect, test } from 'vitest'
import {
  action,
  done,
  flow,
  NotDone,
  notDone,
  type StepContext,
  type StepOptions,
  unknown,
} from 'everloop'
import { type Interceptor, type TestRuntime, testRuntime } from 'everloop/testing'
import { type Cell, expected, type Finder, finders, situations } from './effects-table.ts'

const finding: Readonly<Record<Finder, () => ReturnType<typeof done>>> = {
  done: () => done('found'),
  notDone: () => notDone(),
  unknown: () => unknown('The bank does not say.'),
  throws: () => {
    throw new Error('The bank is down.')
  },
  none: () => unknown(),
}

/** One life of a call: the outside world, and the hands that do to the worker what the cell says. */
class Life {
  readonly #cell: Cell
  runtime: TestRuntime | undefined
  calls = 0
  /** Ids of what happened in the world, which recognises a key that it knows from an idempotent call. */
  readonly happened: string[] = []
  /** When the outcome was looked for first, counted from the intent. */
  lookedAfterMs: number | undefined
  #isArmed = true

  constructor(cell: Cell) {
    this.#cell = cell
  }

  /** Kills the worker at the append of this entry, before or after it is durable. */
  readonly onCall: Interceptor = async ({ method, args }, proceed) => {
    const { entries = [] } = (args[0] ?? {}) as { entries?: readonly { kind: string }[] }
    const isIt = method === 'append' && entries.some(({ kind }) => kind === this.#deadly.kind)
    if (!isIt || !this.#isArmed) return proceed()
    this.#isArmed = false
    const reply = this.#deadly.at === 'after' ? proceed() : undefined
    this.runtime?.crash()
    return reply
  }

  /** Whether an intent is recorded at all. */
  get #isIntended(): boolean {
    const { effect, hasUndo } = this.#cell
    return effect === 'once' || (effect === 'idempotent' && hasUndo)
  }

  get #deadly(): { readonly kind: string | undefined; readonly at: 'before' | 'after' } {
    switch (this.#cell.situation) {
      case 'is killed before its intent':
        if (this.#isIntended) return { kind: 'effect.intended', at: 'before' }
        return { kind: 'note.written', at: 'after' }
      case 'is killed after its intent':
        return { kind: this.#isIntended ? 'effect.intended' : undefined, at: 'after' }
      case 'is killed after its outcome':
        return { kind: 'step.completed', at: 'after' }
      default:
        return { kind: undefined, at: 'before' }
    }
  }

  /** The request arrives. */
  readonly #happen = ({ idempotencyKey }: StepContext): void => {
    const isKnown = this.#cell.effect === 'idempotent' && this.happened.includes(idempotencyKey)
    if (!isKnown) this.happened.push(idempotencyKey)
  }

  readonly body = (_: unknown, context: StepContext): unknown => {
    this.calls++
    const happen = (): void => this.#happen(context)
    const never = new Promise(() => {})
    if (this.calls > 1) {
      happen()
      return 'again'
    }
    switch (this.#cell.situation) {
      case 'is killed after its intent':
        if (this.#isIntended) {
          happen()
          return 'first'
        }
        this.runtime?.crash()
        return never
      case 'is killed before its intent':
      case 'is killed after its outcome':
        happen()
        return 'first'
      case 'is killed after the effect':
        happen()
        this.runtime?.crash()
        return never
      case 'throws':
        happen()
        throw new Error('Connection reset.')
      case 'throws NotDone':
        throw new NotDone('The card was refused.')
      case 'times out':
        happen()
        return never
      case 'is aborted':
        happen()
        return new Promise((_resolve, reject) => {
          context.signal.addEventListener('abort', () => reject(new Error('Aborted.')))
        })
      case 'lands after its process died':
        this.runtime?.crash()
        this.runtime?.time.setTimer(12_000, happen)
        return never
    }
  }

  get options(): StepOptions & { readonly input: unknown } {
    const { effect, finder, hasUndo } = this.#cell
    return {
      effect,
      input: { order: 42 },
      timeout: '10s',
      ...(effect === 'once' && { settle: '5s' }),
      ...(finder !== 'none' && {
        reconcile: (_: unknown, { startedAt }: { readonly startedAt: Date }) => {
          const now = this.runtime?.time.clock.now() ?? 0
          this.lookedAfterMs ??= now - startedAt.getTime()
          return finding[finder]()
        },
      }),
      ...(hasUndo && { undo: { action: 'give back', input: { order: 42 } } }),
    }
  }
}

async function resultOf(cell: Cell): Promise<string> {
  const { situation, hasUndo } = cell
  const life = new Life(cell)
  const refund = flow('refund', async (run) => {
    await run.note('begin')
    return run.step('refund', life.options, life.body as (context: StepContext) => unknown)
  })
  // It finds what it undoes by the key that the call was handed.
  const giveBack = action('give back', (input, { result = 'it may have happened', of }) => {
    expect(input).toEqual({ order: 42 })
    expect(life.happened).toContain(of.idempotencyKey)
    return result
  })
  const { onCall } = life
  await using runtime = await testRuntime({ flows: [refund], actions: [giveBack], onCall })
  life.runtime = runtime
  const run = await runtime.ever.start(refund, undefined, { id: 'r' })
  if (situation === 'is aborted') {
    await runtime.runUntil(async () => life.calls > 0 || (await run.status()).status === 'failed')
    if (life.calls > 0) await runtime.ever.cancel(run.id, 'enough')
  }
  await runtime.settle()
  await runtime.advance('1h')
  await runtime.verify()

  const entries = await runtime.ledger(run)
  for (const { kind, data } of entries) {
    if (kind !== 'effect.intended') continue
    expect(data).toMatchObject({ args: { order: 42 } })
    expect('undo' in (data as object)).toBe(hasUndo)
  }
  if (life.lookedAfterMs !== undefined) {
    // Nobody looks for the outcome while a request may be on its way.
    const isShort = situation === 'throws' || situation === 'is aborted'
    expect(life.lookedAfterMs).toBeGreaterThanOrEqual(isShort ? 5000 : 15_000)
  }
  const asked = await runtime.ever.questions()
  const last = entries.findLast(({ kind }) => kind === 'effect.doubted')
  expect(asked.map(({ id }) => id)).toEqual(
    (await runtime.settled(run)).status === 'waiting' ? [`r/${last?.seq}`] : [],
  )
  const { status } = await runtime.settled(run)
  const words = entries.flatMap(({ kind, data }) => wordOf(kind, data as Fields))
  return `${status}, ${life.calls} called, ${life.happened.length} happened: ${words.join(' ')}`
}

interface Fields {
  readonly why?: string
  readonly prompt?: string
  readonly reason?: string
  readonly verdict?: string
  readonly via?: string
  readonly value?: string
  readonly attempts?: number
  readonly error?: { readonly code?: string; readonly message: string }
}

/** What an entry says, in a word. */
function wordOf(kind: string, data: Fields): readonly string[] {
  const { why, prompt, reason, verdict, via, value, attempts, error } = data
  switch (kind) {
    case 'run.started':
    case 'note.written':
    case 'run.overtaken':
      return []
    case 'effect.intended':
      return ['intended']
    case 'effect.doubted':
      return [prompt === undefined ? `doubted(${why})` : `asked because ${reason}`]
    case 'effect.resolved':
      return [`resolved(${verdict} by ${via})`]
    case 'step.completed':
      return [`completed(${value})`]
    case 'step.failed':
      return [`failed(${error?.message}; ${attempts})`]
    case 'undo.completed':
      return [`undone(${value})`]
    case 'run.failed':
      return [`run.failed(${error?.code})`]
    default:
      return [kind]
  }
}

describe.each(situations)('a call that %s', (situation) => {
  const cells = (['read', 'idempotent', 'once'] as const).flatMap((effect) =>
    finders.flatMap((finder) =>
      [false, true].map((hasUndo): Cell => ({ situation, effect, finder, hasUndo })),
    ),
  )
  test.each(cells)('of class $effect, reconcile $finder, undo $hasUndo', async (cell) => {
    expect(await resultOf(cell)).toBe(expected(cell))
  })
})
