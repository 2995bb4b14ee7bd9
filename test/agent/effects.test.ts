/** What tools do to the world: once, undone, in doubt, cancelled, tried again. */
import { describe, expect, test } from 'vitest'
import {
  agent,
  agentTool,
  done,
  type Finding,
  NotDone,
  notDone,
  secret,
  tool,
  type ToolContext,
  unknown,
} from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { toldOf } from './prompts.ts'

const order = z.object({ order: z.string() })

/** A refund that does what it is told, in a world that remembers. */
function refunding(
  behave: (attempt: number) => 'works' | 'works and throws' | 'throws' | 'was not done',
  reconcile?: (world: { refunds: readonly string[] }, order: string) => Finding<string>,
) {
  const world = { refunds: [] as string[], keys: new Set<string>(), calls: 0 }
  const refund = tool<{ order: string }, string>({
    name: 'refund',
    description: 'Refunds an order.',
    input: order,
    effect: 'once',
    settle: '1m',
    ...(reconcile ? { reconcile: (input) => reconcile(world, input.order) } : {}),
    run: (input, { idempotencyKey }) => {
      world.calls++
      world.keys.add(idempotencyKey)
      const how = behave(world.calls)
      if (how === 'was not done') throw new NotDone('closed')
      if (how !== 'throws') world.refunds.push(input.order)
      if (how !== 'works') throw new Error('connection lost')
      return 'refunded'
    },
  })
  const model = scriptedModel(
    [{ toolCalls: [{ id: 'r', name: 'refund', input: { order: '42' } }] }, { text: 'Done.' }],
    { by: 'turn' },
  )
  return { world, model, clerk: agent({ name: 'clerk', model, tools: [refund] }) }
}

describe('a call in doubt', () => {
  test('is found by reconcile, and the model is told of it as done', async () => {
    const { world, model, clerk } = refunding(
      () => 'works and throws',
      ({ refunds }, id) => (refunds.includes(id) ? done('found') : notDone()),
    )
    await using runtime = await testRuntime({ flows: [clerk] })
    const run = await runtime.start(clerk, { prompt: 'Refund 42.' })
    expect(model.requests).toHaveLength(1)
    await runtime.advance('2m')
    expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
    expect(world).toMatchObject({ refunds: ['42'], calls: 1 })
    expect(toldOf(model, 1)).toEqual([{ type: 'text', value: 'found' }])
  })

  test('is looked for with the secrets that the call was made with', async () => {
    const model = scriptedModel(
      [{ toolCalls: [{ id: 'r', name: 'refund', input: { order: '42' } }] }, { text: 'Done.' }],
      { by: 'turn' },
    )
    const asked: string[] = []
    const refund = tool({
      name: 'refund',
      description: 'Refunds an order.',
      input: order,
      effect: 'once',
      run: async (input, { secrets }) => {
        asked.push(`${await secrets.get('BANK')} refund ${input.order}`)
        throw new Error('connection lost')
      },
      reconcile: async (input, { secrets, call }) => {
        asked.push(`${await secrets.get('BANK')} find ${input.order} ${call}`)
        return notDone()
      },
    })
    const clerk = agent({ name: 'clerk', model, tools: [refund] })
    await using runtime = await testRuntime({ flows: [clerk], secrets: { BANK: 'bank key' } })
    const run = await runtime.start(clerk, { prompt: 'Refund 42.' })
    await runtime.advance('1h')
    expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
    expect(asked).toEqual(['bank key refund 42', 'bank key find 42 r'])
  })

  test('that nobody can tell of is put to a person, and never made again by itself', async () => {
    const { world, model, clerk } = refunding(
      () => 'works and throws',
      () => unknown('No access.'),
    )
    await using runtime = await testRuntime({ flows: [clerk] })
    const run = await runtime.start(clerk, { prompt: 'Refund 42.' })
    await runtime.advance('2d')
    const [question] = await runtime.ever.questions()
    expect(question).toMatchObject({ kind: 'effect', prompt: expect.stringContaining('refund') })
    await runtime.ever.answer(
      question?.id ?? '',
      { verdict: 'done', result: 'seen' },
      { by: 'eve' },
    )
    expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
    expect(world.calls).toBe(1)
    expect(toldOf(model, 1)).toEqual([{ type: 'text', value: 'seen' }])
  })

  test('takes from a person only what fits the schema of its output, as the schema hands it on', async () => {
    const model = scriptedModel(
      [{ toolCalls: [{ id: 'r', name: 'refund', input: {} }] }, { text: 'Done.' }],
      { by: 'turn' },
    )
    const refund = tool({
      name: 'refund',
      description: 'Refunds an order.',
      input: z.object({}),
      effect: 'once',
      // The refinement is what no JSON Schema says.
      output: z.object({
        cents: z.number().refine((cents) => cents !== 13, 'Never 13.'),
        currency: z.string().default('EUR'),
      }),
      run: (): { cents: number; currency: string } => {
        throw new Error('connection lost')
      },
    })
    const clerk = agent({ name: 'clerk', model, tools: [refund] })
    await using runtime = await testRuntime({ flows: [clerk] })
    const { ever } = runtime
    const run = await runtime.start(clerk, { prompt: 'Refund.' })
    await runtime.advance('1h')
    const answer = async (result: unknown): Promise<void> => {
      const [question] = await ever.questions()
      await ever.answer(question?.id ?? '', { verdict: 'done', result }, { by: 'eve' })
      await runtime.settle()
    }
    await expect(answer({ cents: 'many' })).rejects.toMatchObject({ code: 'BAD_INPUT' })
    await answer({ cents: 13 })
    const entries = await runtime.store.entries(run.id, { limit: 1000 })
    expect(entries.at(-1)).toMatchObject({
      kind: 'effect.refused',
      payload: expect.stringContaining('Never 13.'),
    })
    await answer(undefined)
    expect((await runtime.store.entries(run.id, { limit: 1000 })).at(-1)?.kind).toBe(
      'effect.refused',
    )
    await answer({ cents: 12 })
    expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
    expect(toldOf(model, 1)).toEqual([{ type: 'json', value: { cents: 12, currency: 'EUR' } }])
    expect(await ever.verify(run.id)).toMatchObject({ ok: true })
  })

  test('holds a cancel until it is known', async () => {
    const { world, clerk } = refunding(
      () => 'works and throws',
      ({ refunds }, id) => (refunds.includes(id) ? done('found') : notDone()),
    )
    await using runtime = await testRuntime({ flows: [clerk] })
    const run = await runtime.start(clerk, { prompt: 'Refund 42.' })
    await runtime.ever.cancel(run.id, 'Enough.')
    expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
    await runtime.advance('2m')
    expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
    expect(world.calls).toBe(1)
  })
})

test('what was surely not done is told to the model as an error', async () => {
  const { world, model, clerk } = refunding(() => 'was not done')
  await using runtime = await testRuntime({ flows: [clerk] })
  const run = await runtime.start(clerk, { prompt: 'Refund 42.' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(world.refunds).toEqual([])
  expect(toldOf(model, 1)).toEqual([{ type: 'error-text', value: 'Error: NotDone: closed' }])
})

/** A trip whose second booking ends as the test wants, with hotels that can be cancelled. */
function travelling(second: 'fails the run' | 'waits') {
  const world: string[] = []
  const book = tool({
    name: 'book',
    description: 'Books a hotel.',
    input: z.object({ hotel: z.string() }),
    effect: 'idempotent',
    undo: async ({ hotel }, result, { secrets, idempotencyKey }) => {
      world.push(
        `undo ${hotel} ${String(result)} ${(await secrets.get('KEY')).length} ${idempotencyKey.length}`,
      )
    },
    run: ({ hotel }) => {
      world.push(`book ${hotel}`)
      return `#${hotel}`
    },
  })
  const confirm = tool({
    name: 'confirm',
    description: 'Confirms.',
    input: z.object({}),
    effect: 'read',
    approval: true,
    run: () => 'confirmed',
  })
  const model = scriptedModel(
    [
      { toolCalls: [{ id: 'a', name: 'book', input: { hotel: 'A' } }] },
      { toolCalls: [{ id: 'b', name: 'book', input: { hotel: 'B' } }] },
      second === 'waits'
        ? { toolCalls: [{ id: 'c', name: 'confirm', input: {} }] }
        : { error: 'gone for good', status: 401 },
      { text: 'Booked.' },
    ],
    { by: 'turn' },
  )
  return { world, model, traveller: agent({ name: 'traveller', model, tools: [book, confirm] }) }
}

const secrets = { KEY: 'correct horse battery' }

test('an agent that fails undoes what its tools did, the last first', async () => {
  const { world, traveller } = travelling('fails the run')
  await using runtime = await testRuntime({ flows: [traveller], secrets })
  const run = await runtime.start(traveller, { prompt: 'Book.' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
  expect(world).toEqual(['book A', 'book B', 'undo B #B 21 43', 'undo A #A 21 43'])
  expect(await runtime.ever.undos(run.id)).toMatchObject([
    { action: 'traveller.book', input: { hotel: 'B' }, state: 'undone' },
    { action: 'traveller.book', input: { hotel: 'A' }, state: 'undone' },
  ])
  expect(await runtime.ever.verify(run.id)).toMatchObject({ ok: true })
})

test('an undo has the time of a call, and knows the key of the call it undoes', async () => {
  const called: string[] = []
  const undone: string[] = []
  const book = (name: string, timeout?: '5s') =>
    tool({
      name,
      description: 'Books a hotel.',
      input: z.object({}),
      effect: 'idempotent',
      ...(timeout ? { timeout } : {}),
      run: (_, { idempotencyKey }) => {
        called.push(idempotencyKey)
        return 'booked'
      },
      undo: async (_, __, { of, idempotencyKey, attempt, signal }) => {
        expect(idempotencyKey).not.toBe(of.idempotencyKey)
        if (attempt === 1) {
          const started = runtime.time.clock.now()
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          undone.push(`${name} gave up after ${runtime.time.clock.now() - started}`)
        } else undone.push(of.idempotencyKey)
      },
    })
  const model = scriptedModel(
    [
      { toolCalls: [{ id: 'a', name: 'quick', input: {} }] },
      { toolCalls: [{ id: 'b', name: 'patient', input: {} }] },
      { error: 'gone for good', status: 401 },
    ],
    { by: 'turn' },
  )
  const tools = [book('quick', '5s'), book('patient')]
  const traveller = agent({ name: 'traveller', model, tools })
  await using runtime = await testRuntime({ flows: [traveller] })
  const run = await runtime.start(traveller, { prompt: 'Book.' })
  await runtime.advance('1h')
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
  expect(undone).toEqual([
    'patient gave up after 60000',
    called[1],
    'quick gave up after 5000',
    called[0],
  ])
})

test('an undo is handed what is known of the call: no result when nobody said one', async () => {
  const undone: unknown[] = []
  const keys: string[] = []
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    input: z.object({ order: z.string() }),
    effect: 'once',
    settle: '0s',
    run: (_, { idempotencyKey }): { id: string } => {
      keys.push(idempotencyKey)
      throw new Error('gateway timeout')
    },
    undo: ({ order }, result, { of }) => {
      undone.push([order, result?.id, of.idempotencyKey])
    },
  })
  const call = (order: string) => ({
    toolCalls: [{ id: order, name: 'pay', input: { order } }],
  })
  const model = scriptedModel(
    [call('a'), call('b'), call('c'), { error: 'gone for good', status: 401 }],
    { by: 'turn' },
  )
  const payer = agent({ name: 'payer', model, tools: [pay] })
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  for (const answer of [
    { verdict: 'fail' },
    { verdict: 'done' },
    { verdict: 'done', result: { id: 'p3' } },
  ]) {
    const [question] = await runtime.ever.questions()
    await runtime.ever.answer(question?.id ?? '', answer)
    await runtime.settle()
  }
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
  expect(undone).toEqual([
    ['c', 'p3', keys[2]],
    ['b', undefined, keys[1]],
    ['a', undefined, keys[0]],
  ])
})

test('a cancel while an approval is waited for undoes too, across processes', async () => {
  const { world, traveller } = travelling('waits')
  await using runtime = await testRuntime({ flows: [traveller], secrets })
  const run = await runtime.start(traveller, { prompt: 'Book.' })
  runtime.crash()
  await runtime.ever.cancel(run.id, 'Enough.')
  expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
  expect(world).toEqual(['book A', 'book B', 'undo B #B 21 43', 'undo A #A 21 43'])
  expect(await runtime.ever.approvals.list()).toEqual([])
})

test('a child agent is cancelled with its parent', async () => {
  const { world, traveller } = travelling('waits')
  const delegate = agentTool(traveller, { name: 'travel', description: 'Books a trip.' })
  const model = scriptedModel([{ toolCalls: [{ name: 'travel', input: { prompt: 'Book.' } }] }])
  const boss = agent({ name: 'boss', model, tools: [delegate] })
  await using runtime = await testRuntime({ flows: [boss, traveller], secrets })
  const run = await runtime.start(boss, { prompt: 'Go.' })
  expect(await runtime.ever.approvals.list()).toHaveLength(1)
  await runtime.ever.cancel(run.id, 'Enough.')
  expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
  await runtime.settle()
  expect(world.slice(2)).toEqual(['undo B #B 21 43', 'undo A #A 21 43'])
})

test('a failed agent that is retried goes on from its failure, and calls nothing twice', async () => {
  const calls: string[] = []
  const look = tool({
    name: 'look',
    description: 'Looks.',
    input: z.object({ at: z.string() }),
    effect: 'read',
    run: ({ at }) => void calls.push(at),
  })
  let isUp = false
  const model = scriptedModel(({ turn }) => {
    if (turn === 0) return { toolCalls: [{ id: 'a', name: 'look', input: { at: 'a' } }] }
    if (!isUp) return { error: 'no key', status: 401 }
    return turn === 1
      ? { toolCalls: [{ id: 'b', name: 'look', input: { at: 'b' } }] }
      : { text: 'Seen.' }
  })
  const looker = agent({ name: 'looker', model, tools: [look] })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.start(looker, { prompt: 'Look.' })
  expect(await runtime.settled(run)).toMatchObject({
    status: 'failed',
    error: { code: 'STEP_FAILED', message: expect.stringContaining('401') },
  })
  isUp = true
  await runtime.ever.retry(run.id)
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Seen.' })
  expect(calls).toEqual(['a', 'b'])
})

test('secrets reach tools, and nothing that is written or told', async () => {
  const value = 'correct horse battery staple'
  const spill = tool({
    name: 'spill',
    description: 'Tells all.',
    input: z.object({}),
    effect: 'read',
    run: async (_, { secrets: own }) => {
      const known = await own.get('KEY')
      return {
        plain: known,
        base64: Buffer.from(known).toString('base64'),
        url: encodeURIComponent(known),
      }
    },
  })
  const throwing = tool({
    name: 'throwing',
    description: 'Throws all.',
    input: z.object({}),
    effect: 'read',
    run: async (_, { secrets: own }) => {
      throw new Error(`bad key ${await own.get('KEY')}`)
    },
  })
  const model = scriptedModel([
    {
      toolCalls: [
        { name: 'spill', input: {} },
        { name: 'throwing', input: {} },
      ],
    },
    { text: `It is ${value}.` },
  ])
  const teller = agent({ name: 'teller', model, tools: [spill, throwing] })
  await using runtime = await testRuntime({ flows: [teller], secrets: { KEY: value } })
  expect(JSON.stringify(secret('KEY'))).toBe('{"secret":"KEY"}')
  const run = await runtime.start(teller, { prompt: 'Tell.' })
  expect(await runtime.settled(run)).toEqual({
    status: 'completed',
    output: 'It is [secret KEY].',
  })
  const told = JSON.stringify(toldOf(model, 1))
  const written = JSON.stringify(await runtime.store.entries(run.id))
  for (const text of [told, written]) {
    expect(text).toContain('[secret KEY]')
    expect(text).not.toContain(value)
    expect(text).not.toContain(Buffer.from(value).toString('base64').slice(4, 30))
    expect(text).not.toContain(encodeURIComponent(value))
  }
})

test('what tools are handed may be copied and wrapped, and shares its getters', async () => {
  const handed: ToolContext[] = []
  const note = tool({
    name: 'note',
    description: 'Notes.',
    effect: 'read',
    run: (_, context) => {
      handed.push(context)
      const { idempotencyKey, call } = context
      const copies = [{ ...context }, new Proxy(context, {}), Object.create(context) as ToolContext]
      return copies.every(
        (one) => one.idempotencyKey === idempotencyKey && one.call === call && !one.signal.aborted,
      )
    },
  })
  const calls = ['a', 'b'].map((id) => ({ id, name: 'note', input: {} }))
  const model = scriptedModel([{ toolCalls: calls }, { text: 'Noted.' }], { by: 'turn' })
  const clerk = agent({ name: 'clerk', model, tools: [note] })
  await using runtime = await testRuntime({ flows: [clerk] })
  expect(await runtime.result(await runtime.start(clerk, { prompt: 'Note it.' }))).toBe('Noted.')
  expect(toldOf(model, 1)).toEqual([
    { type: 'json', value: true },
    { type: 'json', value: true },
  ])
  for (const field of ['signal', 'idempotencyKey']) {
    const [one, two] = handed.map((context) => Object.getOwnPropertyDescriptor(context, field))
    expect(one).toMatchObject({ get: expect.any(Function), enumerable: true })
    expect(two).toEqual(one)
  }
})
