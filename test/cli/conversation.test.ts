/** `everloop runs conversation`: a run with a guard, a denial, an error and texts that are not to be trusted. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { agent, flow, guard, open, tool, verdict } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/index.ts'
import { everloop, everloopJson, testFolder } from './command-line.ts'

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
  const polite = guard({
    name: 'polite',
    at: ['output'],
    check: ({ text }) => (text === 'Bye' ? verdict.allow() : verdict.retry('Say Bye.')),
  })
  const model = scriptedModel([
    {
      text: 'I \u001b]0;title\u0007try\nthree things.',
      toolCalls: [
        { name: 'send', input: { text: 'plain' } },
        { name: 'send', input: { text: 'ask' } },
        { name: 'read' },
      ],
    },
    { text: 'Done' },
    { text: 'Bye' },
  ])
  const clerk = agent({ name: 'clerk', model, tools: [send, read], guards: [polite] })
  const plain = flow('plain', () => 'nothing was said')
  {
    await using ever = await open({ store, flows: [clerk, plain], work: {} })
    const run = await ever.start(clerk, { prompt: 'Go.' }, { id: 'clerk-1', by: 'Ann' })
    await run.settled()
    const [approval] = await ever.approvals.list()
    await ever.approvals.deny(approval?.id ?? '', { by: 'Bob', reason: 'Not now.' })
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
    '          three things.',
    '  send {"text":"plain"}',
    '    = {"sent":"plain"}',
    '  send {"text":"ask"}',
    '    denied by Bob: Not now.',
    '  read {}',
    '    error too long',
    'model     Done',
    'guard     polite at output: retry: Say Bye.',
    'model     Bye',
    '',
    `3 answers of the model, 2 calls, ${spent.tokens} tokens for a price that is not known.`,
  ])
  expect(items.map(({ is }) => is).filter((is) => is !== 'result' && is !== 'error')).toEqual([
    'user',
    'assistant',
    'approval',
    'assistant',
    'guard',
    'assistant',
  ])
  const none = await everloop(['runs', 'conversation', 'plain', '--store', store])
  expect(none.stdout).toContain('holds no conversation')
})
