/** What people and clocks do to the run of an agent: cancel, deadline, pause, timeouts, undo. */
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { agent, currentRun, open, tool } from 'everloop'
import { memoryStore, scriptedModel, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { toldOf } from './prompts.ts'

/** A tool that never returns, and what its signal says. */
function hanging(timeout?: '5s') {
  const seen: { signal?: AbortSignal; calls: number } = { calls: 0 }
  const hang = tool({
    name: 'hang',
    description: 'Hangs.',
    input: z.object({}),
    effect: 'idempotent',
    ...(timeout === undefined ? {} : { timeout }),
    run: (_, { signal }) => {
      seen.calls++
      seen.signal = signal
      return new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
    },
  })
  return { seen, hang }
}

const calling = (name: string) =>
  scriptedModel([{ toolCalls: [{ id: 'c', name, input: {} }] }, { text: 'Done.' }])

test('a cancel during a model call ends the run, and the model is told to stop', async () => {
  const model = scriptedModel(() => ({ hang: true }))
  const a = agent({ name: 'a', model })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.ever.start(a, { prompt: 'Go.' })
  await runtime.runUntil(() => model.requests.length === 1)
  await runtime.ever.cancel(run.id, 'Enough.')
  expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
  expect(model.requests[0]?.body).toMatchObject({ abortSignal: { aborted: true } })
  await runtime.verify()
})

test('a cancel during a tool call ends the run, and the call is told to stop', async () => {
  const { seen, hang } = hanging()
  const model = calling('hang')
  const a = agent({ name: 'a', model, tools: [hang] })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.ever.start(a, { prompt: 'Go.' })
  await runtime.runUntil(() => seen.calls === 1)
  await runtime.ever.cancel(run.id, 'Enough.')
  expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
  expect(seen.signal?.aborted).toBe(true)
  expect(model.requests).toHaveLength(1)
  await runtime.verify()
})

/** A payment that needs an approval. */
function paying() {
  const paid: string[] = []
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    input: z.object({}),
    effect: 'once',
    approval: true,
    run: () => {
      paid.push('paid')
      return 'paid'
    },
  })
  return { paid, a: agent({ name: 'a', model: calling('pay'), tools: [pay] }) }
}

test('a cancel while an approval is waited for withdraws it', async () => {
  const { paid, a } = paying()
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  const [open] = await runtime.ever.approvals.list()
  await runtime.ever.cancel(run.id, 'Enough.')
  expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
  expect(await runtime.ever.approvals.list()).toEqual([])
  await expect(runtime.ever.approvals.approve(open?.id ?? '')).rejects.toMatchObject({
    code: 'QUESTION_CLOSED',
  })
  expect(paid).toEqual([])
})

test('a deadline ends a run that waits for an approval', async () => {
  const { paid, a } = paying()
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' }, { deadline: '1d' })
  await runtime.advance('2d')
  expect(await runtime.settled(run)).toMatchObject({
    status: 'failed',
    error: { code: 'DEADLINE' },
  })
  expect(await runtime.ever.approvals.list()).toEqual([])
  expect(paid).toEqual([])
  await runtime.verify()
})

test('an agent that is paused does nothing, and goes on with what was decided meanwhile', async () => {
  const { paid, a } = paying()
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  const [open] = await runtime.ever.approvals.list()
  await runtime.ever.pause(run.id)
  await runtime.settle()
  await runtime.ever.approvals.approve(open?.id ?? '', { by: 'eve' })
  await runtime.advance('1d')
  expect(await runtime.settled(run)).toMatchObject({ status: 'paused' })
  expect(paid).toEqual([])
  await runtime.ever.resume(run.id)
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(paid).toEqual(['paid'])
  await runtime.verify()
})

test('a call that takes too long is told to the model, and told to stop', async () => {
  const { seen, hang } = hanging('5s')
  const model = calling('hang')
  const a = agent({ name: 'a', model, tools: [hang] })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(seen).toMatchObject({ calls: 1, signal: { aborted: true } })
  expect(toldOf(model, 1)).toEqual([
    {
      type: 'error-text',
      value: expect.stringContaining('took longer than its timeout of 5000 ms'),
    },
  ])
})

test('a tool is tried again as its policy says, under the same key', async () => {
  const keys: string[] = []
  const flaky = tool({
    name: 'flaky',
    description: 'Works the third time.',
    input: z.object({}),
    effect: 'idempotent',
    retry: { attempts: 3, delay: '1h' },
    run: (_, { idempotencyKey, attempt }) => {
      keys.push(idempotencyKey)
      if (attempt < 3) throw new Error('busy')
      return 'worked'
    },
  })
  const model = calling('flaky')
  const a = agent({ name: 'a', model, tools: [flaky] })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  runtime.crash()
  await runtime.advance('1d')
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(keys).toHaveLength(3)
  expect(new Set(keys).size).toBe(1)
  expect(toldOf(model, 1)).toEqual([{ type: 'text', value: 'worked' }])
})

test('an operator undoes what could not be undone, without the code of the agent', async () => {
  const world: string[] = []
  let isOpen = false
  const book = tool({
    name: 'book',
    description: 'Books.',
    input: z.object({ hotel: z.string() }),
    effect: 'idempotent',
    undo: ({ hotel }) => {
      if (!isOpen) throw new Error('closed')
      world.push(`undo ${hotel}`)
    },
    run: ({ hotel }) => {
      world.push(`book ${hotel}`)
      return hotel
    },
  })
  const model = scriptedModel([
    { toolCalls: [{ id: 'b', name: 'book', input: { hotel: 'A' } }] },
    { error: 'no key', status: 401 },
  ])
  const a = agent({ name: 'a', model, tools: [book], retry: { attempts: 1 } })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  await runtime.advance('30d')
  expect(world).toEqual(['book A'])
  isOpen = true
  await runtime.restart({ flows: [], actions: a.actions ?? [] })
  expect(await runtime.runUntil(runtime.ever.undo(run.id))).toMatchObject([{ state: 'undone' }])
  expect(world).toEqual(['book A', 'undo A'])
})

test('a worker that stops has closed what an agent has opened', async () => {
  const lines: string[] = []
  const close = async (): Promise<void> => {
    await setTimeout(100) // it takes longer than the worker's end
    lines.push('closed')
  }
  const checked = z.object({}).refine(async () => {
    await currentRun()?.resource('db', () => lines.push('opened'), close)
    return true
  })
  const a = agent({ name: 'a', model: scriptedModel([{ text: '{}' }]), output: checked })
  const store = memoryStore({ clock: { now: () => Date.now() } })
  const ever = await open({ store, flows: [a], work: {} })
  await (await ever.start(a, { prompt: 'Go.' })).result()
  await ever.close()
  expect(lines).toEqual(['opened', 'closed'])
})
