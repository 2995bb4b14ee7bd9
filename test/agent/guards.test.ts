/** Guards alone: every cell of the matrix, order and failure, without an agent around them. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import { guard, type Guard, verdict } from 'everloop'
import { virtualTime } from 'everloop/testing'
import { type Grant, runGuards, type GuardDecision } from '../../src/agent/guards/run-guards.ts'
import { encode } from '../../src/ledger/index.ts'
import { type Cell, guardMatrix, guardOf, subjects } from './guard-matrix.ts'

const context = { runId: 'r', agent: 'a', turn: 1, history: [], tainted: [] }

/** Asks the guards about the sample subject, on virtual time. */
async function decide(
  guards: readonly Guard[],
  position: Cell['position'],
  more: { readonly granted?: readonly Grant[]; readonly signal?: AbortSignal } = {},
): Promise<GuardDecision> {
  const ports = virtualTime()
  const { signal = new AbortController().signal, ...rest } = more
  return ports.runUntil(
    runGuards(guards, position, subjects[position], { ports, signal, context, ...rest }),
  )
}

describe('the matrix', () => {
  test('has a cell for every position, verdict and kind, but that a judge fixes nothing', () => {
    expect(guardMatrix.length).toBe(6 * 6 * 6 - 6)
  })

  test.each(guardMatrix)(
    '$position: a guard ($kind) that says $verdict comes to $outcome',
    async (cell) => {
      const { position, kind, verdict: said, outcome, reason, fixed } = cell
      const decision = await decide([guardOf(kind, said, position)], position)
      expect(decision).toEqual({
        position,
        outcome,
        verdicts: [expect.objectContaining({ guard: 'g' })],
        ...(outcome === 'allow' ? {} : { by: 'g', reason }),
        ...(outcome === 'retry' ? { max: 2 } : {}),
        ...('fixed' in cell ? { fixed: { value: fixed } } : {}),
      })
      // It is a record as it stands.
      expect(() => encode(decision)).not.toThrow()
    },
  )

  test('what a guard threw is kept with its verdict', async () => {
    const { verdicts } = await decide([guardOf('throws', 'allow', 'call')], 'call')
    expect(verdicts[0]?.error).toMatchObject({ name: 'Error', message: 'out of order' })
  })
})

describe('nothing fails open', () => {
  const odd: readonly unknown[] = [
    undefined,
    null,
    true,
    'allow',
    {},
    { is: 'alow' },
    { is: 'deny' },
    { is: 'fix' },
    { is: 'retry', feedback: 3 },
    { is: 'ask', prompt: '' },
    Object.create({ is: 'allow' }),
    [{ is: 'allow' }],
    () => verdict.allow(),
  ]
  test.each(odd.map((said) => [said]))('a guard that returns %o denies', async (said) => {
    const broken = guard({ name: 'g', at: 'call', check: () => said as never })
    expect(await decide([broken], 'call')).toMatchObject({
      outcome: 'deny',
      reason: 'Guard "g" returned no verdict, so this was denied.',
    })
  })

  test.each<[Cell['position'], unknown]>([
    ['input', 3],
    ['request', 'text'],
    ['answer', { text: 'x' }],
    ['call', ['a list']],
    ['call', null],
    ['result', () => 1],
    ['output', Symbol('x')],
  ])('a fix at %s that cannot stand there denies', async (position, value) => {
    const fixing = guard({ name: 'g', at: position, check: () => verdict.fix(value) })
    const decision = await decide([fixing], position)
    expect(decision).toMatchObject({
      outcome: 'deny',
      reason: 'Guard "g" returned a fix that cannot be used, so this was denied.',
    })
    expect(decision.fixed).toBeUndefined()
  })

  test('something odd that is thrown denies', async () => {
    for (const thrown of [undefined, null, 'text', 3, Object.create(null)]) {
      const throwing = guard({
        name: 'g',
        at: 'call',
        check: () => {
          throw thrown
        },
      })
      expect(await decide([throwing], 'call')).toMatchObject({ outcome: 'deny' })
    }
  })

  test('a guard that is not waited for any more has denied, and its signal is aborted', async () => {
    const controller = new AbortController()
    let seen: AbortSignal | undefined
    const waiting = guard({
      name: 'g',
      at: 'call',
      check: (_, { signal }) => {
        seen = signal
        controller.abort(new Error('the run is cancelled'))
        return new Promise<never>(() => {})
      },
    })
    const decision = await decide([waiting], 'call', { signal: controller.signal })
    expect(decision).toMatchObject({ outcome: 'deny', by: 'g' })
    expect(seen?.aborted).toBe(true)
  })

  test('the signal of a guard that is late is aborted', async () => {
    let seen: AbortSignal | undefined
    const late = guard({
      name: 'g',
      at: 'call',
      timeout: '1s',
      check: (_, { signal }) => {
        seen = signal
        return new Promise<never>(() => {})
      },
    })
    await decide([late], 'call')
    expect(seen?.aborted).toBe(true)
  })
})

describe('several guards', () => {
  const saying = (name: string, said: ReturnType<typeof verdict.allow>, log: string[]): Guard =>
    guard({
      name,
      at: 'call',
      check: ({ args }) => {
        log.push(`${name} saw ${JSON.stringify(args)}`)
        return said
      },
    })

  test('are asked in order, each sees what those before it made of it, and none behind a denial', async () => {
    const log: string[] = []
    const decision = await decide(
      [
        saying('first', verdict.fix({ text: 'one' }), log),
        saying('second', verdict.fix({ text: 'two' }), log),
        saying('third', verdict.deny('No.'), log),
        saying('fourth', verdict.allow(), log),
      ],
      'call',
    )
    expect(log).toEqual([
      'first saw {"text":"a forbidden word"}',
      'second saw {"text":"one"}',
      'third saw {"text":"two"}',
    ])
    expect(decision).toMatchObject({
      outcome: 'deny',
      by: 'third',
      fixed: { value: { text: 'two' } },
    })
  })

  test('a person is not asked about what is denied behind the question', async () => {
    const decision = await decide(
      [saying('asks', verdict.ask('Sure?'), []), saying('denies', verdict.deny('No.'), [])],
      'call',
    )
    expect(decision).toMatchObject({ outcome: 'deny', by: 'denies' })
  })

  test('a question that was answered with yes is not put again, and the next one is', async () => {
    const guards = [
      saying('one', verdict.ask('Sure?'), []),
      saying('two', verdict.ask('Very?'), []),
    ]
    const [one, two] = [{ guard: 'one' }, { guard: 'two' }]
    const decision = await decide(guards, 'call', { granted: [one] })
    expect(decision).toMatchObject({ outcome: 'ask', by: 'two', reason: 'Very?' })
    expect(decision).not.toHaveProperty('asking')
    expect(await decide(guards, 'call', { granted: [one, two] })).toMatchObject({
      outcome: 'allow',
      verdicts: [{ verdict: 'ask' }, { verdict: 'ask' }],
    })
  })

  test('questions of several are put as one, and none is left out', async () => {
    const decision = await decide(
      [
        saying('one', verdict.ask('Sure?'), []),
        saying('two', verdict.ask('Very?'), []),
        saying('three', verdict.ask('Sure?'), []),
      ],
      'call',
    )
    expect(decision).toMatchObject({
      outcome: 'ask',
      by: 'one',
      asking: ['one', 'two', 'three'],
      reason: 'Sure?\nVery?',
    })
    expect(() => encode(decision)).not.toThrow()
  })

  test('an answer counts for what it was given to, and where that was edited, for that question', async () => {
    const asks = saying('asks', verdict.ask('Sure?'), [])
    const fixes = saying('fixes', verdict.fix({ text: 'another word' }), [])
    const repeats = saying('repeats', verdict.fix({ text: 'a forbidden word' }), [])
    const granted = [{ guard: 'asks' }]
    expect(await decide([fixes, asks], 'call', { granted })).toMatchObject({ outcome: 'ask' })
    expect(await decide([repeats, asks], 'call', { granted })).toMatchObject({ outcome: 'allow' })
    for (const [question, outcome] of [
      ['Sure?', 'allow'],
      ['Really?', 'ask'],
    ] as const) {
      const edited = [{ guard: 'asks', question }]
      expect(await decide([asks], 'call', { granted: edited })).toMatchObject({ outcome })
    }
  })

  test('those of other positions are not asked', async () => {
    const log: string[] = []
    expect(await decide([saying('calls', verdict.deny('No.'), log)], 'output')).toEqual({
      position: 'output',
      outcome: 'allow',
      verdicts: [],
    })
    expect(log).toEqual([])
  })
})

describe('a definition', () => {
  test.each<[string, object, string]>([
    ['no name', { at: 'call', check: () => verdict.allow() }, 'BAD_NAME'],
    ['a name that is no text', { name: 7n, at: 'call', check: () => verdict.allow() }, 'BAD_NAME'],
    ['no position', { name: 'g', check: () => verdict.allow() }, 'BAD_OPTION'],
    ['an unknown position', { name: 'g', at: 'cal', check: () => verdict.allow() }, 'BAD_OPTION'],
    ['no check', { name: 'g', at: 'call' }, 'BAD_OPTION'],
    ['a misspelt option', { name: 'g', at: 'call', chek: 1 }, 'BAD_OPTION'],
    ['a bad timeout', { name: 'g', at: 'call', timeout: 'soon', check: () => 1 }, 'BAD_DURATION'],
  ])('with %s is refused', (_, definition, code) => {
    expect(() => guard(definition as never)).toThrow(expect.objectContaining({ code }))
  })

  test('gives the check the subject of its positions', () => {
    guard({
      name: 'typed',
      at: ['call', 'result'],
      check: (subject, { position }) => {
        expectTypeOf(subject.args).toEqualTypeOf<unknown>()
        expectTypeOf(position).toEqualTypeOf<'call' | 'result'>()
        return verdict.allow()
      },
    })
    guard({
      name: 'typed',
      at: 'input',
      // @ts-expect-error -- what comes in has no arguments
      check: ({ args }) => (args === undefined ? verdict.allow() : verdict.deny('No.')),
    })
    // @ts-expect-error -- a check must return a verdict
    guard({ name: 'typed', at: 'input', check: () => true })
  })
})
