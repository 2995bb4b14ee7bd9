/** Retrying a failed run whose code did other things beside or behind the failure: once each. */
import { describe, expect, test } from 'vitest'
import { flow, type Run } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'

/** A world in which `fragile` fails while it is broken, `once` the first time, and all is counted. */
interface World {
  broken: boolean
  calls: Record<string, number>
  readonly step: (run: Run, name: string, after?: Promise<unknown>) => Promise<string>
}

function worldOf(): World {
  const world: World = {
    broken: true,
    calls: {},
    step: (run, name, after) =>
      run.step(name, async () => {
        await after
        const isFirst = world.calls[name] === undefined
        world.calls[name] = (world.calls[name] ?? 0) + 1
        const fails = name.startsWith('fragile') || (name.startsWith('once') && isFirst)
        if (world.broken && fails) throw new Error('broken')
        return `${name} done`
      }),
  }
  return world
}

/** All of it is waited for; the first that failed fails the whole. */
async function together(all: readonly Promise<unknown>[]): Promise<unknown[]> {
  const ends = await Promise.allSettled(all)
  return ends.map((end) => {
    if (end.status === 'rejected') throw end.reason
    return end.value
  })
}

/** Resolves some turns of the event loop later: what waits for it is recorded behind a failure. */
const later = (): Promise<void> =>
  new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

interface Case {
  readonly body: (run: Run, world: World) => Promise<unknown>
  readonly output: unknown
  /** What was done, how often, when the run has failed twice and then completed. */
  readonly calls: Readonly<Record<string, number>>
}

const cases: Readonly<Record<string, Case>> = {
  'a step that ended behind the failure': {
    body: (run, { step }) => together([step(run, 'fragile reserve'), step(run, 'charge', later())]),
    output: ['fragile reserve done', 'charge done'],
    calls: { 'fragile reserve': 3, charge: 1 },
  },
  'a scope that closed behind a failed one': {
    body: (run, { step }) =>
      together([
        run.scope('hotel', (scope) => step(scope, 'fragile hotel')),
        run.scope('flight', async (scope) => [
          await step(scope, 'look'),
          await step(scope, 'book', later()),
        ]),
      ]),
    output: ['fragile hotel done', ['look done', 'book done']],
    calls: { 'fragile hotel': 3, look: 1, book: 1 },
  },
  'two scopes that failed, each after a success': {
    body: (run, { step }) =>
      together(
        ['a', 'b'].map((name) =>
          run.scope(name, async (scope) => [
            await step(scope, `first ${name}`),
            await step(scope, `fragile ${name}`),
          ]),
        ),
      ),
    output: [
      ['first a done', 'fragile a done'],
      ['first b done', 'fragile b done'],
    ],
    calls: { 'first a': 1, 'fragile a': 3, 'first b': 1, 'fragile b': 3 },
  },
  'a scope named like a branch in a catch': {
    body: async (run, { step }) => {
      try {
        return await step(run, 'fragile')
      } catch (error) {
        await run.scope('1', (scope) => step(scope, 'undo'))
        throw error
      }
    },
    output: 'fragile done',
    calls: { fragile: 3, undo: 1 },
  },
  'a scope that failed too, in a catch': {
    body: async (run, { step }) => {
      try {
        return await step(run, 'fragile')
      } catch (error) {
        await run
          .scope('undo', async (scope) => {
            await step(scope, 'one')
            await step(scope, 'fragile two')
          })
          .catch(() => {})
        throw error
      }
    },
    output: 'fragile done',
    calls: { fragile: 3, one: 1, 'fragile two': 2 },
  },
  'branches of a map that had ended, had begun and had failed': {
    body: (run, { step }) =>
      run.map('m', [0, 1, 2, 3], async (branch, n) => [
        await step(branch, `first ${n}`),
        n === 0 || n === 3 ? 'short' : await step(branch, `fragile ${n}`),
        n === 2 ? await step(branch, 'last') : '',
      ]),
    output: [
      ['first 0 done', 'short', ''],
      ['first 1 done', 'fragile 1 done', ''],
      ['first 2 done', 'fragile 2 done', 'last done'],
      ['first 3 done', 'short', ''],
    ],
    calls: {
      'first 0': 1,
      'first 1': 1,
      'fragile 1': 3,
      'first 2': 1,
      'fragile 2': 3,
      'first 3': 1,
      last: 1,
    },
  },
  'turns of a loop beside it': {
    body: (run, { step }) =>
      together([
        step(run, 'fragile'),
        run.loop('l', { state: [] as string[] }, async (turn, got) => {
          const next = [...got, await step(turn, `turn ${turn.turn}`, later())]
          return turn.turn === 3 ? turn.done(next) : turn.next(next)
        }),
      ]),
    output: ['fragile done', ['turn 1 done', 'turn 2 done', 'turn 3 done']],
    calls: { fragile: 3, 'turn 1': 1, 'turn 2': 1, 'turn 3': 1 },
  },
  'a loop that failed beside it': {
    body: (run, { step }) =>
      together([
        step(run, 'fragile'),
        run.loop('l', { state: [] as string[] }, async (turn, got) => {
          const name = turn.turn === 3 ? 'fragile 3' : `turn ${turn.turn}`
          const next = [...got, await step(turn, `before ${turn.turn}`), await step(turn, name)]
          return turn.turn === 4 ? turn.done(next.length) : turn.next(next)
        }),
      ]),
    output: ['fragile done', 8],
    calls: {
      fragile: 3,
      'before 1': 1,
      'turn 1': 1,
      'before 2': 1,
      'turn 2': 1,
      'before 3': 1,
      'fragile 3': 3,
      'before 4': 1,
      'turn 4': 1,
    },
  },
  'a large result, a note and a timer behind it': {
    body: async (run, world) => {
      const results = await together([
        world.step(run, 'fragile'),
        run.scope('large', async (scope) => {
          const text = await scope.step('make', async () => {
            await later()
            world.calls['make'] = (world.calls['make'] ?? 0) + 1
            return 'x'.repeat(300_000)
          })
          const list = await scope.step('list', () => ['y'.repeat(1000)])
          return { text, list }
        }),
        run.sleep('1s').then(() => run.note('slept')),
      ])
      return [results[0], (results[1] as { text: string }).text.length]
    },
    output: ['fragile done', 300_000],
    calls: { fragile: 3, make: 1 },
  },
}

/** Fails twice on the way and completes the third time. */
async function drive(test: Case): Promise<{ readonly world: World; readonly output: unknown }> {
  const world = worldOf()
  const failing = flow('failing', (run) => test.body(run, world))
  await using runtime = await testRuntime({ flows: [failing] })
  const run = await runtime.start(failing, undefined)
  await runtime.settle()
  await runtime.advance('1m')
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
  await runtime.ever.retry(run.id)
  await runtime.settle()
  await runtime.advance('1m')
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
  world.broken = false
  await runtime.ever.retry(run.id)
  await runtime.settle()
  await runtime.advance('1m')
  const settled = await runtime.settled(run)
  expect(settled).toMatchObject({ status: 'completed' })
  await runtime.verify()
  return { world, output: (settled as { readonly output: unknown }).output }
}

describe('a retry executes no success again', () => {
  test.each(Object.keys(cases))('of %s', async (name) => {
    const one = cases[name] as Case
    const { world, output } = await drive(one)
    expect(output).toEqual(one.output)
    expect(world.calls).toEqual(one.calls)
  })

  test.each(Object.keys(cases))('of %s, whenever the worker dies', async (name) => {
    const one = cases[name] as Case
    const world = worldOf()
    const failing = flow('failing', (run) => one.body(run, world))
    const report = await crashAtEveryCommit(failing, undefined, {
      prepare: () => {
        world.broken = true
        world.calls = {}
      },
      drive: async (runtime, run) => {
        await runtime.settle()
        await runtime.advance('1m')
        world.broken = false
        await runtime.ever.retry(run.id)
        await runtime.settle()
        await runtime.advance('1m')
      },
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: one.output }])
    expect(report.flaws).toEqual([])
  })
})

/** The first retry forgets the cleanup's failure alone, the second what the cleanup came from. */
test('a cleanup that a first retry mended is not done again by the second', async () => {
  const { world, output } = await drive({
    body: async (run, { step }) => {
      try {
        return await run.scope('work', (scope) => step(scope, 'fragile'))
      } finally {
        await run.cleanup('tidy', async (scope) => {
          await step(scope, 'one')
          await step(scope, 'once fragile')
        })
      }
    },
    output: undefined,
    calls: {},
  })
  expect(output).toBe('fragile done')
  expect(world.calls).toEqual({ fragile: 2, one: 1, 'once fragile': 2 })
})
