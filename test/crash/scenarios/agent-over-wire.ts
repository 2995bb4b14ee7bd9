/**
 * The model is behind a real server, asked through a provider's package, and so are the tools. Both
 * live in the process of the sweep and count what they are asked.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { z } from 'zod'
import { agent, done, notDone, tool } from '../../../src/index.ts'
import { scriptedServer } from '../../../src/scripted/server.ts'
import { hasHappened, place, soon } from '../counted.ts'
import type { Outside, Scenario } from '../scenario.ts'
import type { Life, World } from '../world.ts'

const run = 'wire-1'
const call = (id: string, name: string) => ({ id, name, input: { word: id } })
const script = [
  { toolCalls: [call('a', 'read_word'), call('b', 'read_word'), call('c', 'send_word')] },
  { toolCalls: [call('d', 'read_word')] },
  { text: 'Four words over the wire.' },
]

/** A call of a tool as it travels. */
interface Sent {
  readonly life: Life
  readonly run: string
  readonly path: string
  readonly key: string
}

/** The model's id says whose process asks: nothing else of it travels. */
async function serve(worldOf: (life: Life) => World): Promise<Outside> {
  const model = await scriptedServer({
    script,
    by: 'turn',
    onRequest: ({ turn, body }) => {
      const { model: life } = body as { readonly model: Life }
      worldOf(life).executed(run, `turns/${turn + 1}/=model`)
    },
  })
  const tools = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => (text += part))
    request.on('end', () => {
      const { life, run: id, path, key } = JSON.parse(text) as Sent
      worldOf(life).executed(id, path, 1, key)
      response.end('said')
    })
  })
  await once(tools.listen(0, '127.0.0.1'), 'listening')
  const { port } = tools.address() as AddressInfo
  return {
    place: JSON.stringify({ model: model.url, tools: `http://127.0.0.1:${port}` }),
    close: async () => {
      tools.closeAllConnections()
      tools.close()
      await model.close()
    },
  }
}

export const agentOverWire: Scenario = {
  name: 'agent: over the wire',
  ends: { [run]: 'completed' },
  isLong: true,
  outside: serve,
  make: (world, outside) => {
    const at = JSON.parse(outside) as { readonly model: string; readonly tools: string }
    const say = async (key: string, signal: AbortSignal): Promise<string> => {
      const sent: Sent = { life: world.life, ...place(), key }
      const said = await fetch(at.tools, { method: 'POST', body: JSON.stringify(sent), signal })
      return said.text()
    }
    const input = z.object({ word: z.string() })
    const readWord = tool({
      name: 'read_word',
      description: 'Reads a word.',
      input,
      effect: 'read',
      run: (_, { idempotencyKey, signal }) => say(idempotencyKey, signal),
    })
    const sendWord = tool({
      name: 'send_word',
      description: 'Sends a word.',
      input,
      effect: 'once',
      ...soon,
      reconcile: () => (hasHappened(world) ? done('said') : notDone()),
      run: (_, { idempotencyKey, signal }) => say(idempotencyKey, signal),
    })
    const model = createOpenAICompatible({ baseURL: at.model, name: 'scripted', apiKey: 'none' })
    const wired = agent({
      name: 'wired',
      model: model(world.life),
      tools: [readWord, sendWord],
    })
    return {
      flows: [wired],
      drive: async (client) => {
        await client.start(wired, { prompt: 'Say four words.' }, { id: run })
        await client.end(run)
      },
    }
  },
}
