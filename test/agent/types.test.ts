/** What the types of agents and tools infer, and what they refuse. Checked by the compiler. */
import { expectTypeOf, test } from 'vitest'
import {
  type Agent,
  agent,
  type AgentDefinition,
  agentTool,
  askPerson,
  done,
  type Ever,
  flow,
  notDone,
  tool,
} from 'everloop'
import { scriptedModel } from 'everloop/testing'
import { z } from 'zod'

const model = scriptedModel([])
const find = tool({
  name: 'find',
  description: 'Finds.',
  input: z.object({ id: z.string(), deep: z.boolean().default(false) }),
  effect: 'idempotent',
  approval: ({ id, deep }, { startedBy }) => {
    expectTypeOf(id).toEqualTypeOf<string>()
    expectTypeOf(deep).toEqualTypeOf<boolean>()
    expectTypeOf(startedBy).toEqualTypeOf<string | undefined>()
    return { needed: deep, approvals: 2 }
  },
  writes: 'outside',
  destinations: ({ id }) => [`https://example.org/${id}`],
  run: ({ id, deep }, { attempt }) => {
    expectTypeOf(attempt).toEqualTypeOf<number>()
    return { id, deep, cents: 3 }
  },
  undo: ({ id }, result, { secrets }) => {
    expectTypeOf(id).toEqualTypeOf<string>()
    // Unknown when a person let a call in doubt fail, or said no result.
    expectTypeOf(result).toEqualTypeOf<{ id: string; deep: boolean; cents: number } | undefined>()
    expectTypeOf(secrets.get('x')).toEqualTypeOf<Promise<string>>()
  },
})
const ask = askPerson({
  name: 'ask',
  description: 'Asks.',
  input: z.object({ question: z.string() }),
  output: z.object({ yes: z.boolean() }),
  prompt: ({ question }) => question,
})
const child = flow({
  name: 'child',
  input: z.object({ n: z.number() }),
  run: async (_run, { n }) => String(n),
})
const nothing = tool({ name: 'nothing', description: 'Nothing.', effect: 'read', run: () => {} })

test('an agent takes tools of all kinds in one list', () => {
  const work = agentTool(child, { name: 'work', description: 'Works.' })
  const a = agent({ name: 'a', model, tools: [find, ask, work, nothing] })
  expectTypeOf(a).toEqualTypeOf<Agent>()
  // @ts-expect-error -- a function is no tool
  void ((): unknown => agent({ name: 'a', model, tools: [() => 'x'] }))
})

test('its output is a text, or what its schema says', () => {
  const textual = agent({ name: 'a', model })
  expectTypeOf(textual).toEqualTypeOf<Agent<string>>()
  const structured = agent({ name: 'b', model, output: z.object({ sum: z.number() }) })
  expectTypeOf(structured).toEqualTypeOf<Agent<{ sum: number }>>()
  const use = async (ever: Ever): Promise<void> => {
    const run = await ever.start(structured, { prompt: 'Go.' })
    expectTypeOf(await run.result()).toEqualTypeOf<{ sum: number }>()
    // @ts-expect-error -- an agent is started with a prompt
    await ever.start(structured, { text: 'Go.' })
    // @ts-expect-error -- or with messages, not both
    await ever.start(structured, { prompt: 'Go.', messages: 'Go.' })
  }
  expectTypeOf(use).toBeFunction()
  flow('outer', async (run) => {
    expectTypeOf(await run.child(structured, { prompt: 'Go.' })).toEqualTypeOf<{ sum: number }>()
  })
})

test('what functions of a tool are handed is held', () => {
  const base = {
    name: 't',
    description: 'T.',
    input: z.object({ cents: z.number() }),
    effect: 'once',
    run: () => 1,
  } as const
  expectTypeOf(tool(base).run).parameter(0).toEqualTypeOf<{ cents: number }>()
  // @ts-expect-error -- the arguments have no such field
  tool({ ...base, destinations: ({ euros }) => [euros] })
  // @ts-expect-error -- a list of texts
  tool({ ...base, destinations: ({ cents }) => [cents] })
  tool({
    ...base,
    reconcile: async ({ cents }, { idempotencyKey, startedAt, secrets, call, runId }) => {
      expectTypeOf(startedAt).toEqualTypeOf<Date>()
      expectTypeOf(await secrets.get('x')).toEqualTypeOf<string>()
      return [idempotencyKey, call, runId].includes('') ? notDone() : done(cents)
    },
  })
  // @ts-expect-error -- nothing of the kind can be reconciled to
  tool({ ...base, reconcile: () => 'done' })
  // @ts-expect-error -- the result may not be known
  tool({ ...base, undo: (_input, result: number) => result })
  // @ts-expect-error -- the result is a number
  tool({ ...base, undo: (_input, result: string | undefined) => result })
  // @ts-expect-error -- an approval rule decides
  tool({ ...base, approval: () => 'yes' })
  // @ts-expect-error -- the question is made of the arguments
  askPerson({ name: 'q', description: 'Q.', input: base.input, prompt: ({ euros }) => euros })
  void ((): unknown =>
    // @ts-expect-error -- the effect is required
    tool({ name: 't', description: 'T.', run: () => 1 }))
})

test('what is misspelt is refused by the compiler too', () => {
  const definition: AgentDefinition = { name: 'a', model, budget: { turns: 3 } }
  expectTypeOf(definition.budget).not.toBeAny()
  // @ts-expect-error -- there is no budget of hats
  const wrong: AgentDefinition = { name: 'a', model, budget: { hats: 3 } }
  expectTypeOf(wrong).toEqualTypeOf<AgentDefinition>()
})
