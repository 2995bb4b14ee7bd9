/** What an attack on agents has found, each mended: none of it comes back. */
import { expect, test } from 'vitest'
import { agent, guard, tool, verdict } from 'everloop'
import { scriptedModel, type TestRuntime, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { lastTextOf } from './prompts.ts'

const only = async ({ ever }: TestRuntime) => {
  const [open, ...others] = await ever.approvals.list()
  expect(others).toEqual([])
  if (!open) throw new Error('Nothing waits.')
  return open
}

/** Something that costs, in a world that remembers. */
function paying(options: {
  readonly schema?: z.ZodType<{ cents: number }>
  readonly approval?: Parameters<typeof tool<{ cents: number }, string>>[0]['approval']
  readonly description?: string
  readonly cents?: number
}) {
  const made: number[] = []
  const pay = (described = options.description ?? 'Pays.', schema = options.schema) =>
    tool<{ cents: number }, string>({
      name: 'pay',
      description: described,
      input: schema ?? z.object({ cents: z.number() }),
      effect: 'idempotent',
      approval: options.approval ?? true,
      run: ({ cents }) => {
        made.push(cents)
        return 'paid'
      },
    })
  const input = { cents: options.cents ?? 100 }
  const model = scriptedModel(
    [{ toolCalls: [{ id: 'p', name: 'pay', input }] }, { text: 'Done.' }],
    { by: 'turn' },
  )
  return { made, model, pay }
}

test('a message that is no text is told as text, and hangs nobody', async () => {
  const { model, pay } = paying({})
  const payer = agent({ name: 'payer', model, tools: [pay()] })
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  await runtime.ever.signal(run.id, 'message', { amount: 10n })
  await runtime.settle()
  await runtime.ever.approvals.approve((await only(runtime)).id)
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(model.requests[1]?.text).toContain('10')
})

test('a message with a bigint goes on with a conversation, and is shown to who approves', async () => {
  const { model, pay } = paying({
    schema: z
      .object({ cents: z.number() })
      .transform(({ cents }) => ({ cents: BigInt(cents) as never })),
  })
  const payer = agent({ name: 'payer', model, tools: [pay()], conversation: true })
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  const { id, prompt } = await only(runtime)
  expect(prompt).toContain('with {"cents":"100"}. Approve?')
  await runtime.ever.approvals.approve(id)
  await runtime.settle()
  await runtime.ever.signal(run.id, 'message', 7n)
  await runtime.settle()
  expect(model.requests.at(-1)?.text).toContain('7')
})

test('ids that look like keys end nothing', async () => {
  const toolCalls = ['x', 'x:asked', 'x #2', 'x asked'].map((id) => ({
    id,
    name: 'pay',
    input: { cents: 1 },
  }))
  const model = scriptedModel([{ toolCalls }, { text: 'Done.' }])
  const { pay } = paying({ approval: false })
  const asks = guard({ name: 'asks', at: 'result', check: () => verdict.ask('Well?') })
  const payer = agent({ name: 'payer', model, tools: [pay()], guards: [asks] })
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  const questions = await runtime.ever.questions()
  expect(questions).toHaveLength(4)
  for (const { id } of questions) await runtime.ever.answer(id, { verdict: 'allow' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
})

test('a message that comes in the last turn is answered', async () => {
  const gate = Promise.withResolvers<string>()
  const submit = tool({
    name: 'submit',
    description: 'Submits.',
    input: z.object({}),
    effect: 'read',
    run: () => gate.promise,
  })
  const model = scriptedModel([{ toolCalls: [{ name: 'submit', input: {} }] }, { text: 'Both.' }])
  const submitter = agent({
    name: 'submitter',
    model,
    tools: [submit],
    stop: { tools: ['submit'] },
  })
  await using runtime = await testRuntime({ flows: [submitter] })
  const run = await runtime.ever.start(submitter, { prompt: 'Go.' })
  await runtime.runUntil(() => model.requests.length === 1)
  await runtime.ever.send(run.id, 'And this.')
  await runtime.runUntil(async () =>
    (await runtime.store.entries(run.id)).some(({ kind }) => kind === 'message.received'),
  )
  gate.resolve('done')
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Both.' })
  expect(lastTextOf(model)).toContain('And this.')
})

test('what one conversation was told of another one cannot read by its name', async () => {
  const secret = 'the other one knows this. '.repeat(3000)
  const look = tool({
    name: 'look',
    description: 'Looks.',
    input: z.object({}),
    effect: 'read',
    run: () => secret,
  })
  let artifact = ''
  const model = scriptedModel(({ turn, text }) => {
    artifact ||= /"artifact":"([\w-]+)"/.exec(text)?.[1] ?? ''
    const isKnown = artifact !== ''
    if (turn > 1 || (turn === 1 && !isKnown)) return { text: 'Done.' }
    const call = isKnown ? { name: 'read_more', input: { artifact } } : { name: 'look', input: {} }
    return { toolCalls: [call] }
  })
  const looker = agent({ name: 'looker', model, tools: [look], compaction: { above: 1, keep: 1 } })
  await using runtime = await testRuntime({ flows: [looker] })
  await runtime.settled(await runtime.start(looker, { prompt: 'Look.' }))
  expect(artifact).not.toBe('')
  expect(lastTextOf(model)).toContain('the other one knows this.')
  const spy = scriptedModel([
    { toolCalls: [{ name: 'read_more', input: { artifact } }] },
    { text: 'Done.' },
  ])
  await runtime.restart({ flows: [agent({ name: 'looker', model: spy, tools: [look] })] })
  await runtime.settled(await runtime.start('looker', { prompt: `Look at ${artifact}.` }))
  expect(lastTextOf(spy)).toContain('There is no artifact')
  expect(lastTextOf(spy)).not.toContain('the other one knows this.')
})

test('what a guard makes of approved arguments is approved, although no rule wants it', async () => {
  const { made, model, pay } = paying({ approval: false })
  let looks = 0
  const doubling = guard({
    name: 'doubling',
    at: 'call',
    check: ({ args }) => {
      const { cents } = args as { cents: number }
      if (looks++ === 0) return verdict.ask('Pay?')
      return looks === 2 ? verdict.fix({ cents: cents * 2 }) : verdict.allow()
    },
  })
  const payer = agent({ name: 'payer', model, tools: [pay()], guards: [doubling] })
  await using runtime = await testRuntime({ flows: [payer], development: false })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  await runtime.ever.approvals.approve((await only(runtime)).id)
  await runtime.settle()
  expect(made).toEqual([])
  const again = await only(runtime)
  expect(again).toMatchObject({ args: { cents: 200 } })
  expect(again.reason).toBe('A guard has changed what was approved.')
  await runtime.ever.approvals.approve(again.id)
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([200])
})
