/**
 * Tools: typed by a schema, with an effect class that says what repeating a call would mean. Calls of one
 * answer are made in parallel and told to the model in the order in which it made them; what is wrong with
 * a call is told to the model, and nothing else is touched. The output fits a schema, or is sent back.
 */
import assert from 'node:assert/strict'
import { agent, open, tool } from 'everloop'
import { scriptedModel } from 'everloop/testing'
import { z } from 'zod'

const stock = new Map([
  ['tea', 3],
  ['salt', 0],
])
const keys = new Set<string>()
let attempts = 0

const inStock = tool({
  name: 'in_stock',
  description: 'How many of an article are in stock.',
  input: z.object({ article: z.string() }),
  effect: 'read', // changes nothing: may be repeated freely
  run: ({ article }) => stock.get(article) ?? 'We do not sell that.',
})

const order = tool({
  name: 'order',
  description: 'Orders an article from the supplier.',
  input: z.object({ article: z.string(), count: z.number().int().positive() }),
  effect: 'idempotent', // may be repeated with the same key, by which the supplier knows it again
  retry: { attempts: 3, delay: '10ms' },
  run: ({ article, count }, { idempotencyKey }) => {
    keys.add(idempotencyKey)
    if (++attempts === 1) throw new Error('the line was busy')
    return { ordered: article, count }
  },
})

const model = scriptedModel([
  {
    toolCalls: ['tea', 'salt', 'gold'].map((article) => ({ name: 'in_stock', input: { article } })),
  },
  { toolCalls: [{ name: 'order', input: { article: 'salt', count: 'ten' } }] }, // not a number
  { toolCalls: [{ name: 'order', input: { article: 'salt', count: 10 } }] },
  { text: 'All is ordered.' }, // not what was asked for
  { object: { ordered: ['salt'] } },
])

const keeper = agent({
  name: 'keeper',
  model,
  tools: [inStock, order],
  output: z.object({ ordered: z.array(z.string()) }),
})

await using ever = await open({ store: 'memory:', flows: [keeper], work: {} })
const run = await ever.start(keeper, { prompt: 'Order what is missing of tea, salt and gold.' })
const output = await run.result()
console.log(output)

assert.deepEqual(output, { ordered: ['salt'] })
assert.match(model.requests[2]?.text ?? '', /count: .*expected number/)
assert.match(model.requests[4]?.text ?? '', /not JSON/)
assert.equal(attempts, 2)
assert.equal(keys.size, 1)
