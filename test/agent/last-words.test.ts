/**
 * N4 at the end of an agent: whoever speaks to it is heard, or told that it has ended. A message is sent at every
 * commit of a run, right before it reaches the store and right behind it.
 */
import { expect, test } from 'vitest'
import { type Agent, agent, conversation, EverloopError, guard, verdict } from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'
import { look } from './look.ts'

const model = (): ReturnType<typeof scriptedModel> =>
  scriptedModel(({ turn }) =>
    turn % 2 === 0 ? { toolCalls: [{ name: 'look', input: {} }] } : { text: 'Done.' },
  )
const slow = guard({
  name: 'slow',
  at: 'output',
  check: async () => {
    await Promise.resolve()
    return verdict.allow()
  },
})

const agents: readonly (readonly [string, () => Agent])[] = [
  ['has answered', () => agent({ name: 'a', model: model(), tools: [look] })],
  [
    'has answered, and a guard judges that',
    () => agent({ name: 'a', model: model(), tools: [look], guards: [slow] }),
  ],
  [
    'is stopped by a tool',
    () => agent({ name: 'a', model: model(), tools: [look], stop: { tools: ['look'] } }),
  ],
  [
    'is stopped after a turn',
    () => agent({ name: 'a', model: model(), tools: [look], stop: { turns: 1 } }),
  ],
  [
    'has listened in vain',
    () => agent({ name: 'a', model: model(), tools: [look], conversation: { idle: '1h' } }),
  ],
]

interface Spoken {
  /** Whether there was such a commit. */
  readonly wasSent: boolean
  readonly refusal: unknown
  readonly heard: boolean
}

/** An agent that is spoken to at this commit. */
async function speakAt(made: Agent, commit: number, moment: 'before' | 'behind'): Promise<Spoken> {
  let commits = 0
  let wasSent = false
  let refusal: unknown
  const speak = async (): Promise<void> => {
    wasSent = true
    await runtime.ever.send('r', 'And one more thing.').catch((error: unknown) => {
      refusal = error
    })
  }
  await using runtime = await testRuntime({
    flows: [made],
    onCall: async ({ method }, proceed) => {
      const isMeant = method === 'append' && ++commits === commit
      if (isMeant && moment === 'before') await speak()
      const reply = await proceed()
      if (isMeant && moment === 'behind') await speak()
      return reply
    },
  })
  const run = await runtime.start(made, { prompt: 'Go.' }, { id: 'r' })
  await runtime.settled(run)
  await runtime.advance('2h')
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  await runtime.verify()
  const { items } = await conversation(runtime.ever, 'r')
  const heard = items.some((item) => item.is === 'user' && item.text === 'And one more thing.')
  return { wasSent, refusal, heard }
}

test.each(agents)(
  'who speaks while an agent %s is heard or told that it has ended',
  async (_, made) => {
    const ends = { heard: 0, refused: 0 }
    for (let commit = 1; ; commit++) {
      const before = await speakAt(made(), commit, 'before')
      if (!before.wasSent) break
      for (const { refusal, heard } of [before, await speakAt(made(), commit, 'behind')]) {
        if (heard) ends.heard++
        else {
          ends.refused++
          expect([commit, EverloopError.is(refusal) && refusal.code]).toEqual([commit, 'RUN_ENDED'])
        }
      }
    }
    expect(ends.refused).toBe(1)
    expect(ends.heard).toBeGreaterThan(4)
  },
)
