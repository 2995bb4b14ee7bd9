/**
 * The flows whose ledgers are kept for every later version. Their code must never change: a later
 * version has to drive these very runs from these very ledgers.
 */
import { type AnyFlow, flow } from '../../src/run/index.ts'
import type { TestRuntime } from '../../src/testing/index.ts'
import { agentsBelow, goldenAgents } from './agents.ts'
import { flowsBelow, goldenEffects } from './effects.ts'

const double = flow('double', async (run, n: number) => run.step('double', () => n * 2))

const steps = flow('steps', async (run) => {
  const values = await run.step('values', () => ({
    at: new Date(0),
    map: new Map([['a', 1n]]),
    set: new Set([undefined]),
    bytes: new Uint8Array([1, 2, 3]),
    odd: [-0, NaN, '\ud800', '\u0000', 'é'],
    $: 'dollar',
  }))
  const again = await run.step('values', { key: 'mine', input: { n: 1 } }, ({ n }) => n)
  const failed = await run
    .step('fails', { retry: { attempts: 2, delay: '1m' } }, () => {
      throw Object.assign(new RangeError('never'), { code: 'E_NEVER', detail: { n: 1 } })
    })
    .catch((error: unknown) => String(error))
  await run.note('done', { again })
  return { values, again, failed, chance: run.random(), id: run.uuid() }
})

const branches = flow('branches', async (run) => {
  const squares = await run.map('square', [1, 2, 3], { concurrency: 2 }, (inner, n) =>
    inner.step('square', () => ({ n: n * n, text: 'x'.repeat(300) })),
  )
  const [a, b] = await run.all('both', [
    (inner) => inner.scope('deep', (deep) => deep.step('a', () => 'a')),
    (inner) => inner.step('b', () => 'b'),
  ])
  return { squares: squares.map(({ n }) => n), a, b }
})

const loops = flow('loops', async (run) =>
  run.loop(
    'grow',
    { state: { turn: 0, items: [] as unknown[], plan: '' } },
    async (turn, state) => {
      const item = await turn.step('item', () => ({ turn: state.turn, text: 'y'.repeat(400) }))
      const inner = await turn.loop('inner', { state: 0 }, async (deep, n) =>
        n === 2 ? deep.done(n) : deep.next((await deep.step('n', () => n)) + 1),
      )
      const items = [...state.items, item]
      if (state.turn === 5) return turn.done({ count: items.length, inner })
      return turn.next({ turn: state.turn + 1, items, plan: `turn ${state.turn}` })
    },
  ),
)

const waits = flow('waits', async (run) => {
  await run.sleep('30d')
  const first = await run.signal('go')
  const late = await run.signal('never', { timeout: '1h', otherwise: 'nobody' })
  const answer = await run.ask('Publish?', { timeout: '2d', otherwise: false })
  const child = await run.child(double, 21)
  const artifact = await run.artifacts.put('report', 'hello')
  return { first, late, answer, child, artifact, now: run.now() }
})

const cancelled = flow('cancelled', async (run) => {
  try {
    await run.signal('never')
  } finally {
    await run.cleanup('tidy', (inner) => inner.step('tidy', () => 'tidied'))
  }
})

const failing = flow('failing', async (run) =>
  run.map('work', [1, 2], (inner, n) =>
    inner.step('work', () => {
      if (n === 2) throw new Error('no')
      return n
    }),
  ),
)

/** Counts words, one in a turn; the second version counts letters too. */
const moving = flow({
  name: 'moving',
  version: '1',
  run: async (run) => {
    await run.step('language', () => 'en')
    return run.loop('words', { state: { words: 0 } }, async (turn, state) => {
      const word = await turn.signal<string>('word')
      await turn.step('count', () => word.length)
      return turn.next({ words: state.words + 1 })
    })
  },
})

const moved = flow({
  name: 'moving',
  version: '2',
  migrate: { '1': { words: (state: { words: number }) => ({ ...state, letters: 0 }) } },
  run: async (run) => {
    await run.step('language', () => 'de')
    return run.loop('words', { state: { words: 0, letters: 0 } }, async (turn, state) => {
      const word = await turn.signal<string>('word')
      if (word === 'end') return turn.done(state)
      const count = await turn.step('letters', () => word.length)
      return turn.next({ ...state, words: state.words + 1, letters: state.letters + count })
    })
  },
})

/** By name: the flow, and what is done to its run from outside. */
/** So much in few turns that one of the last is kept in blocks. */
const growing = flow('growing', (root) =>
  root.loop('grow', { state: { log: [] as string[] } }, async (run, { log }) => {
    if (run.turn === 18) return run.done(log.map((text) => text.length))
    const more = `turn ${run.turn}, `.repeat(run.turn > 1 && run.turn < 16 ? 4600 : 3)
    return run.next({ log: [...log, more] })
  }),
)

export const golden = {
  ...goldenEffects,
  ...goldenAgents,
  steps: { flow: steps, drive: (runtime: TestRuntime) => runtime.advance('1h') },
  branches: { flow: branches, drive: async () => {} },
  loops: { flow: loops, drive: async () => {} },
  growing: { flow: growing, drive: async () => {} },
  waits: {
    flow: waits,
    drive: async (runtime: TestRuntime): Promise<void> => {
      await runtime.advance('31d')
      await runtime.signal('waits', 'go', { hello: 1 })
      await runtime.advance('2h')
      await runtime.answer('Publish?', true)
    },
  },
  cancelled: {
    flow: cancelled,
    drive: (runtime: TestRuntime) => runtime.ever.cancel('cancelled', 'stop'),
  },
  failing: { flow: failing, drive: async () => {} },
  moving: {
    flow: moving,
    drive: async (runtime: TestRuntime): Promise<void> => {
      await runtime.restart({ flows: [moving] })
      await runtime.signal('moving', 'word', 'one')
      await runtime.restart({ flows: goldenFlows })
      for (const word of ['two', 'three', 'end']) await runtime.signal('moving', 'word', word)
    },
  },
} as const

export const goldenFlows: readonly AnyFlow[] = [
  double,
  ...flowsBelow,
  ...agentsBelow,
  ...Object.values(golden).map((one) => one.flow),
  moved,
]
