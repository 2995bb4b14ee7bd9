/** Messages that another process sends while the agent works and while it listens: each is heard once. */
import { z } from 'zod'
import { agent, tool } from '../../../src/index.ts'
import { counted, countedModel } from '../counted.ts'
import type { Scenario } from '../scenario.ts'

interface Said {
  readonly role: string
  readonly content: readonly { readonly text?: string }[]
}

/** What users have said, in the order in which the model was told. */
const heardIn = (body: unknown): string[] =>
  (body as { readonly prompt: readonly Said[] }).prompt.flatMap(({ role, content }) =>
    role === 'user' ? content.map(({ text = '' }) => text) : [],
  )

export const agentConversation: Scenario = {
  name: 'agent: a conversation',
  ends: { 'talk-1': 'completed' },
  isLong: true,
  peer: 'client',
  make: (world) => {
    const note = tool({
      name: 'note',
      description: 'Notes.',
      input: z.object({ words: z.number() }),
      effect: 'idempotent',
      run: ({ words }, context) => (counted(world, context), words),
    })
    const model = countedModel(world, ({ body, turn }) => {
      const heard = heardIn(body)
      const isLast = heard.at(-1) === 'bye'
      const isAsked = (body as { prompt: readonly Said[] }).prompt.at(-1)?.role === 'user'
      const call = { id: `n${turn}`, name: 'note', input: { words: heard.length } }
      if (isLast) return { text: heard.join(' '), toolCalls: [{ ...call, name: 'hang_up' }] }
      return isAsked ? { toolCalls: [call] } : { text: `I heard ${heard.length}.` }
    })
    const hangUp = tool({
      name: 'hang_up',
      description: 'Ends the call.',
      input: z.object({ words: z.number() }),
      effect: 'read',
      run: () => 'click',
    })
    const talker = agent({
      name: 'talker',
      model,
      tools: [note, hangUp],
      conversation: true,
      stop: { tools: ['hang_up'] },
    })
    return {
      flows: [talker],
      drive: async (client) => {
        await client.start(talker, { prompt: 'hello' }, { id: 'talk-1' })
        await client.end('talk-1')
      },
      peer: async (client) => {
        await client.known('talk-1')
        const say = (text: string) => client.signal('talk-1', 'message', { text }, text)
        for (const text of ['one', 'two', 'three']) await say(text)
        await client.rest('talk-1', 'waiting')
        for (const text of ['four', 'five', 'bye']) await say(text)
      },
    }
  },
}
