/** Questions at a terminal: readline on streams of the tests, runs and answers real. */
import { userInfo } from 'node:os'
import { PassThrough, Writable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { hintOf } from '../../src/cli/answer-words.ts'
import { askPerson } from '../../src/cli/question-prompt.ts'
import {
  agent,
  type Ever,
  type Flow,
  flow,
  guard,
  open,
  type Question,
  tool,
  verdict,
} from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/index.ts'
import * as agents from './sample-agents.ts'

/** What a terminal shows, and the keys of a person in front of it. */
class Screen extends Writable {
  readonly isTTY = true
  readonly columns = 400
  readonly keys = new PassThrough()
  #shown = ''
  #look = (): void => {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#shown += chunk.toString('utf8')
    this.#look()
    done()
  }

  /** What has come since the last call, up to this text. */
  async until(text: string): Promise<string> {
    while (!this.#shown.includes(text)) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#look = resolve
      await promise
    }
    const at = this.#shown.indexOf(text) + text.length
    const shown = this.#shown.slice(0, at)
    this.#shown = this.#shown.slice(at)
    return shown
  }

  /** All that has come since then. */
  rest(): string {
    return this.#shown
  }
}

async function bench<Input>(subject: Flow<Input, unknown>) {
  const ever = await open({ store: 'memory:', flows: [subject], work: {} })
  onTestFinished(() => ever.close())
  const screen = new Screen()
  const { signal } = new AbortController()
  const terminal = { input: screen.keys, output: screen }
  return {
    ever,
    screen,
    /** The question that the run asks now. */
    asked: async (run: string): Promise<Question> => {
      await (await ever.get(run)).settled()
      const [question] = await ever.questions({ run })
      if (!question) throw new Error('Nothing is asked.')
      return question
    },
    ask: (id: string) => askPerson(ever, id, { signal, terminal }),
  }
}

const outputOf = async (ever: Ever, run: string): Promise<unknown> => (await ever.get(run)).result()

test('a question without a schema takes JSON, and any other text as it is', async () => {
  const subject = flow('any', async (run) => [await run.ask('A?'), await run.ask('B?')])
  const { ever, screen, asked, ask } = await bench(subject)
  await ever.start('any', undefined, { id: 'any' })
  for (const [prompt, typed] of [
    ['A? ', '{"a":1}'],
    ['B? ', 'yes'],
  ] as const) {
    const done = ask((await asked('any')).id)
    await screen.until(prompt)
    screen.keys.write(`${typed}\r`)
    expect(await done).toBe(true)
  }
  expect(await outputOf(ever, 'any')).toEqual([{ a: 1 }, 'yes'])
})

test('each key that is typed is shown once, in every question', async () => {
  const schema = z.string()
  const subject = flow('two', async (run) => [
    await run.ask('A?', { schema }),
    await run.ask('B?', { schema }),
    await run.ask('C?', { schema }),
  ])
  const { ever, screen, asked, ask } = await bench(subject)
  await ever.start('two', undefined, { id: 'two' })
  for (const [prompt, typed] of [
    ['A?', 'aaa'],
    ['B?', 'bbb'],
    ['C?', 'ccc'],
  ] as const) {
    const done = ask((await asked('two')).id)
    await screen.until(`${prompt} `)
    screen.keys.write(`${typed}\r`)
    expect(await done).toBe(true)
    const [letter = ''] = typed
    expect(screen.rest().split(letter)).toHaveLength(4)
  }
  expect(await outputOf(ever, 'two')).toEqual(['aaa', 'bbb', 'ccc'])
})

test('an approval says what fits when it was not understood, and records the name of the user', async () => {
  const { ever, screen, asked, ask } = await bench(agents.payer)
  await ever.start('payer', { prompt: 'Pay.' }, { id: 'pay' })
  const done = ask((await asked('pay')).id)
  await screen.until('(yes, no, no WHY) ')
  screen.keys.write('maybe\r')
  expect(await screen.until('(yes, no, no WHY) ')).toContain(
    '\n"maybe" is no answer to this. Type one of: yes, no, no WHY\n',
  )
  screen.keys.write('no too much\r')
  expect(await done).toBe(true)
  await outputOf(ever, 'pay')
  const decided = (await ever.store.entries('pay')).find(({ kind }) => kind === 'approval.decided')
  expect(JSON.parse(decided?.payload ?? '')).toMatchObject({
    verdict: 'denied',
    votes: [{ by: userInfo().username, channel: 'terminal', reason: 'too much' }],
  })
})

test('a raise of a budget is offered as JSON that fits, and nothing that cannot fit is offered', async () => {
  const subject = agent({
    name: 'cheap',
    model: scriptedModel([{ text: 'Hello.' }]),
    budget: { turns: 0 },
  })
  const { ever, screen, asked, ask } = await bench(subject)
  await ever.start('cheap', { prompt: 'Hi' }, { id: 'cheap' })
  const question = await asked('cheap')
  const example = '{"verdict":"raise","limits":{"turns":1}}'
  expect(hintOf(question)).toBe(`continue, stop, or JSON like ${example}`)
  const done = ask(question.id)
  await screen.until(example)
  screen.keys.write('raise\r')
  await screen.until('The field "limits" is missing.')
  await screen.until(example)
  screen.keys.write(`${example}\r`)
  expect(await done).toBe(true)
  expect(await outputOf(ever, 'cheap')).toBe('Hello.')
})

test('an approval shows all of the call and why it is asked about, and counts for what was shown', async () => {
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    inputSchema: { type: 'object' },
    effect: 'idempotent',
    run: () => 'paid',
  })
  const much = guard({ name: 'much', at: 'call', check: () => verdict.ask('It is much.') })
  const input = { about: 'x'.repeat(2000), to: 'MALLORY\u001b[2J' }
  const model = scriptedModel([{ toolCalls: [{ name: 'pay', input }] }, { text: 'Done.' }])
  const { ever, screen, asked, ask } = await bench(
    agent({ name: 'payer', model, tools: [pay], guards: [much] }),
  )
  await ever.start('payer', { prompt: 'Pay.' }, { id: 'pay' })
  const { id } = await asked('pay')
  const { digest } = await ever.approvals.get(id)
  const done = ask(id)
  const shown = await screen.until('(yes, no, no WHY) ')
  expect(shown).toContain('"to": "MALLORY')
  expect(shown).toContain('Because: It is much.')
  expect(shown).not.toContain('\u001b[2J')
  screen.keys.write('yes\r')
  expect(await done).toBe(true)
  await outputOf(ever, 'pay')
  const decided = (await ever.store.entries('pay')).find(({ kind }) => kind === 'approval.decided')
  expect(JSON.parse(decided?.payload ?? '')).toMatchObject({ votes: [{ shown: digest }] })
})
