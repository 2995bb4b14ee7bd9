/**
 * A budget that asks. Before a call that it leaves no room for, the run stops and puts a question: raise
 * the limit, go on without one, or stop. Nothing is lost meanwhile, and waiting costs nothing.
 */
import assert from 'node:assert/strict'
import { agent, open, tool } from 'everloop'
import { scriptedModel } from 'everloop/testing'
import { z } from 'zod'

const dig = tool({
  name: 'dig',
  description: 'Digs one metre deeper.',
  input: z.object({}),
  effect: 'read',
  run: () => 'earth',
})

const model = scriptedModel(({ turn }) =>
  turn < 5 ? { toolCalls: [{ name: 'dig' }] } : { text: 'Water, at five metres.' },
)
const digger = agent({
  name: 'digger',
  model,
  tools: [dig],
  budget: { turns: 3, usd: 0.01 },
  prices: { 'scripted/model': { input: 0.25, output: 2 } }, // a model without a price is refused
})

await using ever = await open({ store: 'memory:', flows: [digger], work: {} })
const prompt = 'Find water.'

const run = await ever.start(digger, { prompt }, { id: 'well-1' })
assert.equal((await run.settled()).status, 'waiting')
assert.equal(model.requests.length, 3)
const [question] = await ever.questions({ run: 'well-1' })
assert.ok(question)
console.log(question.prompt)
await ever.answer(question.id, { verdict: 'raise', limits: { turns: 10 } }, { by: 'Ann' })
console.log(await run.result())
assert.equal(model.requests.length, 6)

const { amounts } = await ever.account('well-1')
assert.ok((amounts['microUsd'] ?? 0) > 0)
console.log(`It cost $${(amounts['microUsd'] ?? 0) / 1e6}.`)

const other = await ever.start(digger, { prompt }, { id: 'well-2' })
await other.settled()
const [again] = await ever.questions({ run: 'well-2' })
await ever.answer(again?.id ?? '', { verdict: 'stop' })
const end = await other.settled()
assert.ok(end.status === 'failed' && 'code' in end.error)
assert.equal(end.error.code, 'BUDGET_STOPPED')
