/** What was sent to a model is recorded by digest, by whatever way it came into the conversation. */
import { expect, test } from 'vitest'
import { agent, type AgentDefinition, guard, verdict } from 'everloop'
import { type ScriptedModel, scriptedModel, type TestRuntime, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { promptOf, type SentMessage } from './prompts.ts'

/** The digests in the states of a run, in order. */
async function digestsOf(runtime: TestRuntime, run: string): Promise<readonly string[]> {
  const entries = await runtime.store.entries(run)
  return entries
    .filter(({ kind }) => kind === 'turn.committed')
    .flatMap(({ payload }) =>
      Array.from(
        payload?.matchAll(/"request"\]?[:,]"([\w-]{22})"/g) ?? [],
        ([, digest = '']) => digest,
      ),
    )
}

const textOf = (content: SentMessage['content']): string =>
  (content[0] as unknown as { text: string }).text

const first = (at: 'answer' | 'output') =>
  guard({
    name: 'strict',
    at,
    check: ({ text }: { text: string }) =>
      text === '{}' ? verdict.deny('Longer.') : verdict.allow(),
  })

const last = '{"sum":4}'

/** Two answers, of which the first does not stay; and a summary. */
const answers = (): ScriptedModel =>
  scriptedModel(({ index, text }) => ({
    text: text === 'Write the summary now.' ? 'They talked.' : index === 0 ? '{}' : last,
  }))

test.each<[string, Partial<AgentDefinition<unknown>>, string?]>([
  ['an answer that a guard sends back', { guards: [first('answer')] }],
  ['an output that a guard sends back', { guards: [first('output')] }],
  ['an output that has to be repaired', { output: z.object({ sum: z.number() }) }],
  ['a summary', { compaction: { above: 1, keep: 1 } }, 'And now?'],
])('the digest is that of the messages after %s', async (_, more, message) => {
  const model = answers()
  const long = agent({ name: 'long', model, conversation: true, ...more })
  await using runtime = await testRuntime({ flows: [long] })
  const run = await runtime.start(long, { prompt: 'Go.' })
  await runtime.settled(run)
  if (message !== undefined) await runtime.ever.send(run.id, message)
  await runtime.settled(run)
  const digests = await digestsOf(runtime, run.id)
  expect(new Set(digests).size).toBe(2)

  // The same messages in another run, to whom they were told as they are.
  const sent = promptOf(model, model.requests.length - 1)
  const told = sent.map(({ role, content }) => ({ role, text: textOf(content) }))
  const said = told.filter(({ role }) => role === 'assistant').map(({ text }) => ({ text }))
  const again = scriptedModel([...said, { text: last }])
  const plain = agent({ name: 'plain', model: again, conversation: true })
  await using other = await testRuntime({ flows: [plain] })
  const answer = told.findIndex(({ role }) => role === 'assistant')
  const [begin, rest] = answer === -1 ? [told, []] : [told.slice(0, answer), told.slice(answer)]
  const same = await other.start(plain, { messages: begin.map(({ text }) => text) })
  await other.settled(same)
  for (const { role, text } of rest) if (role === 'user') await other.ever.send(same.id, text)
  await other.settled(same)
  expect(promptOf(again, again.requests.length - 1)).toEqual(sent)
  expect((await digestsOf(other, same.id)).at(-1)).toBe(digests.at(-1))
})
