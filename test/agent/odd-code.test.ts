/** Code of the user's that does odd things: each comes to one explained outcome, and changes nothing that is recorded. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { expect, test } from 'vitest'
import { agent, askPerson, destinationsGuard, guard, tool, verdict } from 'everloop'
import {
  crashAtEveryCommit,
  type ScriptedModel,
  scriptedModel,
  testRuntime,
} from 'everloop/testing'

import { promptOf, toldOf } from './prompts.ts'

/** Nobody can look at it. */
function unreadable(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

function unreadableError(): Error {
  return Object.defineProperty(new Error('x'), 'message', {
    get: () => {
      throw new Error('No.')
    },
  })
}

const looking = (...calls: readonly Readonly<Record<string, unknown>>[]) =>
  scriptedModel(
    [
      { toolCalls: calls.map((input, i) => ({ id: `c${i + 1}`, name: 'look', input })) },
      { text: 'Done.' },
    ],
    { by: 'turn' },
  )

const plainly = {
  name: 'look',
  description: 'Looks.',
  inputSchema: { type: 'object' },
  effect: 'read',
} as const

/** A schema that fills in where it looks, as those of Ajv do. */
const filling: StandardSchemaV1<unknown, unknown> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => {
      const { words } = value as { words: string[] }
      words.push('filled in')
      return { value }
    },
  },
}

test('what a schema fills in is not among the words of the model', async () => {
  const made: unknown[] = []
  const look = tool({ ...plainly, input: filling, run: (input) => (made.push(input), 'ok') })
  const model = looking({ words: ['one'] }, { words: ['two'] })
  const seeing = guard({ name: 'g', at: 'call', check: () => verdict.allow() })
  const a = agent({ name: 'a', model, tools: [look], guards: [seeing] })
  await using runtime = await testRuntime({ flows: [a] })
  await runtime.settled(await runtime.start(a, { prompt: 'Go.' }))
  expect(made).toEqual([{ words: ['one', 'filled in'] }, { words: ['two', 'filled in'] }])
  expect(promptOf(model, 1)[1]?.content).toMatchObject([
    { input: { words: ['one'] } },
    { input: { words: ['two'] } },
  ])
})

test('wherever the process dies, what a schema fills in is filled in once', async () => {
  const look = tool({ ...plainly, effect: 'idempotent', input: filling, run: (input) => input })
  const model = scriptedModel(
    ({ turn, body }) =>
      turn === 0
        ? { toolCalls: [{ id: 'c', name: 'look', input: { words: ['one'] } }] }
        : { text: JSON.stringify((body as { prompt: unknown[] }).prompt.slice(1)) },
    { by: 'turn' },
  )
  const a = agent({ name: 'a', model, tools: [look] })
  const report = await crashAtEveryCommit(a, { prompt: 'Go.' })
  expect(report.outcomes).toHaveLength(1)
  expect(JSON.stringify(report.live).split('filled in')).toHaveLength(2)
  expect(report.flaws).toEqual([])
})

test('what a person edits is not what a schema makes of it in its place', async () => {
  const look = tool({ ...plainly, input: filling, approval: true, run: () => 'ok' })
  const a = agent({ name: 'a', model: looking({ words: [] }), tools: [look] })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  const [open] = await runtime.ever.approvals.list()
  await runtime.ever.approvals.approve(open?.id ?? '', { args: { words: ['edited'] } })
  expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
  const [again] = await runtime.ever.approvals.list()
  expect(again?.refused).toContain('would change these arguments')
})

test.each([
  ['a guard', unreadable, 'Guard \\"g\\" failed'],
  ['a guard, an error', unreadableError, 'Guard \\"g\\" failed'],
])('%s that throws what cannot be looked at denies', async (_, thrown, said) => {
  const odd = guard({
    name: 'g',
    at: 'call',
    check: () => {
      throw thrown()
    },
  })
  const model = looking({})
  const a = agent({
    name: 'a',
    model,
    tools: [tool({ ...plainly, run: () => 'ok' })],
    guards: [odd],
  })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(JSON.stringify(toldOf(model, 1))).toContain(said)
})

test('`destinations` that throw what cannot be looked at are named', async () => {
  const look = tool({
    ...plainly,
    writes: 'outside',
    destinations: () => {
      throw unreadable()
    },
    run: () => 'ok',
  })
  const guards = [destinationsGuard({ allow: ['example.com'] })]
  const a = agent({ name: 'a', model: looking({}), tools: [look], guards })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  const decided = (await runtime.ledger(run)).find(({ kind }) => kind === 'guard.decided')
  expect(JSON.stringify(decided)).toContain('`destinations` of tool \\"look\\" failed')
})

/** A model that answers with what this returns. */
const odd = (doStream: () => unknown): ScriptedModel =>
  ({ ...scriptedModel([]), modelId: 'odd', doStream }) as ScriptedModel

test.each<[string, () => unknown]>([
  ['throws what cannot be looked at', () => Promise.reject(unreadable() as Error)],
  ['throws an error that cannot be read', () => Promise.reject(unreadableError())],
  [
    'throws an error with such a cause',
    () => Promise.reject(new Error('Refused.', { cause: unreadableError() })),
  ],
  [
    'sends such an error',
    () => ({ stream: ReadableStream.from([{ type: 'error', error: unreadable() }]) }),
  ],
])('where a model %s, the next one is asked', async (_, doStream) => {
  const next = scriptedModel(() => ({ text: 'Here I am.' }))
  const a = agent({ name: 'a', model: [odd(doStream), next], retry: { attempts: 1 } })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Here I am.' })
})

test.each([
  [Number.NaN, '"NaN"'],
  [{ share: -Infinity }, '{"share":"-Infinity"}'],
])('a number that is none is told as what it is: %s', async (result, text) => {
  const model = looking({})
  const a = agent({ name: 'a', model, tools: [tool({ ...plainly, run: () => result })] })
  await using runtime = await testRuntime({ flows: [a] })
  await runtime.settled(await runtime.start(a, { prompt: 'Go.' }))
  expect(toldOf(model, 1)).toEqual([{ type: 'text', value: text }])
})

test('whoever is to approve a call is not shown nothing but spaces', async () => {
  const look = tool({ ...plainly, approval: { needed: true, prompt: ' ' }, run: () => 'ok' })
  const a = agent({ name: 'a', model: looking({}), tools: [look] })
  await using runtime = await testRuntime({ flows: [a] })
  await runtime.start(a, { prompt: 'Go.' })
  const [open] = await runtime.ever.approvals.list()
  expect(open?.prompt).toBe('Agent "a" wants to call look (read) with {}. Approve?')
})

test('a person is not asked a question of nothing but spaces', async () => {
  const ask = askPerson({
    name: 'look',
    description: 'Asks.',
    inputSchema: { type: 'object' },
    prompt: () => ' \n ',
  })
  const model = looking({})
  const a = agent({ name: 'a', model, tools: [ask] })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(JSON.stringify(toldOf(model, 1))).toContain('a person would be shown nothing')
})
