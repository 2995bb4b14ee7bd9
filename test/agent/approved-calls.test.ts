/** What is made behind an approval is what people have approved: whatever a deploy, an edit or a schema does. */
import { expect, test } from 'vitest'
import {
  agent,
  agentTool,
  type ApprovalRule,
  flow,
  type Guard,
  guard,
  judgeGuard,
  policy,
  tool,
  verdict,
} from 'everloop'
import { scriptedModel, type TestRuntime, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { toldOf } from './prompts.ts'

interface Payment {
  readonly cents: number
}

interface Version {
  readonly schema?: z.ZodType<Payment>
  readonly description?: string
  readonly approval?: ApprovalRule<Payment>
  readonly guards?: readonly Guard[]
  readonly budget?: { readonly calls?: number; readonly tokens?: number }
}

/** An agent that proposes one payment, in versions that a deploy may bring. */
function paying(cents: number) {
  const made: Payment[] = []
  const model = scriptedModel(
    [{ toolCalls: [{ id: 'p', name: 'pay', input: { cents } }] }, { text: 'Done.' }],
    { by: 'turn' },
  )
  const payer = ({ schema, description, approval = true, guards, budget }: Version = {}) => {
    const pay = tool({
      name: 'pay',
      description: description ?? 'Pays.',
      input: schema ?? z.object({ cents: z.number() }),
      effect: 'idempotent',
      approval,
      run: (payment: Payment) => {
        made.push(payment)
        return 'paid'
      },
    })
    return agent({
      name: 'payer',
      model,
      tools: [pay],
      ...(guards ? { guards } : {}),
      ...(budget ? { budget } : {}),
    })
  }
  return { made, model, payer }
}

const times = (factor: number): z.ZodType<Payment> =>
  z.object({ cents: z.number().transform((cents) => cents * factor) })

async function only({ ever }: TestRuntime) {
  const [open, ...others] = await ever.approvals.list()
  expect(others).toEqual([])
  if (!open) throw new Error('Nothing waits for people.')
  return open
}

/** Answers what waits about the budget. */
async function letSpend({ ever }: TestRuntime): Promise<void> {
  const [question] = await ever.questions()
  await ever.answer(question?.id ?? '', { verdict: 'continue' })
}

const done = { status: 'completed', output: 'Done.' }

test('what is made is what was approved, whatever a deploy has made of the schema meanwhile', async () => {
  const { made, payer } = paying(100)
  const budget = { calls: 0 }
  await using runtime = await testRuntime({ flows: [payer({ budget })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  await runtime.ever.approvals.approve((await only(runtime)).id)
  await runtime.settle()
  await runtime.restart({ flows: [payer({ budget, schema: times(1000) })] })
  await runtime.settle()
  await letSpend(runtime)
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: 100 }])
  await runtime.verify()
})

test('a request stays open while a deploy makes something else of the same proposal', async () => {
  const { made, payer } = paying(100)
  await using runtime = await testRuntime({ flows: [payer()] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  const { id } = await only(runtime)
  await runtime.restart({ flows: [payer({ schema: times(1000) })] })
  await runtime.settle()
  expect(await only(runtime)).toMatchObject({ id, args: { cents: 100 } })
  await runtime.ever.approvals.approve(id)
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: 100 }])
})

test('a schema that gives something else each time is asked about once', async () => {
  let n = 0
  const schema = z.object({ cents: z.number().transform((cents) => cents + n++) })
  const { made, payer } = paying(100)
  await using runtime = await testRuntime({ flows: [payer({ schema })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  const { id, args } = await only(runtime)
  await runtime.restart({ flows: [payer({ schema })] })
  await runtime.settle()
  expect((await only(runtime)).id).toBe(id)
  await runtime.ever.approvals.approve(id)
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([args])
})

test('an approved call whose tool has become another one is not made before it is approved again', async () => {
  const { made, payer } = paying(100)
  const approved = (commits: readonly { readonly kind: string }[]) =>
    commits.some(({ kind }) => kind === 'approval.decided')
  await using runtime = await testRuntime({ flows: [payer({ guards: [slow()] })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  const first = await only(runtime)
  await runtime.ever.approvals.approve(first.id, { args: { cents: 90 } })
  await runtime.runUntil(async () => approved(await runtime.store.entries(run.id)))
  runtime.crash({ flows: [payer({ description: 'Pays twice.' })] })
  await runtime.settle()
  expect(made).toEqual([])
  const second = await only(runtime)
  expect(second.digest).not.toBe(first.digest)
  expect(second.args).toEqual({ cents: 100 })
  await runtime.ever.approvals.approve(second.id)
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: 100 }])
  await runtime.verify()
})

test('a deploy between approval and budget: people are asked again, and the run goes on', async () => {
  const { made, payer } = paying(100)
  const budget = { calls: 0 }
  await using runtime = await testRuntime({ flows: [payer({ budget })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  await runtime.ever.approvals.approve((await only(runtime)).id)
  await runtime.settle()
  await runtime.restart({ flows: [payer({ budget, description: 'Pays twice.' })] })
  await runtime.settle()
  await letSpend(runtime)
  await runtime.settle()
  expect(made).toEqual([])
  const { id, digest } = await only(runtime)
  runtime.crash()
  await runtime.ever.approvals.approve(id, { shown: digest })
  runtime.addWorker()
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: 100 }])
  await runtime.verify()
})

test.each([
  { name: 'budget', version: { budget: { calls: 0 } }, times: 1 },
  // It is asked behind the approval, about a call that has not begun, and there alone.
  {
    name: 'guard',
    version: {
      guards: [guard({ name: 'late', at: 'call', check: () => verdict.deny('Not any more.') })],
    },
    times: 0,
  },
])(
  'while people are asked again, a $name of another deploy has no say in what lies before',
  async (given) => {
    const { made, payer } = paying(100)
    const description = 'Pays twice.'
    const old = payer({ budget: { calls: 5 }, guards: [slow()] })
    await using runtime = await testRuntime({ flows: [old] })
    const run = await runtime.start('payer', { prompt: 'Pay.' })
    await runtime.ever.approvals.approve((await only(runtime)).id)
    await runtime.runUntil(async () =>
      (await runtime.store.entries(run.id)).some(({ kind }) => kind === 'approval.decided'),
    )
    runtime.crash({ flows: [payer({ budget: { calls: 5 }, description })] })
    await runtime.settle()
    const { id } = await only(runtime)
    await runtime.restart({ flows: [payer({ ...given.version, description })] })
    await runtime.settle()
    await runtime.ever.approvals.approve(id)
    expect(await runtime.settled(run)).toEqual(done)
    expect(made).toHaveLength(given.times)
    await runtime.verify()
  },
)

test('a deploy that is taken back leaves the first approval as it was', async () => {
  const { made, payer } = paying(100)
  const old = payer({ guards: [slow()] })
  await using runtime = await testRuntime({ flows: [old] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  const first = await only(runtime)
  await runtime.ever.approvals.approve(first.id, { args: { cents: 90 } })
  await runtime.runUntil(async () =>
    (await runtime.store.entries(run.id)).some(({ kind }) => kind === 'approval.decided'),
  )
  runtime.crash({ flows: [payer({ description: 'Pays twice.' })] })
  await runtime.settle()
  const second = await only(runtime)
  expect(second.args).toEqual({ cents: 100 })
  await runtime.restart({ flows: [payer()] })
  await runtime.ever.approvals.approve(second.id) // about a tool that is gone: void
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: 90 }])
  await runtime.verify()
})

test('so it does while a judge waits for more budget', async () => {
  const { made, payer } = paying(100)
  const usage = { input: 100, output: 20 }
  const model = scriptedModel(() => ({ text: '{"answer":"no"}', usage }), { name: 'judge' })
  await using runtime = await testRuntime({ flows: [payer({ guards: [slow()] })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  await runtime.ever.approvals.approve((await only(runtime)).id)
  await runtime.runUntil(async () =>
    (await runtime.store.entries(run.id)).some(({ kind }) => kind === 'approval.decided'),
  )
  const guards = [judgeGuard({ at: 'call', question: 'Bad?', model })]
  const next = payer({ description: 'Pays twice.', guards, budget: { tokens: 0 } })
  runtime.crash({ flows: [next] })
  await runtime.settle()
  const [first] = await runtime.ever.questions()
  await runtime.ever.answer(first?.id ?? '', { verdict: 'raise', limits: { tokens: 30 } })
  await runtime.settle()
  expect(model.requests).toHaveLength(1) // and it would be asked again, about what the tool has become
  await runtime.restart({ flows: [payer()] })
  await runtime.settle()
  await letSpend(runtime)
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: 100 }])
})

/** Guards that answer the first time, and take their time behind the approval. */
function slow(): Guard {
  let asked = 0
  const never = new Promise<never>(() => {})
  return guard({
    name: 'slow',
    at: 'call',
    timeout: '1h',
    check: () => (asked++ === 0 ? verdict.allow() : never),
  })
}

test('what counts when the time is over is what the request said', async () => {
  for (const [before, after] of [
    ['approve', 'deny'],
    ['deny', 'approve'],
  ] as const) {
    const { made, payer } = paying(100)
    const version = (otherwise: 'approve' | 'deny') =>
      payer({ approval: { needed: true, timeout: '2d', otherwise } })
    await using runtime = await testRuntime({ flows: [version(before)] })
    const run = await runtime.start('payer', { prompt: 'Pay.' })
    await only(runtime)
    await runtime.restart({ flows: [version(after)] })
    await runtime.advance('3d')
    expect(await runtime.settled(run)).toEqual(done)
    expect(made).toEqual(before === 'approve' ? [{ cents: 100 }] : [])
  }
})

const tiered: ApprovalRule<Payment> = ({ cents }) =>
  cents > 100_000
    ? { needed: true, approvals: 2, approvers: ['cfo', 'ceo'] }
    : { needed: cents > 10_000 }

test('whoever edits a call needs those who must approve what it has become', async () => {
  const { made, payer } = paying(20_000)
  await using runtime = await testRuntime({ flows: [payer({ approval: tiered })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  const { approvals } = runtime.ever
  const first = await only(runtime)
  await approvals.approve(first.id, { by: 'clerk', args: { cents: 9_000_000 } })
  await runtime.settle()
  expect(made).toEqual([])
  const second = await only(runtime)
  // The vote with the edit counts for nothing here.
  expect(second).toMatchObject({ approvals: 2, votes: [], args: { cents: 9_000_000 } })
  await expect(approvals.approve(second.id, { by: 'clerk' })).rejects.toMatchObject({
    code: 'APPROVAL_REFUSED',
  })
  await approvals.approve(second.id, { by: 'cfo' })
  await runtime.settle()
  runtime.crash()
  runtime.addWorker()
  await runtime.settle()
  expect(made).toEqual([])
  await approvals.approve(second.id, { by: 'ceo' })
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: 9_000_000 }])
  await runtime.verify()
})

test.each<[string, ApprovalRule<Payment>, string | undefined, boolean]>([
  ['within the rule that asked', true, undefined, false],
  ['to where nobody has to be asked', ({ cents }) => cents > 10_000, 'clerk', false],
  ['to where only others may', ({ cents }) => only1(cents, ['boss']), 'clerk', true],
  ['to where the editor may', ({ cents }) => only1(cents, ['boss']), 'boss', false],
  ['to where the requester may not', ({ cents }) => notByRequester(cents), 'rob', true],
  ['to where one must be known', ({ cents }) => notByRequester(cents), undefined, true],
  ['to where anybody else may', ({ cents }) => notByRequester(cents), 'clerk', false],
])('a call is edited %s', async (_, approval, by, isAskedAgain) => {
  const { made, payer } = paying(20_000)
  await using runtime = await testRuntime({ flows: [payer({ approval })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' }, { by: 'rob' })
  const args = { cents: 5000 }
  await runtime.ever.approvals.approve((await only(runtime)).id, { args, ...(by ? { by } : {}) })
  await runtime.settle()
  expect(made).toEqual(isAskedAgain ? [] : [args])
  if (isAskedAgain) {
    const { id } = await only(runtime)
    await runtime.ever.approvals.approve(id, { by: 'boss' })
  }
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([args])
})

test('where several must approve, an edit begins anew: they must approve what it has become', async () => {
  const { made, payer } = paying(20_000)
  const approval = { needed: true, approvals: 2, approvers: ['clerk', 'boss', 'cfo'] }
  await using runtime = await testRuntime({ flows: [payer({ approval })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  const { approvals } = runtime.ever
  const first = await only(runtime)
  await approvals.approve(first.id, { by: 'clerk' })
  await runtime.settle()
  const args = { cents: 15_000 }
  const refused = { code: 'APPROVAL_REFUSED' }
  await expect(approvals.approve(first.id, { by: 'rob', args })).rejects.toMatchObject(refused)
  await runtime.stop()
  await approvals.approve(first.id, { by: 'boss', args })
  // Nobody's leave counts for the arguments that were proposed any more.
  await expect(approvals.approve(first.id, { by: 'cfo' })).rejects.toMatchObject({
    code: 'QUESTION_CLOSED',
  })
  runtime.addWorker()
  await runtime.settle()
  const second = await only(runtime)
  expect(second).toMatchObject({ approvals: 2, votes: [], args })
  await approvals.approve(second.id, { by: 'boss' })
  await runtime.settle()
  runtime.crash()
  await runtime.settle()
  expect(made).toEqual([])
  await approvals.approve(second.id, { by: 'clerk' })
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([args])
  await runtime.verify()
})

test('where several must approve, an edit that does not fit the schema is refused at once, as it is of one', async () => {
  const { made, payer } = paying(20_000)
  await using runtime = await testRuntime({
    flows: [payer({ approval: { needed: true, approvals: 2 } })],
  })
  await runtime.start('payer', { prompt: 'Pay.' })
  const { id, argsSchema } = await only(runtime)
  expect(argsSchema).toMatchObject({ properties: { cents: { type: 'number' } } })
  await runtime.stop()
  const args = { cents: 'many' }
  await expect(runtime.ever.approvals.approve(id, { by: 'boss', args })).rejects.toMatchObject({
    code: 'BAD_INPUT',
  })
  expect(await only(runtime)).toMatchObject({ votes: [], isAnswered: false })
  expect(made).toEqual([])
})

test('one of several edits no call to where its rule cannot say who must approve', async () => {
  const { made, payer } = paying(20_000)
  const approval: ApprovalRule<Payment> = ({ cents }) => {
    if (cents < 0) throw new RangeError('Less than nothing.')
    return { needed: true, approvals: 2 }
  }
  await using runtime = await testRuntime({ flows: [payer({ approval })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  const { approvals } = runtime.ever
  await approvals.approve((await only(runtime)).id, { by: 'clerk', args: { cents: -1 } })
  await runtime.settle()
  expect(made).toEqual([])
  const second = await only(runtime)
  expect(second).toMatchObject({ approvals: 2, votes: [], args: { cents: -1 } })
  expect(second.reason).toContain('Less than nothing.')
  runtime.crash()
  await approvals.approve(second.id, { by: 'clerk' })
  runtime.addWorker()
  await runtime.settle()
  expect(made).toEqual([])
  await approvals.approve(second.id, { by: 'boss' })
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: -1 }])
  await runtime.verify()
})

test('where several must approve, one may edit to where nobody has to be asked', async () => {
  const { made, payer } = paying(20_000)
  const approval: ApprovalRule<Payment> = ({ cents }) => ({ needed: cents > 10_000, approvals: 2 })
  await using runtime = await testRuntime({ flows: [payer({ approval })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  await runtime.ever.approvals.approve((await only(runtime)).id, {
    by: 'boss',
    args: { cents: 9000 },
  })
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: 9000 }])
})

test('nobody edits a call to where it is not known who may not approve it', async () => {
  const { made, payer } = paying(20_000)
  const approval: ApprovalRule<Payment> = ({ cents }) => notByRequester(cents)
  await using runtime = await testRuntime({ flows: [payer({ approval })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  const { approvals } = runtime.ever
  await approvals.approve((await only(runtime)).id, { by: 'clerk', args: { cents: 5000 } })
  await runtime.settle()
  expect(made).toEqual([])
  const { id } = await only(runtime)
  await expect(approvals.approve(id, { by: 'boss' })).rejects.toMatchObject({
    code: 'APPROVAL_REFUSED',
  })
  await approvals.deny(id, { by: 'boss' })
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([])
})

const only1 = (cents: number, approvers: readonly string[]) =>
  cents > 10_000 ? true : { needed: true, approvers }

const notByRequester = (cents: number) =>
  cents > 10_000 ? true : ({ needed: true, notBy: 'requester' } as const)

test('a guard that asks about what a call was edited to is answered by nobody yet', async () => {
  const large = guard({
    name: 'large',
    at: 'call',
    check: ({ args }) =>
      (args as Payment).cents > 50_000 ? verdict.ask('That much?') : verdict.allow(),
  })
  const { made, payer } = paying(20_000)
  await using runtime = await testRuntime({ flows: [payer({ guards: [large] })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  const { approvals } = runtime.ever
  await approvals.approve((await only(runtime)).id, { args: { cents: 60_000 } })
  await runtime.settle()
  expect(made).toEqual([])
  const { id, reason } = await only(runtime)
  expect(reason).toContain('That much?')
  await approvals.approve(id)
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: 60_000 }])
})

test('the questions of all guards are put to people, of those that ask later too', async () => {
  const limit = (name: string, reason: string, isAsking: (cents: number) => boolean) =>
    guard({
      name,
      at: 'call',
      check: ({ args }) =>
        isAsking((args as Payment).cents) ? verdict.ask(reason) : verdict.allow(),
    })
  const guards = [
    limit('amount', 'More than a dollar.', (cents) => cents > 100),
    limit('taint', 'A page may have told the model to.', () => true),
    limit('large', 'That much?', (cents) => cents > 50_000),
  ]
  const { made, payer } = paying(20_000)
  await using runtime = await testRuntime({ flows: [payer({ guards, approval: false })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  const { approvals } = runtime.ever
  const first = await only(runtime)
  expect(first.reason).toBe('More than a dollar.\nA page may have told the model to.')
  await approvals.approve(first.id, { args: { cents: 60_000 } })
  await runtime.settle()
  expect(made).toEqual([])
  const second = await only(runtime)
  expect(second.reason).toBe('That much?')
  runtime.crash()
  await approvals.approve(second.id)
  runtime.addWorker()
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: 60_000 }])
  await runtime.verify()
})

test.each([
  ['of another name', 'later', 'the agent'],
  ['of the same name, which an agent and a policy may have', 'first', 'a policy'],
])('a guard %s that asks only behind the approval is answered by nobody yet', async (...one) => {
  const [, name, whose] = one
  let looks = 0
  const first = guard({ name: 'first', at: 'call', check: () => verdict.ask('Pay?') })
  const later = guard({
    name,
    at: 'call',
    check: () => (looks++ === 0 ? verdict.allow() : verdict.ask('Still?')),
  })
  const { made, payer } = paying(100)
  const imposed = whose === 'a policy' ? [later] : []
  const guards = imposed.length === 0 ? [first, later] : [first]
  const policies = [policy({ name: 'imposed', guards: imposed })]
  const flows = [payer({ guards, approval: false })]
  await using runtime = await testRuntime({ flows, policies })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  for (const reason of ['Pay?', 'Still?']) {
    expect(made).toEqual([])
    const { id, reason: shown } = await only(runtime)
    expect(shown).toBe(reason)
    await runtime.ever.approvals.approve(id)
    await runtime.settle()
  }
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: 100 }])
  await runtime.verify()
})

test('arguments that the schema would change once more are not taken from anybody', async () => {
  const { made, payer } = paying(100)
  await using runtime = await testRuntime({ flows: [payer({ schema: times(100) })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  const { id, args } = await only(runtime)
  expect(args).toEqual({ cents: 10_000 })
  await runtime.ever.approvals.approve(id, { args: { cents: 5000 } })
  await runtime.settle()
  expect(made).toEqual([])
  const again = await only(runtime)
  expect(again.id).toBe(id)
  expect(again.refused).toContain('would change these arguments')
  await runtime.ever.approvals.approve(id)
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: 10_000 }])
})

test('edited arguments that the schema leaves as they are go to the tool as they are', async () => {
  const schema = z.object({ cents: z.number(), note: z.string().trim().default('none') })
  const { made, payer } = paying(100)
  await using runtime = await testRuntime({ flows: [payer({ schema })] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  const { id, args } = await only(runtime)
  expect(args).toEqual({ cents: 100, note: 'none' })
  const edited = { cents: 50, note: 'less' }
  await runtime.ever.approvals.approve(id, { args: edited })
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([edited])
})

test('what a guard makes of arguments is not changed once more by the schema', async () => {
  const cap = guard({
    name: 'cap',
    at: 'call',
    check: ({ args }) =>
      (args as Payment).cents > 5000 ? verdict.fix({ cents: 5000 }) : verdict.allow(),
  })
  const { made, model, payer } = paying(100)
  const version = payer({ schema: times(100), approval: false, guards: [cap] })
  await using runtime = await testRuntime({ flows: [version] })
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([])
  expect(toldOf(model, 1)).toEqual([
    { type: 'execution-denied', reason: expect.stringContaining('A guard has changed the call.') },
  ])
})

test('a flow as a tool is started with what was approved, and its schema is applied once', async () => {
  const made: unknown[] = []
  const pay = flow({
    name: 'pay',
    input: times(100),
    run: async (_run, payment) => {
      made.push(payment)
      return 'paid'
    },
  })
  const model = scriptedModel([
    { toolCalls: [{ name: 'pay', input: { cents: 1 } }] },
    { text: 'Done.' },
  ])
  const payer = agent({
    name: 'payer',
    model,
    tools: [agentTool(pay, { name: 'pay', description: 'Pays.', approval: true })],
  })
  await using runtime = await testRuntime({ flows: [payer, pay] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  const { id, args } = await only(runtime)
  expect(args).toEqual({ cents: 1 })
  await runtime.ever.approvals.approve(id)
  await runtime.settle()
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ cents: 100 }])
})

test('arguments with a secret are denied at once: nobody could be shown them', async () => {
  const made: unknown[] = []
  const token = 'sk-verysecretvalue-123456'
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    input: z.object({ cents: z.number(), token: z.string().default(token) }),
    effect: 'once',
    approval: true,
    run: (payment) => void made.push(payment),
  })
  const model = scriptedModel([
    { toolCalls: [{ id: 'p', name: 'pay', input: { cents: 1 } }] },
    { text: 'Done.' },
  ])
  const payer = agent({ name: 'payer', model, tools: [pay] })
  await using runtime = await testRuntime({ flows: [payer], secrets: { TOKEN: token } })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  expect(await runtime.settled(run)).toEqual(done)
  expect(await runtime.ever.approvals.list()).toEqual([])
  expect(made).toEqual([])
  expect(model.requests[1]?.text).toContain('hold a secret')
})

test('a pattern that only JavaScript knows does not keep people from editing', async () => {
  const made: unknown[] = []
  const call = tool({
    name: 'call',
    description: 'Calls.',
    input: z.object({ tel: z.string().regex(new RegExp(String.raw`^\d{3}\-\d{4}$`)) }),
    effect: 'once',
    approval: true,
    run: (number) => void made.push(number),
  })
  const model = scriptedModel([
    { toolCalls: [{ name: 'call', input: { tel: '123-4567' } }] },
    { text: 'Done.' },
  ])
  const caller = agent({ name: 'caller', model, tools: [call] })
  await using runtime = await testRuntime({ flows: [caller] })
  const run = await runtime.start(caller, { prompt: 'Call.' })
  await runtime.ever.approvals.approve((await only(runtime)).id, { args: { tel: '123-4568' } })
  expect(await runtime.settled(run)).toEqual(done)
  expect(made).toEqual([{ tel: '123-4568' }])
})
