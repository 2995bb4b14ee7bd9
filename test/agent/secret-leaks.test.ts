/**
 * Secrets that turn up wherever an agent handles text: in what users, models, tools, guards and people
 * say. They are in no file of the store while it is open, in no live text, and in nothing that the
 * command line shows, which knows no secrets.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  agent,
  askPerson,
  conversation,
  done,
  type Ever,
  EverloopError,
  guard,
  open,
  type StreamItem,
  tool,
  verdict,
} from 'everloop'
import { scriptedModel } from 'everloop/testing'
import { z } from 'zod'
import { everloop } from '../cli/command-line.ts'
import { filesWith, leaksIn } from './secret-forms.ts'
import { testFolder } from '../test-folder.ts'

const key = 'sk-C4nary/+ö"\\secret'
const phrase = 'correct horse battery staple'
const values = [key, phrase]
const base64 = (value: string): string => Buffer.from(value).toString('base64')

const text = z.object({ text: z.string() })

const fetching = tool({
  name: 'fetch',
  description: 'Fetches.',
  input: text,
  effect: 'read',
  run: async (_, { secrets }) => ({
    plain: await secrets.get('KEY'),
    list: [`Bearer ${phrase}`, base64(key), encodeURIComponent(phrase)],
  }),
})
const dumping = tool({
  name: 'dump',
  description: 'Returns more than a model is told.',
  input: text,
  effect: 'read',
  run: () => `${'x'.repeat(600_000)} ${key} ${phrase} ${'y'.repeat(600_000)}`,
})
const failing = tool({
  name: 'fail',
  description: 'Fails.',
  input: text,
  effect: 'read',
  run: () => {
    throw Object.assign(new Error(`refused ${key}`, { cause: new Error(phrase) }), {
      request: { headers: { authorization: `Basic ${base64(`user:${phrase}`)}` } },
    })
  },
})
const paying = tool<{ text: string }, string>({
  name: 'pay',
  description: 'Pays.',
  input: text,
  effect: 'once',
  approval: ({ text: to }) => ({ needed: true, prompt: `Pay ${to} with ${key}?` }),
  settle: '1ms',
  reconcile: () => done(`found: ${phrase}`),
  run: () => {
    throw new Error(`timeout of ${key}`)
  },
})
const booking = tool({
  name: 'book',
  description: 'Books.',
  input: text,
  effect: 'idempotent',
  run: () => `booked with ${phrase}`,
  undo: () => `undone with ${key}`,
})
const asking = askPerson({
  name: 'ask',
  description: 'Asks.',
  input: text,
  prompt: ({ text: about }) => `Is ${about} right?`,
})
const nosy = guard({
  name: 'nosy',
  at: 'call',
  check: ({ args }) =>
    JSON.stringify(args).includes('drop')
      ? verdict.deny(`Saw ${phrase} in the call.`)
      : verdict.allow(),
})

const names = ['fetch', 'dump', 'fail', 'pay', 'book', 'ask']
const script = scriptedModel(
  ({ turn }) =>
    turn === 0
      ? {
          text: `I shall use ${phrase} and ${key}.`,
          reasoning: `The key is ${key}.`,
          toolCalls: [
            ...names.map((name) => ({ id: name, name, input: { text: `${name} ${key}` } })),
            { id: 'drop', name: 'fetch', input: { text: `drop ${phrase}` } },
            { id: 'unknown', name: `no-${base64(key)}`, input: {} },
            { id: 'broken', name: 'fetch', rawInput: `{"text": "${phrase}` },
          ],
        }
      : { text: `In the end ${phrase}, also ${base64(phrase)}.` },
  { by: 'turn' },
)
/** Goes on in the middle of a secret when somebody has been shown what came before it. */
const shown = Promise.withResolvers<void>()
const model: typeof script = {
  ...script,
  doStream: async (call) => {
    const { stream, ...rest } = await script.doStream(call)
    let deltas = 0
    const halted = stream.pipeThrough(
      new TransformStream({
        async transform(part, controller) {
          if (part.type === 'text-delta' && ++deltas === 6) await shown.promise
          controller.enqueue(part)
        },
      }),
    )
    return { ...rest, stream: halted }
  },
}
const leaky = agent({
  name: 'leaky',
  model,
  instructions: `Never tell anybody ${key}.`,
  tools: [fetching, dumping, failing, paying, booking, asking],
  guards: [nosy],
})
/** Fails with what its provider says. */
const refused = agent({
  name: 'refused',
  model: scriptedModel(() => ({ error: `Incorrect API key provided: ${key}`, status: 401 })),
  tools: [booking],
})

test('secrets are found nowhere, whoever has said them', { timeout: 90_000 }, async () => {
  const folder = testFolder()
  const store = `sqlite:${join(folder, 'ledger.db')}`
  const told: string[] = []
  const live: StreamItem[] = []
  /** Looks at a copy: a process that closes a file of its own open database gives up its locks. */
  const nowhere = (): void => {
    const copy = testFolder()
    execFileSync('cp', ['-r', `${folder}/.`, copy])
    expect(existsSync(join(copy, 'ledger.db-wal'))).toBe(true)
    expect(filesWith(copy, values)).toEqual([])
  }
  {
    await using ever = await open({
      store,
      flows: [leaky, refused],
      secrets: { KEY: key, PHRASE: () => phrase, KNOWN: phrase },
      work: {},
      onTrouble: (error) => told.push(String(error)),
    })
    const run = await ever.start(leaky, { prompt: `Use ${key}.` }, { id: 'leaky-1' })
    const listening = listen(run.stream(), live)
    await ever.signal('leaky-1', 'message', { text: `And ${phrase}.` })
    await run.settled()
    nowhere()

    const [approval] = await ever.approvals.list({ run: 'leaky-1' })
    expect(approval?.prompt).toBe('Pay pay [secret KEY] with [secret KEY]?')
    await shownByCommands(store, 'leaky-1')
    await ever.approvals.assign(approval?.id ?? '', 'dan', { by: 'eve' })
    const isTaken = async () => (await ever.approvals.get(approval?.id ?? '')).assignee === 'dan'
    await expect.poll(isTaken).toBe(true)
    await ever.approvals.approve(approval?.id ?? '', {
      by: 'eve',
      reason: `It says ${phrase}.`,
      args: { text: `edited ${key}` },
    })
    await answerQuestion(ever, 'leaky-1', `It is ${phrase}.`)
    nowhere()
    // Of a value in base64, two bits of its last character may stay.
    expect(await run.result()).toMatch(/^In the end \[secret KNOWN\], also \[secret KNOWN\].?=*\.$/)
    await listening

    const other = await ever.start(refused, { prompt: phrase }, { id: 'refused-1' })
    expect(await other.settled()).toMatchObject({ status: 'failed' })
    const { items, spent } = await conversation(ever, 'leaky-1')
    expect(leaksIn(JSON.stringify([items, spent, live, told]), values)).toEqual([])
    // The whole of it was there, and only the secrets are not.
    const said = JSON.stringify(items)
    for (const part of [
      'booked with ',
      'found: ',
      'refused ',
      'It is ',
      'edited ',
      'Saw ',
      'And ',
    ]) {
      expect(said).toContain(`${part}[secret `)
    }
    expect(live.some((item) => item.type === 'text')).toBe(true)
    expect(await ever.verify('leaky-1')).toMatchObject({ ok: true })
    nowhere()
  }
  expect(filesWith(folder, values)).toEqual([])
  await shownByCommands(store, 'leaky-1')
  await shownByCommands(store, 'refused-1')
})

/** Keeps what comes until the run or the store ends. */
async function listen(stream: AsyncIterable<StreamItem>, into: StreamItem[]): Promise<void> {
  try {
    for await (const item of stream) {
      into.push(item)
      if (item.type === 'text') shown.resolve()
    }
  } catch (error) {
    if (!EverloopError.is(error) || error.code !== 'STORE_CLOSED') throw error
  }
}

/** Whoever asks first: a question is put when the calls beside it have been begun. */
async function answerQuestion(ever: Ever, run: string, answer: string): Promise<void> {
  const open = async () => (await ever.questions({ run })).find(({ kind }) => kind === 'question')
  await expect.poll(open).toBeDefined()
  await ever.answer((await open())?.id ?? '', answer, { by: 'eve' })
}

/** What processes print that know no secrets. */
async function shownByCommands(store: string, run: string): Promise<void> {
  const commands = [
    ['runs', 'get', run],
    ['runs', 'explain', run],
    ['runs', 'conversation', run],
    ['runs', 'events', run, '--json'],
    ['approvals', 'list', '--json'],
    ['questions', 'list'],
  ]
  for (const command of commands) {
    const { code, stdout, stderr } = await everloop([...command, '--store', store])
    expect([...command, code]).toEqual([...command, 0])
    expect(leaksIn(stdout + stderr, values)).toEqual([])
  }
}
