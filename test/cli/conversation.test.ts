/** `everloop runs conversation`: a run with a guard, a denial, an error and texts that are not to be trusted. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent, agentTool, flow, guard, open, tool, verdict } from '../../src/index.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import { scriptedModel, testRuntime } from '../../src/testing/index.ts'
import { everloop, everloopJson } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

test('each answer with its calls, and below them what was decided and what came of them', async () => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const send = tool({
    name: 'send',
    description: 'Sends a text.',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
    effect: 'once',
    approval: ({ text }: { readonly text: string }) => text === 'ask',
    run: ({ text }: { readonly text: string }) => ({ sent: text }),
  })
  const read = tool({
    name: 'read',
    description: 'Reads.',
    effect: 'read',
    run: () => {
      throw new RangeError('too \u001b[2Jlong')
    },
  })
  const strict = tool({
    name: 'strict',
    description: 'Takes a number.',
    inputSchema: { type: 'object', properties: { n: { type: 'number' } }, required: ['n'] },
    effect: 'read',
    run: () => 'never',
  })
  const polite = guard({
    name: 'polite',
    at: ['output'],
    check: ({ text }) => (text === 'Bye' ? verdict.allow() : verdict.retry('Say Bye.')),
  })
  const model = scriptedModel([
    {
      text: 'I \u001b]0;title\u0007try\nfive things.',
      toolCalls: [
        { name: 'send', input: { text: 'plain' } },
        { name: 'send', input: { text: 'ask' } },
        { name: 'read' },
        { name: 'unknown' },
        { name: 'strict', input: { n: 'one' } },
      ],
    },
    { text: 'Done' },
    { text: 'Bye' },
  ])
  const clerk = agent({ name: 'clerk', model, tools: [send, read, strict], guards: [polite] })
  const plain = flow('plain', () => 'nothing was said')
  {
    await using ever = await open({ store, flows: [clerk, plain], work: {} })
    const run = await ever.start(clerk, { prompt: 'Go.' }, { id: 'clerk-1', by: 'Ann' })
    await run.settled()
    const [approval] = await ever.approvals.list()
    await ever.approvals.deny(approval?.id ?? '', {
      by: 'Bob',
      channel: 'chat',
      reason: 'Not now.',
    })
    expect(await run.result()).toBe('Bye')
    await (await ever.start(plain, undefined, { id: 'plain-1' })).result()
  }
  const { stdout } = await everloop(['runs', 'conversation', 'clerk', '--store', store])
  const { items, spent } = (
    await everloopJson<{
      readonly items: readonly { readonly is: string }[]
      readonly spent: { readonly tokens: number }
    }>(['runs', 'conversation', 'clerk', '--store', store])
  ).document
  expect(stdout.trimEnd().split('\n')).toEqual([
    'Ann       Go.',
    'model     I try',
    '          five things.',
    '  send {"text":"plain"}',
    '    = {"sent":"plain"}',
    '  send {"text":"ask"}',
    '    denied by Bob via chat: Not now.',
    '  read {}',
    '    error too long',
    '  unknown {}',
    '    error Error: There is no tool "unknown". The tools are: read_more, send, read, strict.',
    '  strict {"n":"one"}',
    expect.stringMatching(/^ {4}error Error: the arguments of strict do not fit its schema: n:/),
    'model     Done',
    'guard     polite at output: retry: Say Bye.',
    'model     Bye',
    '',
    `3 answers of the model, 2 calls, ${spent.tokens} tokens for a price that is not known.`,
  ])
  expect(items.map(({ is }) => is).filter((is) => is !== 'result' && is !== 'error')).toEqual([
    'user',
    'assistant',
    'asked',
    'approval',
    'assistant',
    'guard',
    'assistant',
  ])
  const none = await everloop(['runs', 'conversation', 'plain', '--store', store])
  expect(none.stdout).toContain('holds no conversation')
})

test('who voted, how and why; who resolved a doubt; and how the run failed', async () => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const wire = tool({
    name: 'wire',
    description: 'Wires money.',
    effect: 'once',
    settle: '1ms',
    approval: { needed: true, approvals: 2 },
    run: () => {
      throw new Error('connection lost')
    },
  })
  const last = guard({
    name: 'last',
    at: ['answer'],
    check: ({ text }) => (text === 'Wired.' ? verdict.halt('Enough.') : verdict.allow()),
  })
  const model = scriptedModel([
    { text: 'I wire.', toolCalls: [{ name: 'wire', input: {} }] },
    { text: 'Wired.', toolCalls: [{ name: 'wires', input: {} }] },
  ])
  const clerk = agent({
    name: 'clerk',
    model,
    tools: [wire],
    guards: [last],
  })
  {
    await using ever = await open({ store, flows: [clerk], work: {} })
    const run = await ever.start(clerk, { prompt: 'Go.' }, { id: 'clerk-1' })
    await run.settled()
    const [{ id } = { id: '' }] = await ever.approvals.list()
    await ever.approvals.approve(id, { by: 'Ann', channel: 'chat', reason: 'Fine.' })
    await run.settled()
    const waiting = await everloop(['runs', 'conversation', 'clerk', '--store', store])
    expect(waiting.stdout).toContain(`    waits for somebody (${id})\n    a vote: approved by Ann`)
    await ever.approvals.approve(id, { by: 'Bob', channel: 'mail', reason: 'Fine, too.' })
    await run.settled()
    const [question] = await ever.questions()
    await ever.answer(
      question?.id ?? '',
      { verdict: 'done', result: 'sent', reason: 'The bank says so.' },
      { by: 'Cyd' },
    )
    await expect(run.result()).rejects.toThrow('Enough.')
  }
  const { stdout } = await everloop(['runs', 'conversation', 'clerk', '--store', store])
  expect(stdout.trimEnd().split('\n')).toEqual([
    'user      Go.',
    'model     I wire.',
    '  wire {}',
    '    a vote: approved by Ann via chat: Fine.',
    '    approved by Bob via mail: Fine, too.',
    '    in doubt: it is not known whether it happened (it threw): Error: connection lost',
    '    the doubt is resolved: it happened, told by Cyd: The bank says so.',
    '    = sent',
    'model     Wired.',
    '  wires {}',
    // The same words as for a model that is told so.
    '    error There is no tool "wires". Did you mean wire? The tools are: read_more, wire.',
    'guard     last at answer: halt: Enough.',
    expect.stringMatching(/^failed {4}GUARD_HALTED: .*Enough\./),
    '',
    expect.stringMatching(/^2 answers of the model, 1 call, /),
  ])
  const { items } = (
    await everloopJson<{ readonly items: readonly Readonly<Record<string, unknown>>[] }>([
      'runs',
      'conversation',
      'clerk',
      '--store',
      store,
    ])
  ).document
  expect(items.find(({ is }) => is === 'approval')).toMatchObject({
    by: 'Bob',
    votes: [
      { by: 'Ann', channel: 'chat', verdict: 'approved', reason: 'Fine.' },
      { by: 'Bob', channel: 'mail', verdict: 'approved', reason: 'Fine, too.' },
    ],
  })
  expect(items.filter(({ is }) => is === 'doubt')).toMatchObject([
    { verdict: 'open', why: 'threw' },
    { verdict: 'done', via: 'person', by: 'Cyd', reason: 'The bank says so.' },
  ])
  expect(items.at(-1)).toMatchObject({ is: 'failed', code: 'GUARD_HALTED' })
})

test('a call that nobody had decided about when the run was cancelled waits for nobody', async () => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const wire = tool({
    name: 'wire',
    description: 'Wires money.',
    effect: 'once',
    approval: true,
    run: () => 'sent',
  })
  const model = scriptedModel([{ toolCalls: [{ name: 'wire', input: {} }] }])
  const clerk = agent({ name: 'clerk', model, tools: [wire] })
  {
    await using ever = await open({ store, flows: [clerk], work: {} })
    const run = await ever.start(clerk, { prompt: 'Go.' }, { id: 'clerk-1' })
    await run.settled()
    await ever.cancel('clerk-1', 'Too late.')
    await run.settled()
  }
  expect((await printed(store, 'clerk-1')).slice(2)).toEqual([
    '  wire {}',
    expect.stringMatching(/^ {4}nobody had answered when the run ended \(clerk-1\/\d+\)$/),
    'cancelled Too late.',
    '',
    expect.stringMatching(/^1 answer of the model, 0 calls, /),
  ])
})

/** What `runs conversation` prints of this run. */
async function printed(store: string, id: string): Promise<readonly string[]> {
  const { stdout } = await everloop(['runs', 'conversation', id, '--store', store])
  return stdout.trimEnd().split('\n')
}

test('calls that no guard let through are shown as not made, and are not counted', async () => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  let sent = 0
  const send = tool({
    name: 'send',
    description: 'Sends.',
    effect: 'idempotent',
    inputSchema: { type: 'object' },
    run: () => `sent ${++sent}`,
  })
  const calm = guard({
    name: 'calm',
    at: ['answer'],
    check: ({ text }) => (text === 'NOW' ? verdict.retry('Be calm.') : verdict.allow()),
  })
  const narrow = guard({
    name: 'narrow',
    at: ['call'],
    check: ({ args }) =>
      JSON.stringify(args).includes('all') ? verdict.deny('Not to all.') : verdict.allow(),
  })
  const calls = (...to: string[]) => to.map((one) => ({ name: 'send', input: { to: one } }))
  const clerk = agent({
    name: 'clerk',
    model: scriptedModel([
      { text: 'NOW', toolCalls: calls('Ann', 'Bob') },
      { text: 'Please', toolCalls: calls('Ann', 'all') },
      { text: 'Done' },
    ]),
    tools: [send],
    guards: [calm, narrow],
  })
  {
    await using ever = await open({ store, flows: [clerk], work: {} })
    await (await ever.start(clerk, { prompt: 'Go.' }, { id: 'clerk-1' })).result()
  }
  expect(sent).toBe(1)
  const unmade = '    not made: guard "calm" had this answer of the model: retry'
  expect(await printed(store, 'clerk-1')).toEqual([
    'user      Go.',
    'model     NOW',
    '  send {"to":"Ann"}',
    unmade,
    '  send {"to":"Bob"}',
    unmade,
    'guard     calm at answer: retry: Be calm.',
    'model     Please',
    '  send {"to":"Ann"}',
    '    = sent 1',
    '  send {"to":"all"}',
    '    guard narrow at call: deny: Not to all.',
    expect.stringMatching(/^ {4}not made: Guard "narrow" denied the call: Not to all\.$/),
    'model     Done',
    '',
    expect.stringMatching(/^3 answers of the model, 1 call, /),
  ])
})

test('an answer that a limit has cut off is told apart from a whole one', async () => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const model = scriptedModel([{ text: 'The first half of the rep', finishReason: 'length' }])
  const clerk = agent({ name: 'clerk', model })
  {
    await using ever = await open({ store, flows: [clerk], work: {} })
    await (await ever.start(clerk, { prompt: 'Go.' }, { id: 'clerk-1' })).result()
  }
  expect(await printed(store, 'clerk-1')).toEqual([
    'user      Go.',
    'model     The first half of the rep',
    '  (cut off at a limit of tokens)',
    '',
    expect.stringMatching(/^1 answer of the model, 0 calls, /),
  ])
})

test('what was undone of the calls, and what became of one that nobody decided about in time', async () => {
  const location = join(testFolder(), 'ledger.db')
  const refund = tool({
    name: 'refund',
    description: 'Refunds.',
    inputSchema: { type: 'object' },
    effect: 'idempotent',
    approval: { needed: true, timeout: '1h', otherwise: 'approve' },
    run: ({ to }: { readonly to: string }) => `refunded ${to}`,
    undo: ({ to }: { readonly to: string }) => {
      if (to === 'Bob') throw new Error('the bank is \u001b[2Jclosed')
      return 'reversed'
    },
  })
  const ship = tool({
    name: 'ship',
    description: 'Ships.',
    effect: 'read',
    approval: { needed: true, timeout: '1h', otherwise: 'deny' },
    run: () => 'never',
  })
  const calls = ['Ann', 'Bob', 'Eve'].map((to) => ({ name: 'refund', input: { to } }))
  const clerk = agent({
    name: 'clerk',
    model: scriptedModel([
      { toolCalls: [...calls, { name: 'ship' }] },
      { error: 'gone', status: 401 },
    ]),
    tools: [refund, ship],
  })
  {
    await using runtime = await testRuntime({
      flows: [clerk],
      store: (ports) => sqliteStore({ location, ports, durability: 'process' }),
    })
    const { ever } = runtime
    const run = await runtime.start(clerk, { prompt: 'Go.' }, { id: 'clerk-1' })
    await runtime.advance('2h')
    expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
    const [left] = (await ever.undos(run.id)).filter(({ state }) => state === 'failed')
    await ever.skipUndo(run.id, left?.of ?? 0, { by: 'Zoe', reason: 'Bob keeps it.' })
  }
  const lines = await printed(`sqlite:${location}`, 'clerk-1')
  const below = (call: string): readonly string[] => {
    const from = lines.findIndex((line) => line.startsWith(`  ${call}`)) + 1
    return lines.slice(from, from + lines.slice(from).findIndex((line) => !/^ {4}/.test(line)))
  }
  const approved = '    expired: nobody decided in time, so it was approved'
  expect(below('refund {"to":"Ann"}')).toEqual([approved, '    = refunded Ann', '    undone'])
  expect(below('refund {"to":"Bob"}')).toEqual([
    approved,
    '    = refunded Bob',
    '    not undone: Error: the bank is closed',
    '    left as it is by Zoe: Bob keeps it.',
  ])
  expect(below('ship')).toEqual(['    expired: nobody decided in time, so it was denied'])
})

test('what a call came through stands below it as it happened, and a run that it has started while that goes on', async () => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const returning = (name: string, value: unknown) =>
    tool({ name, description: 'Returns.', effect: 'read', run: () => value })
  const careful = guard({
    name: 'careful',
    at: ['call', 'result'],
    check: ({ tool: { name } }, { position }) => {
      if (position === 'call') return name === 'nothing' ? verdict.ask('Sure?') : verdict.allow()
      return name === 'little' ? verdict.deny('Too little.') : verdict.allow()
    },
  })
  const waits = flow({ name: 'waits', input: z.object({}), run: (run) => run.signal('go') })
  const clerk = agent({
    name: 'clerk',
    model: scriptedModel([
      { toolCalls: ['nothing', 'little', 'null', 'child'].map((name) => ({ name })) },
      { text: 'Done.' },
    ]),
    tools: [
      returning('nothing', undefined),
      returning('little', 'half'),
      returning('null', null),
      agentTool(waits, { name: 'child', description: 'Waits.' }),
    ],
    guards: [careful],
  })
  await using ever = await open({ store, flows: [clerk, waits], work: {} })
  const run = await ever.start(clerk, { prompt: 'Go.' }, { id: 'clerk-1' })
  await run.settled()
  const [{ id } = { id: '' }] = await ever.approvals.list()
  const [child] = await ever.list({ parent: 'clerk-1' })
  const others = [
    '  little {}',
    '    = half',
    '    guard careful at result: deny: Too little.',
    '  null {}',
    '    = null',
    '  child {}',
  ]
  expect((await printed(store, 'clerk-1')).slice(2)).toEqual([
    '  nothing {}',
    '    guard careful at call: ask: Sure?',
    `    waits for somebody (${id})`,
    ...others,
    `    still under way (run ${child?.id})`,
    '',
    expect.stringMatching(/^1 answer of the model, 2 calls, /),
  ])
  await ever.approvals.approve(id, { by: 'Ann' })
  await ever.signal(child?.id ?? '', 'go', 'gone')
  await run.result()
  expect((await printed(store, 'clerk-1')).slice(2)).toEqual([
    '  nothing {}',
    '    guard careful at call: ask: Sure?',
    '    approved by Ann',
    '    = (nothing)',
    ...others,
    '    = gone',
    'model     Done.',
    '',
    expect.stringMatching(/^2 answers of the model, 4 calls, /),
  ])
})

test('of a call whose run had not ended when its own was cancelled that is said', async () => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const waits = flow({ name: 'waits', input: z.object({}), run: (run) => run.signal('go') })
  const clerk = agent({
    name: 'clerk',
    model: scriptedModel([{ toolCalls: [{ name: 'child' }] }]),
    tools: [agentTool(waits, { name: 'child', description: 'Waits.' })],
  })
  await using ever = await open({ store, flows: [clerk, waits], work: {} })
  const run = await ever.start(clerk, { prompt: 'Go.' }, { id: 'clerk-1' })
  await run.settled()
  await run.cancel('Too late.')
  await expect(run.result()).rejects.toThrow('Too late.')
  const [child] = await ever.list({ parent: 'clerk-1' })
  expect((await printed(store, 'clerk-1')).slice(2, 5)).toEqual([
    '  child {}',
    `    had not ended when the run did (run ${child?.id})`,
    'cancelled Too late.',
  ])
})
