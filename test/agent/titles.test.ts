/** What people call the runs of an agent. */
import { expect, test } from 'vitest'
import { agent, type AgentDefinition, guard, judgeGuard, tool, verdict } from 'everloop'
import { crashAtEveryCommit, scriptedModel, testRuntime } from 'everloop/testing'

const wire = tool({
  name: 'wire',
  description: 'Wires money.',
  effect: 'idempotent',
  approval: true,
  run: () => 'wired',
})
const definition = (title?: AgentDefinition['title']): AgentDefinition => ({
  name: 'clerk',
  model: scriptedModel(
    [{ toolCalls: [{ id: 'w', name: 'wire', input: {} }] }, { text: 'It is wired.' }],
    { by: 'turn' },
  ),
  tools: [wire],
  guards: [guard({ name: 'lets', at: 'input', check: () => verdict.allow() })],
  ...(title === undefined ? {} : { title }),
})

test('a run has the title that is made of its prompt, from its beginning on', async () => {
  const clerk = agent(definition((prompt) => `${prompt} ${'x'.repeat(300)}`))
  await using runtime = await testRuntime({ flows: [clerk] })
  const run = await runtime.start(clerk, { messages: ['Wire it.', 'Soon.'] })
  const { title = '' } = await run.status()
  expect(title.slice(0, 17)).toBe('Wire it.\nSoon. xx')
  expect(title).toHaveLength(200)
  expect((await runtime.ledger(run)).map(({ kind }) => kind).slice(0, 3)).toEqual([
    'run.started',
    'note.titled',
    'guard.decided',
  ])
})

test('it is given once, wherever the process dies', async () => {
  let made = 0
  const report = await crashAtEveryCommit(
    agent(definition(() => `Title ${++made}`)),
    { prompt: 'Wire it.' },
    {
      drive: async (runtime) => {
        const [approval] = await runtime.ever.approvals.list()
        if (approval) await runtime.ever.approvals.approve(approval.id, { by: 'eve' })
        await runtime.settle()
      },
    },
  )
  expect(report.outcomes).toEqual([{ status: 'completed', output: 'It is wired.' }])
  expect(report.flaws).toEqual([])
})

test.each([
  ['gets', undefined, 'Wiring', undefined],
  ['loses', 'Wiring', undefined, 'Wiring'],
  ['changes', 'Wiring', 'Paying', 'Wiring'],
])('a run that waits in its first turn goes on when a deploy %s it', async (_, old, next, told) => {
  const before = agent(definition(old))
  await using runtime = await testRuntime({ flows: [before] })
  const run = await runtime.start(before, { prompt: 'Wire it.' })
  await runtime.restart({ flows: [agent(definition(next))] })
  await runtime.settle()
  const [approval] = await runtime.ever.approvals.list()
  await runtime.ever.approvals.approve(approval?.id ?? '', { by: 'eve' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'It is wired.' })
  expect((await run.status()).title).toBe(told)
  await runtime.verify()
})

test('a run that waits for more budget for a judge goes on when a deploy gives it a title', async () => {
  const judge = scriptedModel(() => ({ text: '{"answer":"no"}' }), { name: 'judge' })
  const judged: AgentDefinition = {
    name: 'clerk',
    model: scriptedModel(() => ({ text: 'Done.' })),
    guards: [judgeGuard({ at: 'input', question: 'Bad?', model: judge })],
    budget: { tokens: 0 },
  }
  const before = agent(judged)
  await using runtime = await testRuntime({ flows: [before] })
  const run = await runtime.start(before, { prompt: 'Wire it.' })
  await runtime.restart({ flows: [agent({ ...judged, title: 'Wiring' })] })
  await runtime.settle()
  const [question] = await runtime.ever.questions()
  await runtime.ever.answer(question?.id ?? '', { verdict: 'continue' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
})

test('a title with nothing to read is none, and one that is no text is refused', async () => {
  for (const title of ['', ' ', 5, null]) {
    expect(() => agent(definition(title as never))).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION' }),
    )
  }
  for (const [made, end, told] of [
    [' ', { status: 'waiting' }, undefined],
    [5, { status: 'failed', error: { code: 'BAD_OPTION' } }, undefined],
  ] as const) {
    const clerk = agent(definition(() => made as never))
    await using runtime = await testRuntime({ flows: [clerk] })
    const run = await runtime.start(clerk, { prompt: 'Wire it.' })
    expect(await runtime.settled(run)).toMatchObject(end)
    expect((await run.status()).title).toBe(told)
  }
})
