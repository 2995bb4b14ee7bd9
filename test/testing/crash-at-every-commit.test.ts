/** crashAtEveryCommit finds what differs when a worker dies, and nothing where nothing does. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { agent, agentTool, flow, tool } from 'everloop'
import { scriptedModel } from 'everloop/testing'
import { z } from 'zod'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import { crashAtEveryCommit } from '../../src/testing/crash-at-every-commit.ts'

describe('crashing at every commit', () => {
  test('reports one outcome of a sound flow, and how often each body was repeated', async () => {
    const sound = flow('sound', async (run, name: string) => {
      const first = await run.step('first', () => `${name}!`)
      const all = await run.map('each', [1, 2], async (inner, n) =>
        inner.step('double', () => n * 2),
      )
      const total = await run.loop('sum', { state: { i: 0, sum: 0 } }, async (turn, state) => {
        const add = await turn.step('add', () => all[state.i] ?? 0)
        const next = { i: state.i + 1, sum: state.sum + add }
        return next.i === 2 ? turn.done(next.sum) : turn.next(next)
      })
      const yes = await run.ask<boolean>('Sure?')
      return { first, total, yes }
    })
    const report = await crashAtEveryCommit(sound, 'hello', {
      drive: (runtime) => runtime.answer('Sure?', true),
      every: 1,
    })
    expect(report.flaws).toEqual([])
    expect(report.outcomes).toEqual([
      { status: 'completed', output: { first: 'hello!', total: 6, yes: true } },
    ])
    expect(report.executions).toEqual({
      first: 1,
      'each/0/double': 1,
      'each/1/double': 1,
      'sum/1/add': 1,
      'sum/2/add': 1,
    })
    // A body runs again only when the commit of its outcome did not happen.
    expect(Object.values(report.repeats).every((more) => more === 1)).toBe(true)
    expect(report.boundaries).toBeGreaterThan(10)
  })

  test('counts the model calls and tool calls of agents, those of runs below behind their call', async () => {
    let life = 0
    let lookedMost = 0
    const look = tool({
      name: 'look',
      description: 'Looks.',
      input: z.object({}),
      effect: 'read',
      run: () => {
        life++
        lookedMost = Math.max(lookedMost, life)
        return 'seen'
      },
    })
    const below = flow('below', async (run) => run.step('inner', () => 'done'))
    const work = agentTool(below, {
      name: 'work',
      description: 'Works.',
      inputSchema: { type: 'object' },
    })
    const model = scriptedModel(
      [
        { toolCalls: [{ id: 'l', name: 'look', input: {} }] },
        { toolCalls: [{ id: 'w', name: 'work', input: {} }] },
        { text: 'ok' },
      ],
      { by: 'turn' },
    )
    const looker = agent({ name: 'looker', model, tools: [look, work] })
    const report = await crashAtEveryCommit(
      looker,
      { prompt: 'Look.' },
      {
        flows: [below],
        prepare: () => {
          life = 0
        },
      },
    )
    expect(report.flaws).toEqual([])
    expect(report.outcomes).toEqual([{ status: 'completed', output: 'ok' }])
    const { executions, repeats } = report
    const each = {
      'turns/1/=model': 1,
      'turns/1/=call:l': 1,
      'turns/2/=model': 1,
      'turns/2/=call:w > inner': 1,
      'turns/3/=model': 1,
    }
    expect(executions).toEqual(each)
    expect(lookedMost).toBe(2)
    expect(repeats).toEqual(each)
  })

  test('counts calls to which the script gives no ids: one request has the same ids each time', async () => {
    const pay = tool({
      name: 'pay',
      description: 'Pays.',
      input: z.object({}),
      effect: 'idempotent',
      run: () => 'paid',
    })
    const model = scriptedModel(
      [
        { toolCalls: [{ name: 'pay' }, { name: 'pay' }] },
        { toolCalls: [{ name: 'pay' }] },
        { text: 'ok' },
      ],
      { by: 'turn' },
    )
    const payer = agent({ name: 'payer', model, tools: [pay] })
    const { executions, repeats, flaws } = await crashAtEveryCommit(payer, { prompt: 'Pay.' })
    expect(flaws).toEqual([])
    const each = {
      'turns/1/=model': 1,
      'turns/1/=call:call_1_1': 1,
      'turns/1/=call:call_1_2': 1,
      'turns/2/=model': 1,
      'turns/2/=call:call_2_1': 1,
      'turns/3/=model': 1,
    }
    expect(executions).toEqual(each)
    expect(repeats).toEqual(each)
  })

  test('starts each run as it is told, by a requester of approvals too', async () => {
    const ship = tool({
      name: 'ship',
      description: 'Ships.',
      input: z.object({}),
      effect: 'idempotent',
      approval: { needed: true, notBy: 'requester' },
      run: () => 'shipped',
    })
    const model = scriptedModel([{ toolCalls: [{ name: 'ship' }] }, { text: 'ok' }], { by: 'turn' })
    const started: unknown[] = []
    const report = await crashAtEveryCommit(
      agent({ name: 'shipper', model, tools: [ship] }),
      { prompt: 'Ship.' },
      {
        run: { by: 'ada', labels: { order: '42' }, queue: 'orders', deadline: '1d' },
        every: 9,
        drive: async (runtime, run) => {
          const { labels, queue } = await run.status()
          started.push({ labels, queue })
          const [asked] = await runtime.ever.approvals.list()
          await runtime.ever.approvals.approve(asked?.id ?? '', { by: 'grace' })
          await runtime.settle()
        },
      },
    )
    expect(report.flaws).toEqual([])
    expect(report.outcomes).toEqual([{ status: 'completed', output: 'ok' }])
    expect(started[0]).toEqual({ labels: { order: '42' }, queue: 'orders' })
    const misspelt = crashAtEveryCommit(
      flow('none', () => 1),
      undefined,
      {
        run: { bye: 'ada' } as never,
      },
    )
    await expect(misspelt).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringMatching(/has no option "bye"\. Did you mean "by"\?/),
    })
  })

  test.each([
    ['every', 0],
    ['every', Number.NaN],
    ['every', 0.5],
    ['drive', 5],
    ['prepare', 'first'],
  ])('is refused where %s is %s', async (name, value) => {
    const none = flow('none', () => 1)
    await expect(
      crashAtEveryCommit(none, undefined, { [name]: value } as never),
    ).rejects.toMatchObject({ code: 'BAD_OPTION', message: expect.stringContaining(name) })
  })

  test('counts the bodies of transactions', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'everloop-bodies-'))
    let files = 0
    const booking = flow('booking', (run) => run.transact('book', (tx) => tx.all('VALUES (1)')))
    const { executions } = await crashAtEveryCommit(booking, undefined, {
      store: (ports) =>
        sqliteStore({ location: join(folder, `${++files}.db`), ports, durability: 'process' }),
    })
    rmSync(folder, { recursive: true, force: true })
    expect(executions).toEqual({ book: 1 })
  })

  test('sees an outcome that depends on something outside of the ledger', async () => {
    let passes = 0
    const unsound = flow('unsound', async (run) => {
      passes++
      const seen = passes
      await run.step('first', () => 1)
      await run.step('second', () => 2)
      return seen
    })
    const report = await crashAtEveryCommit(unsound, undefined)
    expect(report.outcomes.length).toBeGreaterThan(1)
    expect(report.strays.length).toBeGreaterThan(0)
  })

  test('sees that driving a finished run once more writes something else', async () => {
    let passes = 0
    const unsound = flow('unsound', async (run) => {
      passes++
      return run.step('only', () => 1).then((one) => one + passes)
    })
    const { flaws } = await crashAtEveryCommit(unsound, undefined)
    expect(flaws.join()).toMatch(/driven once more, wrote run\.completed/)
  })
})

test('regression: a run whose output is kept beside the ledger is driven once more', async () => {
  const large = flow('large', async (run) => (await run.step('s', () => 'x')).repeat(300_000))
  const report = await crashAtEveryCommit(large, undefined)
  expect(report.outcomes).toEqual([{ status: 'completed', output: 'x'.repeat(300_000) }])
  expect(report.flaws).toEqual([])
})
