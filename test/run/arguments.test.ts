/** What is handed over from outside: checked before it reaches a store, and taken as it is then. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  action,
  agent,
  askPerson,
  conversation,
  type Ever,
  flow,
  open,
  streamConversation,
  tool,
  toolsGuard,
} from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'

const folder = mkdtempSync(join(tmpdir(), 'everloop-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0

const echo = flow('echo', async (_, input: unknown) => input)
const waiting = flow('waiting', (run) => run.signal('never'))
const asking = flow('asking', (run) => run.ask('How many?'))

describe('an object that its owner goes on changing', () => {
  test('starts a run as it was when it was handed over', async () => {
    await using runtime = await testRuntime({ flows: [echo] })
    const input = { n: 1 }
    const labels = { a: 'b' }
    const started = runtime.ever.start(echo, input, { labels })
    input.n = 2
    labels.a = 'c'
    const run = await started
    expect((await run.status()).labels).toEqual({ a: 'b' })
    expect(await runtime.result(run)).toEqual({ n: 1 })
  })

  test('answers a question as it was', async () => {
    await using runtime = await testRuntime({ flows: [asking] })
    const run = await runtime.start(asking, undefined)
    const [question] = await runtime.ever.questions()
    const answer = { n: 1 }
    const answered = runtime.ever.answer(question?.id ?? '', answer)
    answer.n = 2
    await answered
    expect(await runtime.result(run)).toEqual({ n: 1 })
  })

  test('is the signal that was sent', async () => {
    const signalled = flow('signalled', (run) => run.signal('s'))
    await using runtime = await testRuntime({ flows: [signalled] })
    const run = await runtime.start(signalled, undefined)
    const value = { n: 1 }
    const sent = runtime.ever.signal(run.id, 's', value)
    value.n = 2
    await sent
    expect(await runtime.result(run)).toEqual({ n: 1 })
  })

  test('labels a child', async () => {
    const parent = flow('parent', (run) => {
      const labels = { a: 'b' }
      const output = run.child(echo, 1, { labels })
      labels.a = ''
      return output
    })
    await using runtime = await testRuntime({ flows: [parent, echo] })
    expect(await runtime.result(await runtime.start(parent, undefined))).toBe(1)
    expect(await runtime.ever.list({ flow: 'echo', labels: { a: 'b' } })).toHaveLength(1)
  })

  test.each(['once', 'idempotent'] as const)('undoes a step that is %s', async (effect) => {
    const undone: unknown[] = []
    const cancelIt = action('cancel_it', (input: unknown) => void undone.push(input))
    const booking = flow('booking', async (run) => {
      const input = { n: 1 }
      const booked = run.step('book', { effect, undo: { action: cancelIt, input } }, () => 1)
      input.n = 2
      await booked
      throw new Error('too late')
    })
    await using runtime = await testRuntime({ flows: [booking], actions: [cancelIt] })
    await runtime.start(booking, undefined)
    expect(undone).toEqual([{ n: 1 }])
  })
})

describe.each(['memory:', 'a file'])('in a store of %s', (where) => {
  const wrong: Readonly<Record<string, readonly [(ever: Ever) => Promise<unknown>, string]>> = {
    'a signal whose id is no text': [
      (ever) => ever.signal('r', 's', 1, { id: 5 as never }),
      'BAD_OPTION',
    ],
    'a signal whose delivery is null': [
      (ever) => ever.signal('r', 's', 1, null as never),
      'BAD_OPTION',
    ],
    'a cancel whose reason is no text': [
      (ever) => ever.cancel('r', { a: 1 } as never),
      'BAD_OPTION',
    ],
    'a cancel of a handle whose reason is no text': [
      async (ever) => (await ever.get('r')).cancel(5 as never),
      'BAD_OPTION',
    ],
    'a pause whose reason is no text': [(ever) => ever.pause('r', 5 as never), 'BAD_OPTION'],
    'a start by what is no text': [(ever) => ever.start(echo, 1, { by: 5 as never }), 'BAD_OPTION'],
    'a start with labels that are null': [
      (ever) => ever.start(echo, 1, { labels: null as never }),
      'BAD_OPTION',
    ],
    'a limit of a queue whose name is no text': [
      (ever) => ever.limitQueue(5 as never, 1),
      'BAD_NAME',
    ],
    'a resume by what is misspelt': [
      (ever) => ever.resume('r', { who: 'me' } as never),
      'BAD_OPTION',
    ],
    'a decision put off by what is misspelt': [
      (ever) => ever.approvals.snooze('r/2', '1h', { who: 'me' } as never),
      'BAD_OPTION',
    ],
    'a decision handed over with options that are null': [
      (ever) => ever.approvals.assign('r/2', 'Eve', null as never),
      'BAD_OPTION',
    ],
    'a start with labels that are a list': [
      (ever) => ever.start(echo, 1, { labels: ['a'] as never }),
      'BAD_OPTION',
    ],
    'a start with labels in a Map, which has no fields': [
      (ever) => ever.start(echo, 1, { labels: new Map([['a', 'b']]) as never }),
      'BAD_OPTION',
    ],
    'a list by labels in a Map': [
      (ever) => ever.list({ labels: new Map([['a', 'b']]) as never }),
      'BAD_OPTION',
    ],
    'an import of a number': [(ever) => ever.import(5 as never), 'BAD_OPTION'],
    'an import of nothing': [(ever) => ever.import(undefined as never), 'BAD_OPTION'],
    'an import of an object': [(ever) => ever.import({} as never), 'BAD_OPTION'],
    'a result that tells what is no function': [
      async (ever) => (await ever.get('r')).result({ onRest: 5 as never }),
      'BAD_OPTION',
    ],
    'work until what nobody knows': [(ever) => ever.work({ until: 'idel' as never }), 'BAD_OPTION'],
  }

  const ids: Readonly<Record<string, (ever: Ever, id: never) => Promise<unknown>>> = {
    get: (ever, id) => ever.get(id),
    resolve: (ever, id) => ever.resolve(id),
    stream: async (ever, id) => ever.stream(id).next(),
    signal: (ever, id) => ever.signal(id, 's'),
    send: (ever, id) => ever.send(id, 'Hello.'),
    answer: (ever, id) => ever.answer(id, 1),
    cancel: (ever, id) => ever.cancel(id),
    pause: (ever, id) => ever.pause(id),
    resume: (ever, id) => ever.resume(id),
    retry: (ever, id) => ever.retry(id),
    account: (ever, id) => ever.account(id),
    undos: (ever, id) => ever.undos(id),
    undo: (ever, id) => ever.undo(id),
    skipUndo: (ever, id) => ever.skipUndo(id, 1, { reason: 'Why not.' }),
    verify: (ever, id) => ever.verify(id),
    export: async (ever, id) => ever.export(id).next(),
    conversation: (ever, id) => conversation(ever, id),
    streamConversation: async (ever, id) => streamConversation(ever, id).next(),
    'approvals.get': (ever, id) => ever.approvals.get(id),
    'approvals.approve': (ever, id) => ever.approvals.approve(id),
    'approvals.deny': (ever, id) => ever.approvals.deny(id),
    'approvals.snooze': (ever, id) => ever.approvals.snooze(id, '1h'),
    'approvals.assign': (ever, id) => ever.approvals.assign(id, 'Eve'),
  }

  /** Without a run they are of all runs. */
  const filters: typeof ids = {
    questions: (ever, run) => ever.questions({ run }),
    'approvals.list': (ever, run) => ever.approvals.list({ run }),
  }

  test.each(Object.entries({ ...ids, ...filters }))(
    '%s refuses an id that is no text, and says where a handle has its own',
    async (name, call) => {
      const store = where === 'memory:' ? where : `sqlite:${join(folder, `${++files}.db`)}`
      await using ever = await open({ store, flows: [waiting] })
      const handle = await ever.start(waiting, undefined, { id: 'r' })
      const what = [
        'answer',
        ...Object.keys(ids).filter((one) => one.startsWith('approvals.')),
      ].includes(name)
        ? 'question'
        : 'run'
      const said: readonly (readonly [unknown, string])[] = [
        [null, ', but this is null.'],
        [5, ', but this is 5.'],
        [{}, ', but this is object.'],
        ['', ', but this one is empty.'],
        [
          handle,
          `, but this is an object that has one: give its \`id\` (\`${what}.id\`), which is "r".`,
        ],
        ...(name in ids ? ([[undefined, ', but this is undefined.']] as const) : []),
      ]
      for (const [id, instead] of said) {
        await expect(call(ever, id as never)).rejects.toMatchObject({
          code: 'BAD_NAME',
          message: `The id of a ${what} is a text${instead}`,
        })
      }
    },
  )

  test('a worker tells of the runs that it has executed, and of what is thrown then', async () => {
    const store = where === 'memory:' ? where : `sqlite:${join(folder, `${++files}.db`)}`
    const troubles: unknown[] = []
    const onTrouble = (error: unknown, run: unknown) => void troubles.push([error, run])
    await using ever = await open({ store, flows: [echo, waiting], onTrouble })
    await ever.start(echo, 1, { id: 'e' })
    await ever.start(waiting, undefined, { id: 'w' })
    const runs: string[] = []
    const work = (onExecuted: (run: string) => void) => ever.work({ until: 'idle', onExecuted })
    await work((run) => void runs.push(run))
    expect(runs.toSorted()).toEqual(['e', 'w'])
    await ever.signal('w', 'never')
    await work(() => {
      throw new RangeError('too far')
    })
    expect(runs).toHaveLength(2)
    expect(troubles).toEqual([[new RangeError('too far'), 'w']])
    await expect(ever.work({ onExecuted: 5 as never })).rejects.toMatchObject({
      code: 'BAD_OPTION',
    })
  })

  test('what a worker tells of runs may be told asynchronously, and fail so', async () => {
    const store = where === 'memory:' ? where : `sqlite:${join(folder, `${++files}.db`)}`
    const troubles: unknown[] = []
    const onTrouble = (error: unknown, run: unknown) => void troubles.push([error, run])
    await using ever = await open({ store, flows: [echo], onTrouble })
    await ever.start(echo, 1, { id: 'e' })
    const onExecuted = async (): Promise<void> => {
      await Promise.resolve()
      throw new RangeError('too far')
    }
    await ever.work({ until: 'idle', onExecuted })
    expect(troubles).toEqual([[new RangeError('too far'), 'e']])
  })

  test.each(Object.entries(wrong))('%s is refused', async (_, [call, code]) => {
    const store = where === 'memory:' ? where : `sqlite:${join(folder, `${++files}.db`)}`
    await using ever = await open({ store, flows: [echo, waiting] })
    await ever.start(waiting, undefined, { id: 'r' })
    await expect(call(ever)).rejects.toMatchObject({ code })
  })
})

test.each([
  ['flows', echo],
  ['flows', null],
  ['actions', 5],
  ['queues', null],
  ['queues', []],
  ['queues', { a: null }],
  ['queues', { a: { concurrency: 1, limit: 2 } }],
  ['name', 5],
  ['development', 'no'],
  ['onTrouble', 5],
  ['store', null],
  ['store', {}],
])('open is not handed %s that are %s', async (option, value) => {
  const opened = open({ store: 'memory:', [option]: value })
  await expect(opened).rejects.toMatchObject({ code: 'BAD_OPTION' })
})

test('lists that are none are refused where they are given', () => {
  const run = async (): Promise<number> => 1
  for (const make of [
    () => flow({ name: 'f', run, actions: {} as never }),
    () => toolsGuard({ allow: 'read_*' as never }),
    () => toolsGuard({ deny: 'delete_*' as never }),
  ]) {
    expect(make).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }))
  }
})

describe('a schema that is no Standard Schema', () => {
  const schema = { type: 'number' } as never

  test('is refused where it is given', () => {
    const run = async (): Promise<number> => 1
    const told = { name: 'n', description: 'Does it.' }
    for (const make of [
      () => flow({ name: 'f', input: schema, run }),
      () => flow({ name: 'f', output: schema, run }),
      () => agent({ name: 'a', model: scriptedModel([]), output: schema }),
      () => tool({ ...told, effect: 'read', input: schema, inputSchema: {}, run }),
      () => tool({ ...told, effect: 'read', output: schema, run }),
      () => askPerson({ ...told, output: schema, prompt: () => 'How many?' }),
    ]) {
      expect(make).toThrow(/is no Standard Schema/)
    }
  })

  test.each(['signal', 'ask'] as const)('fails the run that waits with it: %s', async (wait) => {
    const refused = flow('refused', (run) => run[wait]('x', { schema }))
    await using runtime = await testRuntime({ flows: [refused] })
    expect(await runtime.settled(await runtime.start(refused, undefined))).toMatchObject({
      status: 'failed',
      error: { code: 'BAD_OPTION' },
    })
  })
})
