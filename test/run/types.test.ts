/** What the types of flows and their operations infer, and what they refuse. Checked by the compiler. */
import { expectTypeOf, test } from 'vitest'
import { action, type Ever, flow, type Run, type StepOptions } from 'everloop'
import { z } from 'zod'

const order = flow('order', async (_run, { lines }: { readonly lines: readonly string[] }) => ({
  count: lines.length,
}))
const parsed = flow({
  name: 'parsed',
  input: z.object({ at: z.string().transform(Number), deep: z.boolean().default(false) }),
  run: (_run, { at, deep }) => (deep ? at : undefined),
})

test('a run is started with what the schema takes, and its code is handed what the schema makes of it', () => {
  expectTypeOf(parsed.run).parameter(1).toEqualTypeOf<{ at: number; deep: boolean }>()
  const use = async (ever: Ever, run: Run): Promise<void> => {
    const started = await ever.start(parsed, { at: '5' })
    expectTypeOf(await started.result()).toEqualTypeOf<number | undefined>()
    expectTypeOf(await run.child(parsed, { at: '5', deep: true })).toEqualTypeOf<
      number | undefined
    >()
    expectTypeOf(await run.child(order, { lines: [] })).toEqualTypeOf<{ count: number }>()
    // @ts-expect-error -- the schema refuses a number
    await ever.start(parsed, { at: 5 })
    // @ts-expect-error -- lines are a list
    await run.child(order, { lines: 'one' })
  }
  expectTypeOf(use).toBeFunction()
})

test('a loop ends with any of its results', () => {
  const use = async (run: Run): Promise<void> => {
    const ended = await run.loop('turns', { state: { n: 0 } }, async (turn, state) => {
      expectTypeOf(state).toEqualTypeOf<{ n: number }>()
      if (state.n > 5) return turn.done({ ok: true as const })
      if (state.n > 3) return turn.done({ ok: false as const, why: 'slow' })
      return turn.next({ n: state.n + 1 })
    })
    expectTypeOf(ended).toEqualTypeOf<{ ok: true } | { ok: false; why: string }>()
    const endless = run.loop('endless', { state: 0 }, (turn, n) => turn.next(n + 1))
    expectTypeOf(endless).toEqualTypeOf<Promise<never>>()
    // @ts-expect-error -- the state is a number
    await run.loop('turns', { state: 0 }, (turn) => turn.next('one'))
    // @ts-expect-error -- some turns end with neither
    await run.loop('turns', { state: 0 }, (turn, n) => (n > 3 ? turn.done(n) : undefined))
  }
  expectTypeOf(use).toBeFunction()
})

test('a wait ends with what its schema makes, or with nothing where that is said', () => {
  const use = async (run: Run): Promise<void> => {
    const schema = z.enum(['yes', 'no'])
    const asked = await run.ask('Sure?', { schema, timeout: '1h', otherwise: 'no' })
    expectTypeOf(asked).toEqualTypeOf<'yes' | 'no'>()
    const nothing = await run.signal('go', { schema, timeout: '1h', otherwise: null })
    expectTypeOf(nothing).toEqualTypeOf<'yes' | 'no' | null>()
    const anything = await run.ask('Sure?', { timeout: '1h', otherwise: false })
    expectTypeOf(anything).toEqualTypeOf<unknown>()
    // @ts-expect-error -- no answer that could be given
    await run.ask('Sure?', { schema, timeout: '1h', otherwise: 'maybe' })
  }
  expectTypeOf(use).toBeFunction()
})

test('steps and branches tell the types of what they return', () => {
  const use = async (run: Run): Promise<void> => {
    const options = { input: { cents: 3 }, effect: 'once' } as const
    expectTypeOf(await run.step('pay', options, async ({ cents }) => [cents])).toEqualTypeOf<3[]>()
    expectTypeOf(
      await run.map('sizes', ['a'], (_branch, item, index) => ({ item, index })),
    ).toEqualTypeOf<{ item: string; index: number }[]>()
    const both = await run.all('both', [() => 1, async () => 'x'])
    expectTypeOf(both).toEqualTypeOf<[number, string]>()
    // @ts-expect-error -- there is no such effect class
    await run.step('pay', { effect: 'twice' }, () => 1)
    // @ts-expect-error -- three days are "3d"
    await run.sleep('3 days')
  }
  expectTypeOf(use).toBeFunction()
})

test('what undoes a step is given what it takes', () => {
  const refund = action('refund', ({ order }: { readonly order: number }) => order)
  const close = action('close', () => {})
  const use = async (run: Run, options: StepOptions): Promise<void> => {
    const once = { effect: 'once' } as const
    const undo = { action: refund, input: { order: 1 } }
    expectTypeOf(await run.step('a', { ...once, undo }, () => 5)).toEqualTypeOf<number>()
    await run.step('b', { ...once, input: 'b', undo }, (text) => text.length)
    await run.step<number>('c', { ...once, undo }, () => 5)
    await run.step('d', { ...once, undo: { action: close } }, () => 5)
    await run.step('e', { ...once, undo: { action: 'refund', input: 'anything' } }, () => 5)
    await run.step(
      'f',
      { ...once, undo: { action: { name: 'refund' }, input: 'anything' } },
      () => 5,
    )
    await run.step('g', options, () => 5)
    // @ts-expect-error -- an order is a number
    await run.step('h', { ...once, undo: { action: refund, input: { order: 'one' } } }, () => 5)
    // @ts-expect-error -- nothing is given
    await run.step('i', { ...once, undo: { action: refund } }, () => 5)
    // @ts-expect-error -- an order is a number
    await run.step('j', { input: 1, undo: { action: refund, input: 'j' } }, (n) => n)
  }
  expectTypeOf(use).toBeFunction()
})
