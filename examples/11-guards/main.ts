/**
 * Guards: what an agent may hear, say and do, enforced outside of the model. One takes card numbers out of
 * what comes in, one keeps a tool to a list, one has the model say it again. A policy imposes its own on every agent
 * of the runtime, whoever wrote it. Whatever goes wrong in a guard denies.
 */
import assert from 'node:assert/strict'
import {
  agent,
  cardGuard,
  conversation,
  guard,
  open,
  policy,
  tool,
  toolsGuard,
  verdict,
} from 'everloop'
import { scriptedModel } from 'everloop/testing'
import { z } from 'zod'

const sent: string[] = []

const mail = tool({
  name: 'mail',
  description: 'Sends a mail.',
  input: z.object({ to: z.string(), text: z.string() }),
  effect: 'once',
  run: ({ to }) => void sent.push(to),
})

const polite = guard({
  name: 'polite',
  at: ['output'],
  check: ({ text }) =>
    text.endsWith('regards') ? verdict.allow() : verdict.retry('End with "Kind regards".'),
})

const model = scriptedModel([
  {
    toolCalls: ['eve@elsewhere.example', 'ann@shop.example'].map((to) => ({
      name: 'mail',
      input: { to, text: 'Hello' },
    })),
  },
  { text: 'Done.' },
  { text: 'I have written to Ann. Kind regards' },
])
const clerk = agent({ name: 'clerk', model, tools: [mail], guards: [cardGuard(), polite] })

const inHouse = policy({
  name: 'in-house',
  guards: [toolsGuard({ allow: [{ tool: 'mail', where: { to: '*@shop.example' } }] })],
})

await using ever = await open({ store: 'memory:', flows: [clerk], policies: [inHouse], work: {} })
const prompt = 'Tell Ann and Eve that the card 4111 1111 1111 1111 was charged.'
const run = await ever.start(clerk, { prompt }, { id: 'mail-1' })
console.log(await run.result())

assert.deepEqual(sent, ['ann@shop.example'])
const requests = JSON.stringify(model.requests.map(({ body }) => body))
assert.ok(!requests.includes('4111'), 'the model has never seen the number')
const { items } = await conversation(ever, 'mail-1')
assert.deepEqual(
  items.flatMap((item) => (item.is === 'guard' ? `${item.position} ${item.verdict}` : [])),
  ['input fix', 'call deny', 'output retry'],
)
