/** Functions of an agent's author that never return: each has its time, and is named when that is over. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { expect, test } from 'vitest'
import {
  type AgentDefinition,
  agent,
  askPerson,
  guard,
  type Policy,
  policy,
  secret,
  tool,
  verdict,
} from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'
import { look } from './look.ts'
import { toldOf } from './prompts.ts'

const never = (): Promise<never> => new Promise(() => {})

/** A schema of which nobody hears. */
const silent: StandardSchemaV1<unknown, never> = {
  '~standard': { version: 1, vendor: 'test', validate: never },
}

const looking = () =>
  scriptedModel([{ toolCalls: [{ id: 'c1', name: 'look', input: {} }] }, { text: 'Done.' }])

/** What becomes of a run within a quarter of an hour. */
async function ended(
  definition: Partial<AgentDefinition<string>>,
  more: { policies?: readonly Policy[]; secrets?: Record<string, () => Promise<string>> } = {},
) {
  const flow = agent({ name: 'a', model: looking(), tools: [look], ...definition })
  await using runtime = await testRuntime({ flows: [flow], ...more })
  const run = await runtime.start(flow, { prompt: 'Look.' })
  await runtime.advance('15m')
  const [question] = await runtime.ever.approvals.list()
  return { status: await run.settled(), question }
}

test.each<[string, string, Partial<AgentDefinition<string>>]>([
  [
    '`instructions`',
    'agent.instructions took longer than 10m.',
    { instructions: never, retry: { attempts: 1 } },
  ],
  [
    '`instructions` where `timeout` is given',
    'agent.instructions took longer than 2m.',
    { instructions: never, timeout: '2m' },
  ],
  [
    '`instructions` that guards are to see',
    'agent.instructions took longer than 50s.',
    {
      instructions: never,
      guards: [guard({ name: 'g', at: 'request', check: () => verdict.allow() })],
    },
  ],
  [
    'the schema of `output`',
    'The schema `agent.output` took longer than 50s.',
    { output: silent, model: scriptedModel([{ text: '{}' }]) },
  ],
  [
    'what fetches a secret for `settings`',
    'Fetching secret "KEY" took longer than 50s.',
    { settings: { headers: { key: secret('KEY') } } },
  ],
])('the run fails where %s never returns', async (_, message, definition) => {
  const { status } = await ended(definition, { secrets: { KEY: never } })
  expect(status).toMatchObject({
    status: 'failed',
    error: { message: expect.stringContaining(message) },
  })
  expect(JSON.stringify(status)).toContain('"code":"TIMEOUT"')
})

test('the model is told where the schema of a tool never answers', async () => {
  const strange = tool({
    name: 'look',
    description: 'Looks.',
    input: silent,
    inputSchema: { type: 'object' },
    effect: 'read',
    run: () => 'Seen.',
  })
  const model = looking()
  const { status } = await ended({ model, tools: [strange] })
  expect(status).toMatchObject({ status: 'completed' })
  expect(JSON.stringify(toldOf(model, 1))).toContain(
    'could not be checked (The `input` schema of look took longer than 50s.',
  )
})

const asked = 'The approval rule of tool "look" failed (EverloopError: It took longer than 50s.'

test('a person decides where the approval rule of a tool never returns', async () => {
  const strict = tool({ ...plainly, approval: never })
  const { status, question } = await ended({ tools: [strict] })
  expect(status).toMatchObject({ status: 'waiting' })
  expect(question?.reason).toContain(asked)
})

test('a person decides where the rule of a policy never returns', async () => {
  const policies = [policy({ name: 'p', approval: [{ when: never }] })]
  const { status, question } = await ended({}, { policies })
  expect(status).toMatchObject({ status: 'waiting' })
  expect(question?.reason).toContain(asked)
})

const plainly = {
  name: 'look',
  description: 'Looks.',
  inputSchema: { type: 'object' },
  effect: 'read',
  run: () => 'Seen.',
} as const

test('several rules that never return take no longer than one', async () => {
  const strict = tool({ ...plainly, approval: never })
  const policies = [policy({ name: 'p', approval: [{ when: never }, { when: never }] })]
  const { question } = await ended({ tools: [strict] }, { policies })
  expect(question?.reason?.split(asked)).toHaveLength(4)
})

test('a policy whose `applies` returns a promise that never settles applies', async () => {
  const applies = never as never
  const { question } = await ended(
    {},
    { policies: [policy({ name: 'p', applies, approval: [{}] })] },
  )
  expect(question?.reason).toContain('Policy "p" wants it.')
})

test.each<[string, string, Partial<AgentDefinition<string>>]>([
  ['title', 'agent.title must return a text.', { title: never as never }],
  [
    'stop.when',
    'agent.stop.when must return true or false at once',
    { stop: { when: never as never } },
  ],
])('`%s` cannot wait for anything', async (_, message, definition) => {
  const { status } = await ended(definition)
  expect(status).toMatchObject({ status: 'failed' })
  expect(JSON.stringify(status)).toContain(message)
})

test.each<[string, string, Parameters<typeof tool>[0] | ReturnType<typeof askPerson>]>([
  [
    '`run` of a tool with a `timeout`',
    'took longer than its timeout',
    { ...plainly, timeout: '1m', run: never },
  ],
  [
    '`prompt` of askPerson',
    'These arguments make no question',
    askPerson({ name: 'look', description: 'Asks.', prompt: never as never }),
  ],
])('the model is told where %s never returns', async (_, message, given) => {
  const model = looking()
  const made = 'does' in given ? given : tool(given)
  const { status } = await ended({ model, tools: [made] })
  expect(status).toMatchObject({ status: 'completed' })
  expect(JSON.stringify(toldOf(model, 1))).toContain(message)
})

test('a call in doubt is asked about where `reconcile` never returns', async () => {
  const once = tool({
    ...plainly,
    effect: 'once',
    timeout: '1m',
    run: never,
    reconcile: never,
  })
  const { status } = await ended({ tools: [once] })
  expect(status).toMatchObject({ status: 'waiting', on: [{ kind: 'effect' }] })
})

test('a process that has closed does not stay for the rest of that time', async () => {
  const child = fileURLToPath(new URL('hanging-child.ts', import.meta.url))
  const { signal, code } = await new Promise<{ code: number | null; signal: string | null }>(
    (resolve) => {
      spawn(process.execPath, [child], { stdio: 'inherit', timeout: 25_000 }).once(
        'exit',
        (code, signal) => resolve({ code, signal }),
      )
    },
  )
  expect({ code, signal }).toEqual({ code: 0, signal: null })
}, 40_000)
