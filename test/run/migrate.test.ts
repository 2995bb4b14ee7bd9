/** Runs that move to another version of their flow, between two turns of a loop. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { flow, open, type Run } from 'everloop'
import { crashAtEveryCommit, type TestRuntime, testRuntime } from 'everloop/testing'

interface Old {
  readonly said: readonly string[]
}
interface New extends Old {
  readonly by: string
}

/** Listens for words until it has heard three, one in a turn. */
const body = async <State extends Old>(
  run: Run,
  initial: State,
  label: string,
): Promise<readonly string[]> => {
  const greeting = await run.step('greet', () => 'hello')
  return run.loop('words', { state: initial }, async (turn, state) => {
    const word = await turn.signal<string>('word')
    const heard = await turn.step(
      'hear',
      () => `${label}${'by' in state ? String(state.by) : ''}:${word}`,
    )
    const said = [...state.said, heard]
    return said.length === 3 ? turn.done([greeting, ...said]) : turn.next({ ...state, said })
  })
}

const v1 = flow({
  name: 'words',
  version: '1',
  run: async (run: Run) => body(run, { said: [] } satisfies Old, 'old'),
})
/** Version 2, with a migration or a body of the test's own. */
const second = (
  words: (state: Old) => unknown = (state: Old): New => ({ ...state, by: '!' }),
  run: (run: Run) => Promise<unknown> = (run) => body(run, { said: [], by: '?' }, 'new'),
) => flow({ name: 'words', version: '2', migrate: { '1': { words } }, run })

const v2 = second()

const speak = async (
  runtime: TestRuntime,
  id: string,
  ...words: readonly string[]
): Promise<void> => {
  for (const word of words) await runtime.signal(id, 'word', word)
}

describe('a run whose flow comes in a version that takes it over', () => {
  test('ends the turn it is in as it began, and goes on in the other version', async () => {
    await using runtime = await testRuntime({ flows: [v1] })
    const { id } = await runtime.start(v1, undefined)
    await runtime.restart({ flows: [v1, v2] })
    expect(await (await runtime.ever.get(id)).status()).toMatchObject({ version: '1' })
    await speak(runtime, id, 'a')
    expect(await (await runtime.ever.get(id)).status()).toMatchObject({
      version: '2',
      status: 'waiting',
    })
    await runtime.restart({ flows: [v2] }) // the old code is not needed any more
    await speak(runtime, id, 'b', 'c')
    expect(await (await runtime.ever.get(id)).result()).toEqual([
      'hello',
      'old:a',
      'new!:b',
      'new!:c',
    ])
    await runtime.verify()
    const moved = (await runtime.ledger(id)).filter(({ kind }) => /migrated|turn/.test(kind))
    expect(moved.map(({ kind, data }) => [kind, data])).toMatchObject([
      ['turn.committed', expect.not.objectContaining({ version: expect.anything() })],
      ['run.migrated', { version: '2' }],
      ['turn.committed', { version: '2' }],
      ['turn.committed', expect.not.objectContaining({ version: expect.anything() })],
    ])
  })

  test('moves at once where no turn has begun', async () => {
    await using runtime = await testRuntime({ flows: [v1, v2] })
    const { id } = await runtime.start(v1, undefined)
    expect(await (await runtime.ever.get(id)).status()).toMatchObject({ version: '2' })
    await speak(runtime, id, 'a', 'b', 'c')
    expect(await (await runtime.ever.get(id)).result()).toEqual([
      'hello',
      'new!:a',
      'new!:b',
      'new!:c',
    ])
  })

  test('has one outcome wherever it crashes', async () => {
    const report = await crashAtEveryCommit(v1, undefined, {
      flows: [v2],
      drive: (runtime, { id }) => speak(runtime, id, 'a', 'b', 'c'),
    })
    expect(report.outcomes).toEqual([
      { status: 'completed', output: ['hello', 'new!:a', 'new!:b', 'new!:c'] },
    ])
    expect(report.flaws).toEqual([])
    expect(report.boundaries).toBeGreaterThan(10)
  })

  test('has one outcome wherever it crashes after it was deployed in the middle of a turn', async () => {
    const report = await crashAtEveryCommit(v1, undefined, {
      drive: async (runtime, { id }) => {
        await runtime.restart({ flows: [v1, v2] })
        await speak(runtime, id, 'a', 'b', 'c')
      },
    })
    expect(report.outcomes).toEqual([
      { status: 'completed', output: ['hello', 'old:a', 'new!:b', 'new!:c'] },
    ])
    expect(report.flaws).toEqual([])
  })

  test('moves in SQLite as in memory', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'everloop-migrate-'))
    const store = `sqlite:${join(dir, 'ledger.db')}`
    try {
      {
        await using ever = await open({ store, flows: [v1] })
        await ever.start(v1, undefined, { id: 'r' })
        await ever.work({ until: 'idle' })
      }
      await using ever = await open({ store, flows: [v1, v2] })
      for (const word of ['a', 'b', 'c']) {
        await ever.signal('r', 'word', word)
        await ever.work({ until: 'idle' })
      }
      const run = await ever.get('r')
      expect(await run.status()).toMatchObject({ version: '2' })
      expect(await run.result()).toEqual(['hello', 'old:a', 'new!:b', 'new!:c'])
      expect(await ever.verify('r')).toMatchObject({ ok: true })
    } finally {
      await rm(dir, { recursive: true })
    }
  })

  test('waits for a worker that has the other version, and says so', async () => {
    await using runtime = await testRuntime({ flows: [v1, v2] })
    const { id } = await runtime.start(v1, undefined)
    await runtime.restart({ flows: [v1] })
    await runtime.ever.signal(id, 'word', 'a')
    expect(await (await runtime.ever.get(id)).status()).toMatchObject({
      version: '2',
      status: 'ready',
    })
    await runtime.restart({ flows: [v2] })
    await speak(runtime, id, 'b', 'c')
    expect(await (await runtime.ever.get(id)).result()).toEqual([
      'hello',
      'new!:a',
      'new!:b',
      'new!:c',
    ])
  })

  test('moves to the last version that takes it over, never back, and on from there', async () => {
    const version = (name: string, from: readonly string[]) =>
      flow({
        name: 'words',
        version: name,
        migrate: Object.fromEntries(
          from.map((old) => [
            old,
            { words: (state: Partial<New>) => ({ ...state, by: (state.by ?? '') + name }) },
          ]),
        ),
        run: async (run: Run) => body(run, { said: [], by: '' }, ''),
      })
    const [two, three, four] = [
      version('2', ['1', '4']),
      version('3', ['1', '2']),
      version('4', ['3']),
    ]
    await using runtime = await testRuntime({ flows: [v1] })
    const { id } = await runtime.start(v1, undefined)
    await runtime.restart({ flows: [v1, two, three, four] })
    await speak(runtime, id, 'a')
    expect(await (await runtime.ever.get(id)).status()).toMatchObject({ version: '4' })
    await speak(runtime, id, 'b', 'c')
    expect(await (await runtime.ever.get(id)).result()).toEqual(['hello', 'old:a', '34:b', '34:c'])
    await runtime.verify()
  })
})

describe('a run that cannot move', () => {
  test.each<[string, (state: Old) => unknown, string]>([
    [
      'throws',
      () => {
        throw new TypeError('no draft')
      },
      'no draft',
    ],
    ['returns nothing', () => undefined, 'returned no state'],
    ['returns what cannot be kept', () => ({ f: () => 1 }), 'function'],
    [
      'changes what it is handed',
      (state) => {
        ;(state.said as string[]).push('x')
        return state
      },
      'not extensible',
    ],
    ['returns a promise', async (state) => ({ ...state, by: '!' }), 'Promise'],
    [
      'returns a promise that is rejected',
      async () => Promise.reject(new Error('later')),
      'Promise',
    ],
  ])(
    'because migrate %s is paused behind its turn, and moves when that is mended',
    async (_, migrate, why) => {
      await using runtime = await testRuntime({ flows: [v1] })
      const { id } = await runtime.start(v1, undefined)
      await runtime.restart({ flows: [v1, second(migrate)] })
      await speak(runtime, id, 'a')
      const run = await runtime.ever.get(id)
      expect(await run.settled()).toMatchObject({
        status: 'paused',
        code: 'MIGRATION_FAILED',
        message: expect.stringContaining(why),
      })
      // Where what was thrown ends, and what everloop says of it begins.
      expect(await run.settled()).toMatchObject({
        message: expect.stringMatching(
          /version "2" \([^]+\)\. Nothing has changed\. Mend `migrate`/,
        ),
      })
      expect(await run.status()).toMatchObject({ version: '1' })
      await runtime.restart({ flows: [v1, v2] })
      await runtime.ever.resume(id)
      await speak(runtime, id, 'b', 'c')
      expect(await run.result()).toEqual(['hello', 'old:a', 'new!:b', 'new!:c'])
      await runtime.verify()
    },
  )

  test('can be cancelled, and its code is told', async () => {
    let told: unknown
    const careful = flow('words', async (run: Run) =>
      body(run, { said: [] } satisfies Old, 'old').catch((error: unknown) => {
        told = error
        throw error
      }),
    )
    const broken = second(() => undefined)
    await using runtime = await testRuntime({ flows: [careful, broken] })
    const { id } = await runtime.start(careful, undefined)
    const run = await runtime.ever.get(id)
    expect(await run.settled()).toMatchObject({ code: 'MIGRATION_FAILED' })
    await runtime.ever.cancel(id, 'enough')
    await runtime.settle()
    expect(await run.settled()).toMatchObject({ status: 'cancelled', reason: 'enough' })
    expect(told).toMatchObject({ code: 'CANCELLED' })
    await runtime.verify()
  })

  test('is cancelled by a cancel that comes while what is busy beside ends', async () => {
    const beside = (version: string, migrate: object = {}) =>
      flow({
        name: 'beside',
        version,
        migrate: migrate as never,
        run: async (run: Run) => {
          const slow = run.step('slow', async ({ signal }) => {
            await new Promise((resolve) => signal.addEventListener('abort', resolve))
          })
          await run.step('quick', () => 1)
          await run.loop('listen', { state: 0 }, async (turn, n) => {
            await turn.signal('word')
            return turn.next(n + 1)
          })
          await slow
        },
      })
    const [old, broken] = [beside('1'), beside('2', { '1': { listen: () => undefined } })]
    await using runtime = await testRuntime({ flows: [old, broken] })
    const run = await runtime.ever.start(old, undefined)
    await runtime.runUntil(async () => (await runtime.ledger(run.id)).length === 2)
    await runtime.ever.cancel(run.id, 'enough')
    await runtime.settle()
    expect(await run.settled()).toMatchObject({ status: 'cancelled', reason: 'enough' })
    await runtime.verify()
  })

  test('because the code around the loop is another is paused as DIVERGED, with nothing repeated', async () => {
    const other = second(undefined, async (run) => {
      await run.step('greet differently', () => 'hi')
      return body(run, { said: [], by: '' }, 'other')
    })
    await using runtime = await testRuntime({ flows: [v1, other] })
    const { id } = await runtime.start(v1, undefined)
    const run = await runtime.ever.get(id)
    expect(await run.settled()).toMatchObject({ status: 'paused', code: 'DIVERGED' })
    await runtime.restart({ flows: [v2] })
    await runtime.ever.resume(id)
    await speak(runtime, id, 'a', 'b', 'c')
    expect(await run.result()).toEqual(['hello', 'new!:a', 'new!:b', 'new!:c'])
  })
})

describe('loops beside and around', () => {
  /** Each loop adds what it hears until it hears the end. */
  const listening = (run: Run, name: string) =>
    run.loop(name, { state: '' }, async (turn, state) => {
      const word = await turn.signal<string>(name)
      return word === 'end' ? turn.done(state) : turn.next(state + word)
    })
  const both = (version: string, migrate: object = {}) =>
    flow({
      name: 'both',
      version,
      migrate: migrate as never,
      run: async (run: Run) =>
        run.all('all', [
          async (left) => listening(left, 'left'),
          async (right) => listening(right, 'right'),
        ]),
    })

  test('no run moves while a loop beside is in the middle of a turn', async () => {
    const [old, next] = [both('1'), both('2', { '1': { left: (state: string) => `${state}>` } })]
    await using runtime = await testRuntime({ flows: [old] })
    const { id } = await runtime.start(old, undefined)
    await runtime.restart({ flows: [old, next] })
    await runtime.signal(id, 'left', 'a')
    expect(await (await runtime.ever.get(id)).status()).toMatchObject({ version: '1' })
    await runtime.signal(id, 'right', 'end')
    await runtime.signal(id, 'left', 'b')
    expect(await (await runtime.ever.get(id)).status()).toMatchObject({ version: '2' })
    await runtime.signal(id, 'left', 'end')
    expect(await (await runtime.ever.get(id)).result()).toEqual(['ab>', ''])
    await runtime.verify()
  })

  test('loops beside of which nothing has begun do not keep a run from moving', async () => {
    const add = (state: string): string => `${state}>`
    const [old, next] = [both('1'), both('2', { '1': { left: add, right: add } })]
    await using runtime = await testRuntime({ flows: [old, next] })
    const { id } = await runtime.start(old, undefined)
    expect(await (await runtime.ever.get(id)).status()).toMatchObject({ version: '2' })
    for (const name of ['left', 'right']) await runtime.signal(id, name, 'end')
    expect(await (await runtime.ever.get(id)).result()).toEqual(['>', ''])
    await runtime.verify()
  })

  test('no run moves past a loop beside that the code is still on its way to', async () => {
    const slow = (version: string, migrate: object = {}) =>
      flow({
        name: 'slow',
        version,
        migrate: migrate as never,
        run: async (run: Run) =>
          run.all('all', [
            async (left) => listening(left, 'left'),
            async (right) => {
              await new Promise((resolve) => setTimeout(resolve, 20))
              return listening(right, 'right')
            },
          ]),
      })
    const [old, next] = [slow('1'), slow('2', { '1': { left: (state: string) => `${state}>` } })]
    await using runtime = await testRuntime({ flows: [old] })
    const { id } = await runtime.start(old, undefined)
    await runtime.signal(id, 'right', 'a')
    await runtime.restart({ flows: [old, next] })
    await runtime.signal(id, 'left', 'b')
    expect(await (await runtime.ever.get(id)).status()).toMatchObject({ version: '1' })
    for (const name of ['left', 'right']) await runtime.signal(id, name, 'end')
    expect(await (await runtime.ever.get(id)).result()).toEqual(['b', 'a'])
  })

  test('a loop that begins beside while the run is about to move is handed one form of its state', async () => {
    const flows = ['1', '2'].map((version) =>
      flow({
        name: 'forms',
        version,
        ...(version === '1' ? {} : { migrate: { '1': { left: (state: string) => state } } }),
        run: async (run: Run) =>
          run.all('all', [
            async (left) => {
              await left.step('quick', () => 1)
              return listening(left, 'left')
            },
            async (right) => {
              await right.step('slow', () => new Promise((resolve) => setTimeout(resolve, 20)))
              return right.loop(
                'right',
                { state: { of: version, turn: 0 } },
                async (turn, state) => {
                  if (state.turn === 1) await turn.signal('right')
                  if (state.turn === 2) return turn.done([version, state.of])
                  return turn.next({ ...state, turn: state.turn + 1 })
                },
              )
            },
          ]),
      }),
    )
    await using runtime = await testRuntime({ flows })
    const { id } = await runtime.start(flows[0]!, undefined)
    for (const name of ['left', 'right']) await runtime.signal(id, name, 'end')
    const [, right] = (await (await runtime.ever.get(id)).result()) as [string, string[]]
    expect(new Set(right).size).toBe(1)
  })

  test('nothing that the old code does comes behind a move', async () => {
    const flows = ['1', '2'].map((version) =>
      flow({
        name: 'race',
        version,
        ...(version === '1' ? {} : { migrate: { '1': { left: (state: string) => state } } }),
        run: async (run: Run) => {
          const slow = run.step('slow', () => new Promise((resolve) => setTimeout(resolve, 20)))
          await run.step('quick', () => 1)
          await Promise.race([listening(run, 'left'), slow])
          return run.loop('after', { state: '' }, (turn) => turn.done(version))
        },
      }),
    )
    await using runtime = await testRuntime({ flows })
    const { id } = await runtime.start(flows[0]!, undefined)
    const run = await runtime.ever.get(id)
    expect(await run.result()).toBe((await run.status()).version)
  })

  test('a loop in a turn moves the run when its own turn has ended', async () => {
    const nested = (version: string, migrate: object = {}) =>
      flow({
        name: 'nested',
        version,
        migrate: migrate as never,
        run: async (run: Run) =>
          run.loop('outer', { state: [] as string[] }, async (turn, state) => {
            const title = await turn.step('title', () => `t${state.length}`)
            const inner = await listening(turn, 'inner')
            const said = [...state, `${title}=${inner}${version}`]
            return said.length === 2 ? turn.done(said) : turn.next(said)
          }),
      })
    const [old, next] = [
      nested('1'),
      nested('2', { '1': { inner: (state: string) => `${state}>` } }),
    ]
    const report = await crashAtEveryCommit(old, undefined, {
      drive: async (runtime, { id }) => {
        await runtime.signal(id, 'inner', 'a')
        await runtime.restart({ flows: [old, next] })
        await runtime.signal(id, 'inner', 'b')
        for (const word of ['c', 'end', 'd', 'end']) await runtime.signal(id, 'inner', word)
      },
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: ['t0=ab>c2', 't1=d2'] }])
    expect(report.flaws).toEqual([])
  })

  test('a loop whose loop around is taken over, too, waits for that one: no state is left in the old form', async () => {
    const nested = (version: string, migrate: object = {}) =>
      flow({
        name: 'nested',
        version,
        migrate: migrate as never,
        run: async (run: Run) =>
          run.loop(
            'outer',
            { state: { form: version, said: [] as string[] } },
            async (turn, state) => {
              const said = [
                ...state.said,
                `${version}:${state.form}${await listening(turn, 'inner')}`,
              ]
              return said.length === 3 ? turn.done(said) : turn.next({ ...state, said })
            },
          ),
      })
    const [old, next] = [
      nested('1'),
      nested('2', {
        '1': {
          inner: (state: string) => `${state}>`,
          outer: (state: object) => ({ ...state, form: '2' }),
        },
      }),
    ]
    await using runtime = await testRuntime({ flows: [old] })
    const { id } = await runtime.start(old, undefined)
    for (const word of ['end', 'a']) await runtime.signal(id, 'inner', word)
    await runtime.restart({ flows: [old, next] })
    await runtime.signal(id, 'inner', 'b')
    expect(await (await runtime.ever.get(id)).status()).toMatchObject({ version: '1' })
    for (const word of ['end', 'c', 'end']) await runtime.signal(id, 'inner', word)
    expect(await (await runtime.ever.get(id)).result()).toEqual(['1:1', '1:1ab', '2:2c'])
    await runtime.verify()
  })

  test('steps beside that are busy end before the other version takes over', async () => {
    let calls = 0
    const beside = (version: string, migrate: object = {}) =>
      flow({
        name: 'beside',
        version,
        migrate: migrate as never,
        run: async (run: Run) =>
          run.all('all', [
            async (left) =>
              left.step('slow', async () => {
                calls++
                await new Promise((resolve) => setTimeout(resolve, 20))
                return 'slow'
              }),
            async (right) => listening(right, 'right'),
          ]),
      })
    await using runtime = await testRuntime({
      flows: [beside('1'), beside('2', { '1': { right: (state: string) => `${state}>` } })],
    })
    const { id } = await runtime.start('beside', undefined)
    await runtime.signal(id, 'right', 'end')
    expect(await (await runtime.ever.get(id)).result()).toEqual(['slow', ''])
    expect(calls).toBe(1)
  })
})

test('what the state refers to is not written again when a run moves', async () => {
  const big = 'x'.repeat(200_000)
  const holding = (version: string, migrate: object = {}) =>
    flow({
      name: 'holding',
      version,
      migrate: migrate as never,
      run: async (run: Run) =>
        run.loop(
          'l',
          { state: { items: [] as { text: string }[], note: '' } },
          async (turn, state) => {
            await turn.signal('go')
            const item = await turn.step('read', () => ({ text: big }))
            return state.items.length === 3
              ? turn.done([state.items.map(({ text }) => text.length), state.note])
              : turn.next({ ...state, items: [...state.items, item] })
          },
        ),
    })
  const [old, next] = [
    holding('1'),
    holding('2', { '1': { l: (state: object) => ({ ...state, note: 'moved' }) } }),
  ]
  await using runtime = await testRuntime({ flows: [old] })
  const { id } = await runtime.start(old, undefined)
  for (let i = 0; i < 2; i++) await runtime.signal(id, 'go')
  await runtime.restart({ flows: [old, next] })
  await runtime.signal(id, 'go')
  const turn = (await runtime.store.entries(id)).findLast(({ kind }) => kind === 'turn.committed')
  expect(turn?.payload).toContain('"version":"2"')
  expect(turn?.payload?.length).toBeLessThan(1000)
  await runtime.signal(id, 'go')
  expect(await (await runtime.ever.get(id)).result()).toEqual([
    [200_000, 200_000, 200_000],
    'moved',
  ])
})

test('a run that has moved can fail and be retried', async () => {
  let isBroken = true
  const next = second(undefined, async (run) => {
    const said = await body(run, { said: [], by: '' }, 'new')
    return run.step('print', () => {
      if (isBroken) throw new Error('no paper')
      return said.length
    })
  })
  await using runtime = await testRuntime({ flows: [v1, next] })
  const { id } = await runtime.start(v1, undefined)
  await speak(runtime, id, 'a', 'b', 'c')
  const run = await runtime.ever.get(id)
  expect(await run.settled()).toMatchObject({ status: 'failed' })
  isBroken = false
  await runtime.ever.retry(id)
  await runtime.settle()
  expect(await run.result()).toBe(4)
  await runtime.verify()
})

describe('a loop that failed before its run moved', () => {
  const seen: string[] = []
  let isBroken = true
  const importing = (version: string, { migrate = {}, survives = false } = {}) =>
    flow({
      name: 'importing',
      version,
      migrate: migrate as never,
      run: async (run: Run) => {
        const initial = { form: version, n: 0 }
        const failed = await run
          .loop('import', { state: initial }, async (turn, state) => {
            seen.push(`${version}:${state.form}`)
            await turn.step('read', () => {
              if (isBroken && state.n === 1) throw new Error('broken')
            })
            return state.n === 1 ? turn.done(undefined) : turn.next({ ...state, n: 1 })
          })
          .catch((error: unknown) => error)
        const served = await run.loop('serve', { state: initial }, async (turn, state) => {
          const word = await turn.signal<string>('word')
          return word === 'end' ? turn.done(state.form) : turn.next(state)
        })
        if (failed !== undefined && !survives) throw failed as Error
        return served
      },
    })
  const form = (state: object): unknown => ({ ...state, form: '2' })
  const migrate = { '1': { import: form, serve: form } }
  const old = importing('1')

  test('stays failed when it is retried: no code is handed a state of another version', async () => {
    isBroken = true
    seen.length = 0
    await using runtime = await testRuntime({ flows: [old] })
    const { id } = await runtime.start(old, undefined)
    await runtime.restart({ flows: [old, importing('2', { migrate })] })
    const run = await runtime.ever.get(id)
    await speak(runtime, id, 'a', 'end')
    expect(await run.status()).toMatchObject({ version: '2' })
    expect(await run.settled()).toMatchObject({ status: 'failed' })
    isBroken = false
    await runtime.ever.retry(id)
    await runtime.settle()
    expect(await run.settled()).toMatchObject({ status: 'failed' })
    expect(new Set(seen)).toEqual(new Set(['1:1']))
    await runtime.restart({ flows: [importing('2', { migrate, survives: true })] })
    await runtime.ever.retry(id)
    await runtime.settle()
    expect(await run.result()).toBe('2')
    expect(new Set(seen)).toEqual(new Set(['1:1']))
    await runtime.verify()
  })

  test('keeps what failed before it from being tried again: the code would not ask for the loop', async () => {
    let isWet = true
    const repairing = (version: string, migrates: object = {}) =>
      flow({
        name: 'repairing',
        version,
        migrate: migrates as never,
        run: async (run: Run) => {
          const leak = await run
            .step('look', () => {
              if (isWet) throw new Error('wet')
            })
            .catch((error: unknown) => error)
          const mended = await (leak === undefined
            ? undefined
            : run
                .loop('repair', { state: 0 }, async (turn, n) => {
                  await turn.step('mend', () => {
                    if (n === 1) throw new Error('no tools')
                  })
                  return turn.next(n + 1)
                })
                .catch(() => undefined))
          await run.loop('serve', { state: 0 }, async (turn, n) => {
            const word = await turn.signal<string>('word')
            return word === 'end' ? turn.done(n) : turn.next(n + 1)
          })
          if (leak !== undefined) throw leak as Error
          return mended
        },
      })
    const [first, next] = [
      repairing('1'),
      repairing('2', { '1': { serve: (n: number) => n, repair: (n: number) => n } }),
    ]
    await using runtime = await testRuntime({ flows: [first] })
    const { id } = await runtime.start(first, undefined)
    await runtime.restart({ flows: [first, next] })
    const run = await runtime.ever.get(id)
    await speak(runtime, id, 'a', 'end')
    expect(await run.status()).toMatchObject({ version: '2', status: 'failed' })
    isWet = false
    await runtime.ever.retry(id)
    await runtime.settle()
    expect(await run.settled()).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('wet') },
    })
    await runtime.verify()
  })
})

test.each<[string, unknown]>([
  ['a function', () => 1],
  ['a function for a version', { '1': () => 1 }],
  ['no function for a loop', { '1': { words: 1 } }],
  ['its own version', { '2': { words: () => 1 } }],
  ['an empty version', { '': { words: () => 1 } }],
])('a flow with %s in migrate is refused', (_, migrate) => {
  const make = (): unknown =>
    flow({ name: 'f', version: '2', migrate: migrate as never, run: async () => 1 })
  expect(make).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/BAD_(OPTION|NAME)/) }),
  )
})
