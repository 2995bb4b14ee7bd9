/** Approvals of calls: who decides, about what exactly, and what becomes of the other calls. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  agent,
  agentTool,
  type Approval,
  type ApprovalPolicy,
  type ApprovalRule,
  conversation,
  type Ever,
  guard,
  open,
  policy,
  type RunEvent,
  tool,
  verdict,
} from 'everloop'
import { scriptedModel, type TestRuntime, testRuntime } from 'everloop/testing'
import { decidersText, whyNot } from '../../src/cli/deciders.ts'
import { decode } from '../../src/ledger/index.ts'
import { Approvals } from '../../src/run/approvals/approvals.ts'
import type { Store } from '../../src/store/store.ts'
import { z } from 'zod'
import type { Agent } from '../../src/agent/agent.ts'
import { toldOf } from './prompts.ts'
import { testFolder } from '../test-folder.ts'

interface Payment {
  readonly to: string
  readonly cents: number
}

/** A world in which payments are made, and an agent that proposes some. */
function paying(
  approval: ApprovalRule<Payment>,
  payments: readonly Payment[],
  guards: Parameters<typeof agent>[0]['guards'] = [],
): {
  readonly made: Payment[]
  readonly payer: Agent
  readonly model: ReturnType<typeof scriptedModel>
} {
  const made: Payment[] = []
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    // The refinement is what no JSON Schema says.
    input: z.object({
      to: z.string().refine((to) => to !== 'Nobody', 'Nobody cannot be paid.'),
      cents: z.number().int(),
    }),
    effect: 'idempotent',
    approval,
    run: (payment) => {
      made.push(payment)
      return 'paid'
    },
  })
  const toolCalls = payments.map((input, i) => ({ id: `p${i + 1}`, name: 'pay', input }))
  const model = scriptedModel([{ toolCalls }, { text: 'Done.' }])
  return { made, model, payer: agent({ name: 'payer', model, tools: [pay], guards }) }
}

const ada = { to: 'Ada', cents: 100 }
const bob = { to: 'Bob', cents: 20_000 }
const cyd = { to: 'Cyd', cents: 300 }
const large: ApprovalRule<Payment> = ({ cents }) => cents > 10_000

async function eventsOf(run: { events(): AsyncIterable<RunEvent> }): Promise<RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}

async function only({ ever }: TestRuntime) {
  const open = await ever.approvals.list()
  expect(open).toHaveLength(1)
  return open[0]!
}

test('of three calls one waits for its approval, and the others go on', async () => {
  const { made, payer, model } = paying(large, [ada, bob, cyd])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  expect(made).toEqual([ada, cyd])
  expect(await runtime.settled(run)).toMatchObject({
    status: 'waiting',
    on: [{ kind: 'approval', what: expect.stringContaining('"to":"Bob"') }],
  })
  const { id, digest, args } = await only(runtime)
  expect(args).toEqual(bob)
  await runtime.ever.approvals.approve(id, { by: 'eve', channel: 'test', shown: digest })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(made).toEqual([ada, cyd, bob])
  expect(toldOf(model, 1)).toEqual([ada, bob, cyd].map(() => ({ type: 'text', value: 'paid' })))
  const { items } = await conversation(runtime.ever, run.id)
  expect(items).toContainEqual(
    expect.objectContaining({ is: 'approval', call: 'p2', verdict: 'approved', by: 'eve' }),
  )
  const events = await eventsOf(run)
  expect(events.find(({ kind }) => kind === 'approval.decided')?.data).toMatchObject({
    verdict: 'approved',
    by: 'eve',
    votes: [{ by: 'eve', channel: 'test', shown: digest, time: expect.any(Number) }],
  })
})

test('what is denied is not made, and the model is told why', async () => {
  const { made, payer, model } = paying(true, [bob])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  await runtime.ever.approvals.deny((await only(runtime)).id, { by: 'eve', reason: 'Too much.' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([])
  expect(toldOf(model, 1)).toEqual([
    { type: 'execution-denied', reason: 'eve denied the call: Too much.' },
  ])
})

test('arguments may be edited, must fit, and are seen by the guards again', async () => {
  const seen: unknown[] = []
  const cap = guard({
    name: 'cap',
    at: 'call',
    check: ({ args }) => {
      seen.push(args)
      return (args as Payment).cents > 50_000 ? verdict.deny('Too much.') : verdict.allow()
    },
  })
  const { made, payer } = paying(large, [bob], [cap])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  const { id } = await only(runtime)
  await expect(runtime.ever.approvals.approve(id, { args: { to: 'Bob' } })).rejects.toMatchObject({
    code: 'BAD_INPUT',
  })
  await runtime.ever.approvals.approve(id, { args: { to: 'Nobody', cents: 50 } })
  await runtime.settle()
  const again = await only(runtime)
  expect(again.id).toBe(id)
  expect(again.refused).toContain('Nobody cannot be paid.')
  await runtime.ever.approvals.approve(id, { args: { to: 'Bob', cents: 50 }, by: 'eve' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([{ to: 'Bob', cents: 50 }])
  expect(seen).toEqual([bob, { to: 'Bob', cents: 50 }])
})

test('what a guard denies after the approval is not made', async () => {
  const cap = guard({
    name: 'cap',
    at: 'call',
    check: ({ args }) =>
      (args as Payment).cents > 50_000 ? verdict.deny('Too much.') : verdict.allow(),
  })
  const { made, payer, model } = paying(large, [bob], [cap])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  await runtime.ever.approvals.approve((await only(runtime)).id, {
    args: { to: 'Bob', cents: 60_000 },
  })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([])
  expect(toldOf(model, 1)).toEqual([
    { type: 'execution-denied', reason: 'Guard "cap" denied the call: Too much.' },
  ])
})

test('what a guard changes after the approval needs another one', async () => {
  let rounds = 0
  const rounding = guard({
    name: 'rounding',
    at: 'call',
    check: ({ args }) => {
      const { to, cents } = args as Payment
      rounds++
      return rounds === 2 ? verdict.fix({ to, cents: cents + 1 }) : verdict.allow()
    },
  })
  const { made, payer } = paying(large, [bob], [rounding])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  const first = await only(runtime)
  await runtime.ever.approvals.approve(first.id)
  await runtime.settle()
  expect(made).toEqual([])
  const second = await only(runtime)
  expect(second.id).not.toBe(first.id)
  expect(second.args).toEqual({ to: 'Bob', cents: 20_001 })
  await runtime.ever.approvals.approve(second.id)
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([{ to: 'Bob', cents: 20_001 }])
})

test('a decision is given once, and to exactly what was shown', async () => {
  const { made, payer } = paying(true, [bob])
  await using runtime = await testRuntime({ flows: [payer], workers: 0 })
  const run = await runtime.ever.start(payer, { prompt: 'Pay.' })
  const worker = runtime.addWorker()
  await runtime.settle()
  await worker.stop()
  const { id, digest } = await only(runtime)
  const { approvals } = runtime.ever
  await expect(approvals.approve(id, { shown: 'something else' })).rejects.toMatchObject({
    code: 'APPROVAL_REFUSED',
  })
  // No worker runs: the decision is kept, and the next worker goes on with it.
  await approvals.approve(id, { shown: digest, by: 'eve' })
  await expect(approvals.approve(id, { by: 'eve' })).rejects.toMatchObject({
    code: 'QUESTION_CLOSED',
  })
  await expect(approvals.deny(id)).rejects.toMatchObject({ code: 'QUESTION_CLOSED' })
  expect(made).toEqual([])
  const before = runtime.time.clock.now()
  runtime.addWorker()
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(runtime.time.clock.now() - before).toBeLessThan(1000)
  expect(made).toEqual([bob])
  await expect(approvals.approve(id)).rejects.toMatchObject({ code: 'QUESTION_CLOSED' })
})

test('who asked for the run may not approve, and several must be different people', async () => {
  const rule = { needed: true, approvals: 2, notBy: 'requester' } as const
  const { made, payer } = paying(rule, [bob])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' }, { by: 'mallory' })
  const { id } = await only(runtime)
  const { approvals } = runtime.ever
  const refused = { code: 'APPROVAL_REFUSED' }
  await expect(approvals.approve(id, { by: 'mallory' })).rejects.toMatchObject(refused)
  await expect(approvals.approve(id)).rejects.toMatchObject(refused)
  await approvals.approve(id, { by: 'eve' })
  await runtime.settle()
  expect(made).toEqual([])
  expect(await only(runtime)).toMatchObject({ id, votes: [{ by: 'eve', verdict: 'approved' }] })
  await expect(approvals.approve(id, { by: 'eve' })).rejects.toMatchObject(refused)
  await approvals.approve(id, { by: 'dan' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([bob])
})

test.each([{ by: 'mallory' }, {}])(
  'a rule that throws, which the model may bring about, lets nobody approve what they asked for: %j',
  async (asked) => {
    const rule: ApprovalRule<Payment> = ({ to }) => {
      if (to === 'Bob') throw new TypeError('to is undefined')
      return { needed: true, approvals: 2, notBy: 'requester' }
    }
    const { made, payer } = paying(rule, [bob])
    await using runtime = await testRuntime({ flows: [payer] })
    const run = await runtime.start(payer, { prompt: 'Pay.' }, asked)
    const { id, reason } = await only(runtime)
    expect(reason).toContain('to is undefined')
    const { approvals } = runtime.ever
    const refused = { code: 'APPROVAL_REFUSED' }
    if (asked.by) {
      await expect(approvals.approve(id, asked)).rejects.toMatchObject(refused)
      await expect(approvals.approve(id)).rejects.toMatchObject(refused)
    }
    await approvals.approve(id, { by: 'eve' })
    expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
    expect(made).toEqual([bob])
  },
)

test('a rule that throws what cannot be told of has people decide, as one that throws an error', async () => {
  const rule: ApprovalRule<Payment> = () => {
    throw Object.create(null)
  }
  const { made, payer } = paying(rule, [bob])
  await using runtime = await testRuntime({ flows: [payer] })
  await runtime.start(payer, { prompt: 'Pay.' }, { by: 'mallory' })
  expect((await only(runtime)).reason).toContain('Not an error was thrown')
  expect(made).toEqual([])
})

test.each([
  ['nobody', {}],
  ['an empty name', { by: '' }],
])('where %s asked for the run, what they may not approve can only be denied', async (_, asked) => {
  const { made, payer } = paying({ needed: true, notBy: 'requester' }, [bob])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' }, asked)
  const { id, reason } = await only(runtime)
  expect(reason).toMatch(/can only be denied.*`by`/)
  const { approvals } = runtime.ever
  const refused = { code: 'APPROVAL_REFUSED', message: expect.stringContaining('Start runs with') }
  await expect(approvals.approve(id, { by: 'mallory' })).rejects.toMatchObject(refused)
  await approvals.deny(id, { by: 'eve' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([])
})

test.each<[string, ApprovalRule<Payment>, Partial<ApprovalPolicy>, RegExp]>([
  ['nobody', { needed: true, approvers: ['ann'] }, { approvers: ['ben'] }, /Nobody may/],
  [
    'fewer than must',
    { needed: true, approvals: 2, approvers: ['ann', 'ben'] },
    { approvers: ['ben', 'cat'] },
    /Fewer people than the 2/,
  ],
  [
    'only who asked',
    { needed: true, approvers: ['mallory'] },
    { notBy: 'requester' },
    /Nobody may/,
  ],
])('what %s may approve by every rule, everybody can deny', async (_, rule, more, reason) => {
  const careful = policy({ name: 'careful', approval: [{ require: more }] })
  for (const by of ['ann', 'ben', 'mallory', 'zoe']) {
    const { made, payer } = paying(rule, [bob])
    await using runtime = await testRuntime({ flows: [payer], policies: [careful] })
    const run = await runtime.start(payer, { prompt: 'Pay.' }, { by: 'mallory' })
    const { approvals } = runtime.ever
    const one = await only(runtime)
    expect(one).toMatchObject({ isDenyOnly: true, reason: expect.stringMatching(reason) })
    expect(decidersText(one)).toMatch(/^anybody, and only to deny it: too few people/)
    expect(whyNot(one, by)).toBeUndefined()
    const refused = { code: 'APPROVAL_REFUSED', message: expect.stringMatching(reason) }
    await expect(approvals.approve(one.id, { by })).rejects.toMatchObject(refused)
    await approvals.deny(one.id, { by })
    expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
    expect(made).toEqual([])
  }
})

test('who names the run in the place of its approval is told the id', async () => {
  const { payer } = paying({ needed: true }, [bob])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  const { id } = await only(runtime)
  await expect(runtime.ever.approvals.approve(run.id)).rejects.toMatchObject({
    code: 'UNKNOWN_QUESTION',
    message: expect.stringMatching(`is a run.*"${id}"`) as string,
  })
})

test('what nobody may approve, nobody’s silence approves', async () => {
  const rule: ApprovalRule<Payment> = {
    needed: true,
    notBy: 'requester',
    timeout: '1h',
    otherwise: 'approve',
  }
  const { made, payer } = paying(rule, [bob])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  expect(await only(runtime)).toMatchObject({ isDenyOnly: true })
  await runtime.advance('2h')
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([])
})

test('who asked for a run has asked for the runs of the agents that it calls', async () => {
  const { made, payer } = paying({ needed: true, notBy: 'requester' }, [bob])
  const delegate = agentTool(payer, { name: 'delegate', description: 'Lets another agent pay.' })
  const model = scriptedModel([
    { toolCalls: [{ name: 'delegate', input: { prompt: 'Pay.' } }] },
    { text: 'Done.' },
  ])
  const lead = agent({ name: 'lead', model, tools: [delegate] })
  await using runtime = await testRuntime({ flows: [lead, payer] })
  const run = await runtime.start(lead, { prompt: 'Pay Bob.' }, { by: 'mallory' })
  const { id, run: child } = await only(runtime)
  const { approvals } = runtime.ever
  await expect(approvals.approve(id, { by: 'mallory' })).rejects.toMatchObject({
    code: 'APPROVAL_REFUSED',
    message: expect.stringContaining('mallory asked for this'),
  })
  const [said] = (await conversation(runtime.ever, child)).items
  expect(said).toMatchObject({ is: 'user', text: 'Pay.' })
  expect(said).not.toHaveProperty('by') // the agent above has said it
  await approvals.approve(id, { by: 'eve' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([bob])
})

test('votes survive the process, and one denial denies', async () => {
  const { made, payer } = paying({ needed: true, approvals: 2 }, [bob])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  const { id } = await only(runtime)
  await runtime.ever.approvals.approve(id, { by: 'eve' })
  await runtime.settle()
  runtime.crash()
  runtime.addWorker()
  await runtime.settle()
  await runtime.ever.approvals.deny(id, { by: 'dan', reason: 'No.' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([])
})

test('an approval that nobody gives in time is none, unless the policy says otherwise', async () => {
  for (const otherwise of ['deny', 'approve'] as const) {
    const { made, payer } = paying({ needed: true, timeout: '2d', otherwise }, [bob])
    await using runtime = await testRuntime({ flows: [payer] })
    const run = await runtime.start(payer, { prompt: 'Pay.' })
    const { id } = await only(runtime)
    await runtime.advance('1d')
    await only(runtime)
    await runtime.advance('25h')
    expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
    expect(made).toEqual(otherwise === 'approve' ? [bob] : [])
    await expect(runtime.ever.approvals.approve(id)).rejects.toMatchObject({
      code: 'QUESTION_CLOSED',
    })
  }
})

test.each([undefined, '2d'] as const)(
  'it is escalated by itself, though nothing else happens; timeout %s',
  async (timeout) => {
    const escalate = { after: '1d', to: 'boss' } as const
    const { payer } = paying({ needed: true, escalate, ...(timeout && { timeout }) }, [bob])
    await using runtime = await testRuntime({ flows: [payer] })
    await runtime.start(payer, { prompt: 'Pay.' })
    expect(await only(runtime)).toMatchObject({ escalated: false })
    await runtime.advance('23h')
    expect(await only(runtime)).toMatchObject({ assignee: undefined, escalated: false })
    await runtime.advance('2h')
    expect(await only(runtime)).toMatchObject({ assignee: 'boss', escalated: true })
  },
)

test('an escalation that would come after the time is over is refused', () => {
  const escalate = { after: '2d', to: 'boss' } as const
  expect(() => paying({ needed: true, timeout: '1d', escalate }, [bob])).toThrow(
    expect.objectContaining({
      code: 'BAD_OPTION',
      message: expect.stringContaining('`escalate.after` must be shorter than `timeout`'),
    }),
  )
})

test('it is put off, handed over, and escalated', async () => {
  const escalate = { after: '1d', to: 'boss' } as const
  const { payer } = paying({ needed: true, escalate }, [bob])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  const { id } = await only(runtime)
  const { approvals } = runtime.ever
  await approvals.snooze(id, '3h', { by: 'eve' })
  await runtime.settle()
  expect((await only(runtime)).snoozed).toBeGreaterThan(runtime.time.clock.now())
  await approvals.assign(id, 'dan', { by: 'eve' })
  await runtime.settle()
  expect(await only(runtime)).toMatchObject({ assignee: 'dan', escalated: false })
  await runtime.advance('25h')
  expect(await only(runtime)).toMatchObject({ assignee: 'boss', escalated: true })
  await approvals.approve(id, { by: 'boss' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
})

test('whom a request goes to next is told until it has gone there, and with what it was asked', async () => {
  const escalate = { after: '1d', to: 'boss' } as const
  const { payer } = paying({ needed: true, approvals: 2, escalate }, [bob])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  const told = async (): Promise<readonly unknown[]> => {
    const { items } = await conversation(runtime.ever, run.id)
    return items.filter(({ is }) => is === 'asked' || is === 'escalated')
  }
  const { id, since, escalation } = await only(runtime)
  expect(escalation).toEqual({ to: 'boss', due: since + 24 * 3_600_000 })
  const asked = { is: 'asked', question: id, call: 'p1', escalation }
  expect(await told()).toEqual([expect.objectContaining(asked)])
  await runtime.ever.approvals.approve(id, { by: 'eve' })
  await runtime.ever.approvals.assign(id, 'dan', { by: 'eve' })
  await runtime.settle()
  expect(await only(runtime)).toMatchObject({ assignee: 'dan', escalation })
  expect(await told()).toHaveLength(1)
  await runtime.advance('25h')
  expect(await only(runtime)).toMatchObject({ assignee: 'boss', escalation: undefined })
  const [, escalated] = await told()
  expect(escalated).toMatchObject({ is: 'escalated', call: 'p1', to: 'boss' })
  expect(escalated).not.toHaveProperty('by')
})

test('a call that a guard has not let through behind an escalation is told as not made', async () => {
  const escalate = { after: '1d', to: 'boss' } as const
  const noCyd = guard({
    name: 'no-cyd',
    at: 'call',
    check: ({ args }) =>
      (args as Payment).to === 'Cyd' ? verdict.deny('Not Cyd.') : verdict.allow(),
  })
  const { payer, made } = paying({ needed: true, escalate }, [bob], [noCyd])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  await runtime.advance('25h')
  const { id } = await only(runtime)
  await runtime.ever.approvals.approve(id, { by: 'boss', args: cyd })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([])
  const { items } = await conversation(runtime.ever, run.id)
  const kinds = ['asked', 'escalated', 'approval', 'unmade']
  expect(items.map(({ is }) => is).filter((is) => kinds.includes(is))).toEqual(kinds)
})

test('an escalation that comes behind the deadline of another rule goes to nobody', async () => {
  const { payer } = paying({ needed: true, escalate: { after: '1d', to: 'boss' } }, [bob])
  const hurry = policy({ name: 'hurry', approval: [{ require: { timeout: '1h' } }] })
  await using runtime = await testRuntime({ flows: [payer], policies: [hurry] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  expect(await only(runtime)).toMatchObject({ due: expect.any(Number), escalation: undefined })
  const { items } = await conversation(runtime.ever, run.id)
  expect(items.find(({ is }) => is === 'asked')).not.toHaveProperty('escalation')
})

test('what is decided goes to nobody next', async () => {
  const escalate = { after: '1d', to: 'boss' } as const
  await using run = await unattended(undefined, { needed: true, escalate })
  const { id, escalation } = await run.open()
  expect(escalation).toMatchObject({ to: 'boss' })
  await run.ever.approvals.approve(id, { by: 'eve' })
  expect(await run.open()).toMatchObject({ isAnswered: true, escalation: undefined })
})

test('an escalation ends that somebody else has put it off', async () => {
  const escalate = { after: '1d', to: 'boss' } as const
  const { payer } = paying({ needed: true, escalate }, [bob])
  await using runtime = await testRuntime({ flows: [payer] })
  await runtime.start(payer, { prompt: 'Pay.' })
  const { id } = await only(runtime)
  const { approvals } = runtime.ever
  await approvals.snooze(id, '7d', { by: 'eve' })
  await runtime.advance('23h')
  expect((await only(runtime)).snoozed).toBeGreaterThan(runtime.time.clock.now())
  await runtime.advance('2h')
  expect(await only(runtime)).toMatchObject({ assignee: 'boss', snoozed: undefined })
  await approvals.snooze(id, '2h', { by: 'boss' })
  await runtime.settle()
  expect((await only(runtime)).snoozed).toBeGreaterThan(runtime.time.clock.now())
})

test('what was done about it while no worker ran counts as of then: a vote, and who has it now', async () => {
  const escalate = { after: '1d', to: 'boss' } as const
  const { payer } = paying({ needed: true, approvals: 2, escalate }, [bob])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  const { id } = await only(runtime)
  await runtime.stop()
  await runtime.advance('2d')
  const { approvals } = runtime.ever
  await approvals.assign(id, 'dan', { by: 'eve' })
  await approvals.approve(id, { by: 'eve' })
  const given = runtime.time.clock.now()
  await runtime.advance('2d')
  const before = await only(runtime)
  expect(before).toMatchObject({ assignee: 'dan', votes: [{ by: 'eve', time: given }] })
  // Who was handed it behind the time of the escalation keeps it.
  expect(before).toMatchObject({ escalated: true, escalation: undefined })
  runtime.addWorker()
  await runtime.settle()
  expect(await only(runtime)).toEqual(before)
  const { items } = await conversation(runtime.ever, run.id)
  expect(items.filter(({ is }) => is === 'escalated')).toMatchObject([{ to: 'dan', by: 'eve' }])
})

/** A run of one payment that waits for an approval, and no worker. */
async function unattended(
  store: string | undefined,
  approval: ApprovalRule<Payment>,
): Promise<{
  readonly ever: Ever
  readonly made: readonly Payment[]
  readonly open: () => Promise<Approval>
  readonly work: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}> {
  const { made, payer } = paying(approval, [bob])
  if (store === undefined) {
    const runtime = await testRuntime({ flows: [payer], workers: 0 })
    const work = async (): Promise<void> => {
      const worker = runtime.addWorker()
      await runtime.settle()
      await worker.stop()
    }
    await runtime.ever.start(payer, { prompt: 'Pay.' }, { id: 'r' })
    await work()
    const end = (): Promise<void> => runtime[Symbol.asyncDispose]()
    return { ever: runtime.ever, made, open: () => only(runtime), work, [Symbol.asyncDispose]: end }
  }
  const ever = await open({ store, flows: [payer] })
  const work = (): Promise<void> => ever.work({ until: 'idle' })
  await ever.start(payer, { prompt: 'Pay.' }, { id: 'r' })
  await work()
  return {
    ever,
    made,
    open: async () => (await ever.approvals.list())[0]!,
    work,
    [Symbol.asyncDispose]: () => ever.close(),
  }
}

describe.each(['memory', 'sqlite'])('while no worker runs, on %s', (kind) => {
  const closed = { code: 'QUESTION_CLOSED', message: expect.stringContaining('was decided') }
  const refused = { code: 'APPROVAL_REFUSED' }
  const start = (approval: ApprovalRule<Payment>): ReturnType<typeof unattended> => {
    const folder = testFolder()
    return unattended(kind === 'sqlite' ? `sqlite:${join(folder, 'l.db')}` : undefined, approval)
  }

  test('several people vote, and what was decided is', async () => {
    await using run = await start({ needed: true, approvals: 2 })
    const { approvals } = run.ever
    const { id } = await run.open()
    await approvals.approve(id, { by: 'eve' })
    await expect(approvals.approve(id, { by: 'eve' })).rejects.toMatchObject(refused)
    await expect(approvals.approve(id)).rejects.toMatchObject(refused)
    expect(await run.open()).toMatchObject({ isAnswered: false, votes: [{ by: 'eve' }] })
    await approvals.approve(id, { by: 'dan' })
    const both = [{ by: 'eve' }, { by: 'dan' }]
    expect(await run.open()).toMatchObject({ isAnswered: true, votes: both })
    expect(await run.ever.questions()).toEqual([])
    await expect(approvals.deny(id, { by: 'ann' })).rejects.toMatchObject(closed)
    await expect(approvals.snooze(id, '1h')).rejects.toMatchObject(closed)
    await run.work()
    expect(run.made).toEqual([bob])
  })

  test('it is put off, handed over and decided, and what is said twice counts once', async () => {
    await using run = await start(true)
    const { ever } = run
    const { id } = await run.open()
    await ever.approvals.snooze(id, '2h', { by: 'eve' })
    await ever.approvals.assign(id, 'dan', { by: 'eve' })
    expect(await run.open()).toMatchObject({ assignee: 'dan', snoozed: expect.any(Number) })
    await expect(ever.answer(id, { verdict: 'perhaps' })).rejects.toMatchObject({
      code: 'BAD_INPUT',
    })
    await expect(ever.approvals.approve(id, { shown: 'another' })).rejects.toMatchObject(refused)
    await expect(ever.approvals.approve(id, { args: { to: 1 } })).rejects.toMatchObject({
      code: 'BAD_INPUT',
    })
    for (let times = 0; times < 2; times++) {
      await ever.answer(id, { verdict: 'deny', reason: 'No.' }, { by: 'dan', id: 'click-1' })
    }
    await expect(ever.answer(id, { verdict: 'approve' })).rejects.toMatchObject(closed)
    await run.work()
    expect(run.made).toEqual([])
    expect(await (await ever.get('r')).settled()).toMatchObject({ status: 'completed' })
  })

  test('of those who decide at the same time, as many are taken as count', async () => {
    await using run = await start({ needed: true, approvals: 2 })
    const { id } = await run.open()
    const { approvals } = run.ever
    const names = ['a', 'b', 'c', 'd', 'e']
    const told = await Promise.allSettled([
      ...names.map((by) => approvals.approve(id, { by })),
      ...names.map((by) => approvals.approve(id, { by })),
    ])
    expect(told.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    const { votes } = await run.open()
    await run.work()
    expect(run.made).toEqual([bob])
    const entries = await run.ever.store.entries('r')
    const decided = entries.find((entry) => entry.kind === 'approval.decided')
    expect(decode(decided?.payload ?? '')).toMatchObject({
      votes: votes.map(({ by }) => ({ by, verdict: 'approved' })),
    })
    expect(entries.filter((entry) => entry.kind === 'approval.refused')).toEqual([])
  })
})

test('a tool that has changed since it was asked about is asked about again', async () => {
  const { made, payer, model } = paying(true, [bob])
  await using runtime = await testRuntime({ flows: [payer], workers: 0 })
  const run = await runtime.ever.start(payer, { prompt: 'Pay.' })
  const worker = runtime.addWorker()
  await runtime.settle()
  const first = await only(runtime)
  await worker.stop()
  const other = tool({
    name: 'pay',
    description: 'Pays twice.',
    input: z.object({ to: z.string(), cents: z.number().int() }),
    effect: 'idempotent',
    approval: true,
    run: (payment) => void made.push(payment, payment),
  })
  runtime.addWorker({ flows: [agent({ name: 'payer', model, tools: [other] })] })
  await runtime.ever.approvals.approve(first.id, { shown: first.digest })
  await runtime.settle()
  expect(made).toEqual([])
  const second = await only(runtime)
  expect(second.digest).not.toBe(first.digest)
  await runtime.ever.approvals.approve(second.id)
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([bob, bob])
})

test('a policy that is imposed later, or taken away, does not disturb a run that waits', async () => {
  const { made, payer, model } = paying(large, [ada, bob])
  await using runtime = await testRuntime({ flows: [payer], workers: 0 })
  const run = await runtime.ever.start(payer, { prompt: 'Pay.' })
  const worker = runtime.addWorker()
  await runtime.settle()
  await worker.stop()
  const { id } = await only(runtime)
  const never = guard({
    name: 'never',
    at: ['call', 'answer', 'request'],
    check: () => verdict.deny('Never.'),
  })
  const free = tool({
    name: 'pay',
    description: 'Pays.',
    input: z.object({ to: z.string(), cents: z.number().int() }),
    effect: 'idempotent',
    run: (payment) => {
      made.push(payment)
      return 'paid'
    },
  })
  runtime.addWorker({
    flows: [agent({ name: 'payer', model, tools: [free], guards: [never] })],
  })
  await runtime.settle()
  // It was asked for, so somebody decides; and only what comes behind it is put before the new guard.
  await runtime.ever.approvals.approve(id)
  expect(await runtime.settled(run)).toMatchObject({
    status: 'failed',
    error: { code: 'GUARD_DENIED' },
  })
  expect(made).toEqual([ada])
})

test('whoever decides while somebody else does is told that it is closed', async () => {
  const { made, payer } = paying(large, [bob])
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  const { id } = await only(runtime)
  const { ever, store } = runtime
  const slow = {
    questions: async (filter: { readonly id?: string }) => {
      const rows = await store.questions(filter)
      await ever.approvals.deny(id, { by: 'eve' })
      await runtime.settle()
      return rows
    },
  } as unknown as Store
  const late = new Approvals(slow, (of, value, by) => ever.answer(of, value, by ? { by } : {}))
  await expect(late.approve(id, { by: 'ann' })).rejects.toMatchObject({
    code: 'QUESTION_CLOSED',
  })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([])
})
