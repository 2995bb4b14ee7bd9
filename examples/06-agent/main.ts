/**
 * The smallest agent: a model, a tool, an answer. Each answer of the model and each call is in the
 * ledger before the next one begins, so the run, asked for again, asks no model: it is served. The model
 * here is scripted; for a real one write `model: 'openai/gpt-5'` and install @ai-sdk/openai.
 */
import assert from 'node:assert/strict'
import { agent, conversation, open, tool } from 'everloop'
import { scriptedModel } from 'everloop/testing'
import { z } from 'zod'

const weather = tool({
  name: 'weather',
  description: 'The weather in a city.',
  input: z.object({ city: z.string() }),
  effect: 'read',
  run: ({ city }) => `It rains in ${city}.`,
})

const model = scriptedModel([
  { text: 'I look out of the window.', toolCalls: [{ name: 'weather', input: { city: 'Ulm' } }] },
  { text: 'Take an umbrella.' },
])

const butler = agent({
  name: 'butler',
  model,
  instructions: 'You advise on what to wear. Look at the weather first.',
  tools: [weather],
})

await using ever = await open({ store: 'memory:', flows: [butler], work: {} })
const prompt = 'I am going to Ulm. What do I need?'
const run = await ever.start(butler, { prompt }, { id: 'ulm-1' })
console.log(await run.result())

const again = await ever.start(butler, { prompt }, { id: 'ulm-1' }) // the same run
assert.equal(await again.result(), 'Take an umbrella.')
assert.equal(model.requests.length, 2)

const { items } = await conversation(ever, 'ulm-1')
assert.deepEqual(
  items.map(({ is }) => is),
  ['user', 'assistant', 'result', 'assistant'],
)
