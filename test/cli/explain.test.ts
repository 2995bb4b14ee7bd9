/** `everloop runs explain`: a sentence for each situation, and what to do about it. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { explain } from '../../src/cli/explain.ts'
import {
  action,
  agent,
  type Ever,
  type Flow,
  flow,
  guard,
  open,
  tool,
  verdict,
} from '../../src/index.ts'
import { scriptedModel, testRuntime } from '../../src/testing/index.ts'
import { agentFile, everloop, everloopJson } from './command-line.ts'
import { makeSampleStore } from './sample-store.ts'
import { makeFolder } from '../test-folder.ts'
import { z } from 'zod'

const folder = makeFolder()
const store = `sqlite:${join(folder.path, 'ledger.db')}`
let ever: Ever

beforeAll(async () => {
  await makeSampleStore(store)
  ever = await open({ store })
})

afterAll(async () => {
  await ever.close()
  folder.remove()
})

describe('runs explain', () => {
  test.each([
    ['done-1', 'completed', /^Completed (just now|.* ago): there is nothing left to do\.$/],
    ['failed-1', 'failed', /^Failed .* with StepError STEP_FAILED: .*too hot\.$/],
    ['gone-1', 'cancelled', /^Cancelled .* by Ada: not wanted\.$/],
    ['waits-2', 'paused', /^Paused .*\(PAUSED\): .*a moment, please/],
    [
      'asks-1',
      'question',
      /for an answer to "Which color\?" \(question asks-1\/2; answer: red, green\)\.$/,
    ],
    [
      'waits-1',
      'signal',
      /^Waiting since \d{4}-\d\d-\d\d [\d:]{8} \((just now|.+ ago)\) for the signal "go"\.$/,
    ],
    ['sleeps-1', 'timer', /^Waiting until .* \(in (2h|1h \d+m)\)\.$/],
    ['retries-1', 'retry', /to try step "call" again in .*: it failed with "the line was busy"\.$/],
    [
      'parent-1',
      'child',
      /^Waiting since [^(]* \(.*\) for its child parent-1\.\w+, which says: .*signal "go"\.$/,
    ],
    ['delayed-1', 'delayed', /^Not started yet: it was put off until .* \(in (2h|1h \d+m)\)\.$/],
    [
      'queued-1',
      'queue-full',
      /^Ready for \d.*, but its queue "narrow" is closed \(its limit is 0\)\.$/,
    ],
  ])('%s: %s', async (id, reason, sentence) => {
    const explanation = await explain(ever, id)
    expect(explanation.reason).toBe(reason)
    expect(explanation.sentence).toMatch(sentence)
  })

  test('a retry that no worker takes is told, and not waited for', async () => {
    const place = `sqlite:${join(folder.path, 'retried.db')}`
    const fails = flow('fails', () => {
      throw new Error('too hot')
    })
    const worker = await open({ store: place, flows: [fails], work: {} })
    await (await worker.start(fails, undefined, { id: 'r' })).settled()
    await worker.close()
    await using alone = await open({ store: place })
    await alone.retry('r')
    expect(await explain(alone, 'r')).toMatchObject({ status: 'ready', reason: 'no-worker' })
  })

  test('what a run asks that waits for a worker is told with it', async () => {
    const place = `sqlite:${join(folder.path, 'asked.db')}`
    const asks = flow('asks', async (run) => {
      const wait = run.sleep('200ms')
      return Promise.all([wait, run.ask('Which?')])
    })
    const worker = await open({ store: place, flows: [asks], work: {} })
    await (await worker.start(asks, undefined, { id: 'r' })).settled()
    await worker.close()
    await using alone = await open({ store: place })
    await vi.waitFor(async () => {
      expect(await explain(alone, 'r')).toMatchObject({
        reason: 'no-worker',
        sentence: expect.stringMatching(
          /^Ready .*store\. Still waiting since .* for an answer to "Which\?" \([^)]*\)\. What it asks can be answered meanwhile: r\/\d+\.$/,
        ),
      })
    })
  })

  test('what a run still waits for that no worker takes is told, and what nothing awaits', async () => {
    const place = `sqlite:${join(folder.path, 'due.db')}`
    const waits = flow('waits', (run) => run.signal('approve'))
    const busy = flow('busy', (run) =>
      run.all('busy', [
        (one) => one.signal('ship'),
        (one) => one.signal('bill'),
        (one) => one.signal('pack', { timeout: '3d' }),
        (one) => one.sleep('200ms'),
        (one) => one.ask('Sure?'),
      ]),
    )
    const above = flow('above', (run) =>
      run.all('both', [(one) => one.child(waits, undefined), (one) => one.signal('go')]),
    )
    {
      await using worker = await open({ store: place, flows: [waits, busy, above], work: {} })
      for (const one of [waits, busy, above]) {
        await (await worker.start(one, undefined, { id: `${one.name}-1` })).settled()
      }
      await worker.work({ until: 'idle' })
    }
    await using alone = await open({ store: place })
    const why = async (id: string): Promise<string> => (await explain(alone, id)).sentence
    const due = '^Ready for \\d+s, but no worker is connected to this store\\.'
    const since = 'since \\S+ \\S+ \\([^)]*\\)'

    await alone.signal('waits-1', 'aproved')
    expect(await why('waits-1')).toMatch(
      new RegExp(
        `${due} Still waiting ${since} for the signal "approve"\\. A signal has come that nothing awaits so far: "aproved"\\.$`,
      ),
    )
    // What has come is not waited for, and the other one may be taken later.
    await alone.signal('waits-1', 'approve')
    expect(await why('waits-1')).toMatch(new RegExp(`${due}$`))

    await alone.signal('busy-1', 'ship')
    await alone.signal('busy-1', 'ship')
    await vi.waitFor(async () => {
      expect(await why('busy-1')).toMatch(
        new RegExp(
          `${due} Still waiting for 3 things: ${since} for the signal "bill"; ${since} for the signal "pack", at most until [^;]*; and for 1 more\\. What it asks can be answered meanwhile: busy-1/\\d+\\.$`,
        ),
      )
    })
    const [question] = await alone.questions({ run: 'busy-1' })
    await alone.answer(question?.id ?? '', 'yes')
    expect(await why('busy-1')).toMatch(/ Still waiting for 2 things: [^?]*\.$/)

    // Of children, too, of which one is due; and whatever keeps the run from its worker.
    await alone.signal('above-1', 'og')
    await alone.limitQueue('default', 0)
    const [child] = await alone.list({ parent: 'above-1' })
    await alone.signal(child?.id ?? '', 'aproved')
    expect(await why('above-1')).toMatch(
      new RegExp(
        `is closed \\(its limit is 0\\)\\. Still waiting for 2 things: ${since} for its child \\S+, which says: Ready .* for the signal "approve"\\. .*: "aproved"; ${since} for the signal "go"\\. A signal has come .*: "og"\\.$`,
      ),
    )
    await alone.cancel(child?.id ?? '')
    await alone.limitQueue('default', null)
    {
      await using worker = await open({ store: place, flows: [waits], work: {} })
      await worker.work({ until: 'idle' })
    }
    // Its end has come.
    expect(await why('above-1')).toMatch(
      new RegExp(`${due} Still waiting ${since} for the signal "go"\\. A signal`),
    )
  })

  test('is a sentence and what to do', async () => {
    const [human, json] = await Promise.all([
      everloop(['runs', 'why', 'waits-2', '--store', store]),
      everloopJson(['runs', 'explain', 'asks-2', '--store', store]),
    ])
    expect(human.stdout).toMatch(/^Paused .*\nNext: everloop runs resume waits-2\n$/)
    expect(json).toMatchObject({
      code: 0,
      document: {
        run: 'asks-2',
        status: 'waiting',
        fix: 'everloop questions answer asks-2/2 ANSWER',
      },
    })
  })
})

test('a flow that waits for a signal called as messages are is not taken for a conversation', async () => {
  const waits = flow('waits', (run) => run.signal('message'))
  await using runtime = await testRuntime({ flows: [waits] })
  const { id } = await runtime.start(waits, undefined, { id: 'waits-1' })
  expect(await explain(runtime.ever, id)).toMatchObject({
    sentence: expect.stringMatching(/ for the signal "message"\.$/) as string,
    fix: "everloop signal waits-1 'message' JSON",
  })
})

test('signals that came under a name that nothing awaits are told where another one is awaited', async () => {
  const waits = flow('waits', async (run) => {
    await run.signal('approve')
    return await run.ask('Sure?')
  })
  const two = flow('two', (run) =>
    run.all('both', [(one) => one.signal('a'), (one) => one.ask('Sure?')]),
  )
  const above = flow('above', (run) => run.child(waits, undefined))
  const talker = agent({
    name: 'talker',
    model: scriptedModel([{ text: 'Hm?' }]),
    conversation: true,
  })
  await using runtime = await testRuntime({ flows: [waits, two, above, talker] })
  const { ever } = runtime
  const why = async (id: string): Promise<string> => {
    await runtime.settle()
    return (await explain(ever, id)).sentence
  }
  await runtime.start(waits, undefined, { id: 'waits-1' })
  expect(await why('waits-1')).toMatch(/ for the signal "approve"\.$/)
  await ever.signal('waits-1', 'aprove')
  expect(await why('waits-1')).toMatch(
    / for the signal "approve"\. A signal has come that nothing awaits so far: "aprove"\.$/,
  )
  for (const name of ['Approve', 'aprove', 'evil\u001b[2J "it"', 'and', 'so', 'on']) {
    await ever.signal('waits-1', name)
  }
  expect(await why('waits-1')).toMatch(
    / Signals have come that nothing awaits so far: "aprove" \(2 times\), "Approve", “evil "it"” and more\.$/,
  )
  await ever.signal('waits-1', 'approve')
  // It waits for no signal, and may take these later.
  expect(await why('waits-1')).toMatch(/ for an answer to "Sure\?" [^.]*\.$/)

  await runtime.start(two, undefined, { id: 'two-1' })
  await ever.signal('two-1', 'A')
  expect(await why('two-1')).toMatch(/ 2 things: .*so far: "A"\.$/)

  await runtime.start(talker, { prompt: 'Go.' }, { id: 'talker-1' })
  await ever.signal('talker-1', 'mesage', 'Hello?')
  expect(await why('talker-1')).toMatch(/ next message of its conversation\. .*so far: "mesage"\.$/)

  await runtime.start(above, undefined, { id: 'above-1' })
  const [child] = await ever.list({ parent: 'above-1' })
  await ever.signal(child?.id ?? '', 'aprove')
  expect(await why('above-1')).toMatch(/, which says: .* so far: "aprove"\.$/)
})

test('what has happened in this moment is told as past', async () => {
  const done = flow('done', () => 1)
  const fails = flow('fails', () => Promise.reject(new Error('too hot')))
  await using runtime = await testRuntime({ flows: [done, fails] })
  await runtime.start(done, undefined, { id: 'done-1' })
  await runtime.start(fails, undefined, { id: 'fails-1' })
  await runtime.settle()
  const why = async (id: string): Promise<string> => (await explain(runtime.ever, id)).sentence
  expect(await why('done-1')).toBe('Completed just now: there is nothing left to do.')
  expect(await why('fails-1')).toBe('Failed just now with Error: too hot.')
})

test('a run that was put off is so after a pause and a resume, too, and says what ends it before', async () => {
  const later = flow('later', () => 'done')
  await using runtime = await testRuntime({ flows: [later] })
  await runtime.start(later, undefined, { id: 'later-1', delay: '2h', deadline: '1h' })
  await runtime.ever.pause('later-1')
  await runtime.settle()
  expect(await explain(runtime.ever, 'later-1')).toMatchObject({ reason: 'paused' })
  await runtime.ever.resume('later-1')
  await runtime.settle()
  expect(await explain(runtime.ever, 'later-1')).toMatchObject({
    status: 'waiting',
    reason: 'delayed',
    sentence: expect.stringMatching(
      /^Not started yet: it was put off until .*\(in 2h\), and its deadline is before that, .*\(in 1h\)\.$/,
    ),
  })
})

test('a run without its action is sent to an undo only where undoing has begun', async () => {
  const cancel = action('cancel', () => {})
  const books = (actions: readonly (typeof cancel)[]) =>
    flow({
      name: 'books',
      actions,
      run: async (run) => {
        await run.undo('cancel', { id: 7 })
        await run.signal('go')
        throw new Error('out of stock')
      },
    })
  await using runtime = await testRuntime({ flows: [books([])] })
  await runtime.start('books', undefined, { id: 'books-1' })
  const before = await explain(runtime.ever, 'books-1')
  expect(before.sentence).toContain('UNKNOWN_ACTION')
  expect(before.fix).toMatch(/everloop runs resume books-1$/)
  await expect(runtime.ever.undo('books-1')).rejects.toMatchObject({ code: 'RUN_STATE' })

  await runtime.restart({ flows: [books([cancel])] })
  await runtime.ever.resume('books-1')
  await runtime.settle()
  await runtime.restart({ flows: [books([])] })
  await runtime.signal('books-1', 'go', null)
  const behind = await explain(runtime.ever, 'books-1')
  expect(behind.sentence).toContain('UNKNOWN_ACTION')
  expect(behind.fix).toMatch(/everloop runs undo books-1 --file FILE$/)
})

describe('a sentence', () => {
  const sentenceOf = async (prompt: string): Promise<string> => {
    const asks = flow('asks', (run) => run.ask(prompt))
    await using runtime = await testRuntime({ flows: [asks] })
    const { id } = await runtime.start(asks, undefined, { id: 'asks-1' })
    return (await explain(runtime.ever, id)).sentence
  }

  test('has no quotes of one kind inside one another', async () => {
    expect(await sentenceOf('Is "blue" fine?')).toMatch(
      /an answer to “Is "blue" fine\?” \(question /,
    )
  })

  test('is cut between words', async () => {
    const words = 'Which of the colors? '.repeat(30)
    expect(await sentenceOf(words)).toMatch(/"Which [^"]*(Which|of|the|colors\?) …" \(question/)
  })

  test('of an approval ends once, and is not told twice by run', async () => {
    const place = `sqlite:${join(folder.path, 'once.db')}`
    const args = [
      'run',
      `${agentFile}#slow`,
      '{"prompt":"Pay."}',
      '--id',
      'pay-1',
      '--store',
      place,
    ]
    const { stderr } = await everloop(args)
    expect(stderr).toMatch(/^Waiting for an approval since \S+ \S+ \(.*?\): .* Approve\?$/m)
    expect(stderr).not.toMatch(/waiting Waiting/i)
    const edit = ['approvals', 'edit', 'pay-1', 'five', '--store', place]
    expect((await everloop(edit)).stderr).toContain('The text of the arguments is not JSON: ')
  })
})

describe('a command to copy', () => {
  /** What a shell makes of the words of the command. */
  const words = (command: string): readonly string[] =>
    execFileSync('sh', ['-c', `everloop() { printf '%s\\n' "$@"; }; ${command}`], {
      encoding: 'utf8',
    })
      .trimEnd()
      .split('\n')

  test.each(["it's; touch PWNED; echo '", '$(touch PWNED) `x` "y" \\z', "''", 'plain'])(
    'has the signal %j as one word',
    async (name) => {
      const waits = flow('waits', (run) => run.signal(name))
      await using runtime = await testRuntime({ flows: [waits] })
      const { id } = await runtime.start(waits, undefined, { id: 'waits-1' })
      const { fix = '' } = await explain(runtime.ever, id)
      expect(words(fix)).toEqual(['signal', 'waits-1', name, 'JSON'])
    },
  )

  test('has a placeholder for a signal that cannot be printed', async () => {
    const waits = flow('waits', (run) => run.signal('a\nb\u001b[2J'))
    await using runtime = await testRuntime({ flows: [waits] })
    const { id } = await runtime.start(waits, undefined, { id: 'waits-1' })
    const { fix } = await explain(runtime.ever, id)
    expect(fix).toBe('everloop signal waits-1 NAME JSON')
  })
})

test.each([
  [{ budget: { turns: 1 } }, 'the answer "stop" is recorded'],
  [
    {
      guards: [guard({ name: 'never', at: 'input', check: () => verdict.deny('No.') })],
    },
    'the verdict of the guard is recorded',
  ],
])('a run that a recorded decision has ended is not sent to a retry: %j', async (also, why) => {
  const look = tool({ name: 'look', description: 'Looks.', effect: 'read', run: () => 'seen' })
  const model = scriptedModel([{ toolCalls: [{ name: 'look' }] }, { text: 'Done.' }])
  const looker = agent({ name: 'looker', model, tools: [look], ...also })
  await using runtime = await testRuntime({ flows: [looker] })
  const { id } = await runtime.start(looker, { prompt: 'Look.' }, { id: 'looks-1' })
  await runtime.settle()
  for (const question of await runtime.ever.questions()) {
    await runtime.ever.answer(question.id, { verdict: 'stop' })
  }
  await runtime.settle()
  const { sentence, fix } = await explain(runtime.ever, id)
  expect(sentence).toContain(`A retry would fail the same way, because ${why}.`)
  expect(fix).toBe('Start a new run, under another id')
  // And so it does.
  await runtime.ever.retry(id)
  await runtime.settle()
  expect((await explain(runtime.ever, id)).reason).toBe('failed')
})

test('a failure that came from outside is sent to a retry', async () => {
  const fails = flow('fails', (run) =>
    run.step('call', () => {
      throw new Error('no key')
    }),
  )
  await using runtime = await testRuntime({ flows: [fails] })
  const { id } = await runtime.start(fails, undefined, { id: 'fails-1' })
  await runtime.settle()
  expect((await explain(runtime.ever, id)).fix).toContain('everloop runs retry fails-1')
})

test('a failure that came from a child says that a retry lets that go on', async () => {
  const bad = flow('bad', () => Promise.reject(new Error('no key')))
  const parent = flow('parent', (run) => run.child(bad, undefined))
  await using runtime = await testRuntime({ flows: [bad, parent] })
  const { id } = await runtime.start(parent, undefined)
  expect((await explain(runtime.ever, id)).fix).toContain(
    'a child that failed goes on from its own failure',
  )
})

test('a signal that did not fit is told of while the run waits for one that does', async () => {
  const strict = flow('strict', (run) => run.signal('shipped', { schema: z.string() }))
  await using runtime = await testRuntime({ flows: [strict] })
  const run = await runtime.start(strict, undefined)
  expect((await explain(runtime.ever, run.id)).sentence).not.toContain('refused')
  await runtime.signal(run, 'shipped', 42)
  await runtime.settle()
  expect((await explain(runtime.ever, run.id)).sentence).toMatch(
    /for the signal "shipped"; the last one was refused: ".*expected string, received number/,
  )
})

describe('a run and the one that has started it', () => {
  let broken = true
  const inner = flow('inner', (run) =>
    run.step('s', () => {
      if (broken) throw new Error('no key')
      return 1
    }),
  )
  const middle = flow('middle', (run) => run.child(inner, undefined))
  const outer = flow('outer', (run) => run.child(middle, undefined))
  const below = async (runtime: { readonly ever: Ever }, parent: string): Promise<string> =>
    (await runtime.ever.list({ parent }))[0]?.id ?? ''
  beforeEach(() => {
    broken = true
  })

  test('that failed together are retried together, from above', async () => {
    await using runtime = await testRuntime({ flows: [inner, middle, outer] })
    await runtime.start(outer, undefined, { id: 'outer-1' })
    await runtime.settle()
    const child = await below(runtime, await below(runtime, 'outer-1'))
    expect((await explain(runtime.ever, child)).fix).toContain(
      'everloop runs retry outer-1 (executes what failed again; this run is below outer-1, and goes on with it;',
    )
    broken = false
    await runtime.ever.retry(child)
    await runtime.settle()
    const { sentence, fix } = await explain(runtime.ever, child)
    expect(sentence).toMatch(
      /^Completed .*, but run outer-1 above it has failed and does not know\.$/,
    )
    expect(fix).toBe('everloop runs retry outer-1')
  })

  test('that does not wait for it any more', async () => {
    const brave = flow('brave', async (run) => {
      await run.child(inner, undefined).catch(() => {})
      await run.signal('go')
    })
    await using runtime = await testRuntime({ flows: [inner, brave] })
    await runtime.start(brave, undefined, { id: 'brave-1' })
    await runtime.settle()
    const { sentence } = await explain(runtime.ever, await below(runtime, 'brave-1'))
    expect(sentence).toContain('Run brave-1, which has started it, does not wait for it.')
  })

  test('that was cancelled with it is named, as another one takes its place', async () => {
    const patient = flow('patient', (run) => run.signal('never'))
    const both = flow('both', (run) =>
      run.all('both', [
        (branch) => branch.child(patient, undefined),
        (branch) => branch.step('bad', () => Promise.reject(new Error('no key'))),
      ]),
    )
    await using runtime = await testRuntime({ flows: [both, patient] })
    await runtime.start(both, undefined, { id: 'both-1' })
    await runtime.settle()
    const child = await below(runtime, 'both-1')
    expect((await explain(runtime.ever, 'both-1')).fix).toBe(
      `Mend the cause, then: everloop runs retry both-1 (executes what failed again; other runs take the place of what was cancelled with it: ${child})`,
    )
  })

  /** Fails beside a child as long as it is told to. */
  const failingBeside = (
    child: Flow<unknown, unknown>,
    isMended: () => boolean,
  ): Flow<undefined, unknown> =>
    flow('both', (run) =>
      run.all('both', [
        (branch) => branch.child(child, undefined),
        async (branch) => {
          await branch.signal('fail')
          await branch.step('bad', () => {
            if (!isMended()) throw new Error('no key')
          })
        },
      ]),
    )

  test('that was cancelled with it and did what another run would do again is told apart', async () => {
    let isMended = false
    const paying = flow('paying', async (run) => {
      await run.step('pay', { effect: 'once' }, () => 'paid')
      await run.signal('go')
    })
    const both = failingBeside(paying, () => isMended)
    await using runtime = await testRuntime({ flows: [both, paying] })
    const run = await runtime.start(both, undefined, { id: 'both-1' })
    await runtime.signal(run, 'fail')
    const child = await below(runtime, 'both-1')
    expect((await explain(runtime.ever, 'both-1')).fix).toBe(
      `Mend the cause, then: everloop runs retry both-1 (executes what failed again; it is paused where it asks again for what was cancelled with it and did, or may still do, what must not be done twice: ${child}. Undo that before (everloop runs undo), or let other runs do it again: --anew)`,
    )
    isMended = true
    await runtime.ever.retry('both-1')
    await runtime.settle()
    const paused = await explain(runtime.ever, 'both-1')
    expect(paused.sentence).toContain(`CHILD_GONE`)
    expect(paused.sentence).toContain(child)
    expect(paused.fix).toBe(
      `If run ${child} can be undone (everloop runs undo ${child} --list), do that, then: everloop runs resume both-1. Or, to have another run do all of it again: everloop runs resume both-1 --anew`,
    )
  })

  test('in whose place another one has come is not named any more', async () => {
    let isMended = false
    const paying = flow('paying', async (run) => {
      await run.step('pay', { effect: 'once' }, () => 'paid')
      await run.signal('go')
    })
    const both = flow('both', (run) =>
      run.all('both', [
        (branch) => branch.child(paying, undefined),
        async (branch) => {
          for (const name of ['fail', 'fail again']) {
            await branch.signal(name)
            await branch.step(name, () => {
              if (!isMended) throw new Error('no key')
            })
          }
        },
      ]),
    )
    await using runtime = await testRuntime({ flows: [both, paying] })
    const run = await runtime.start(both, undefined, { id: 'both-1' })
    await runtime.signal(run, 'fail')
    const first = await below(runtime, 'both-1')
    isMended = true
    await runtime.ever.retry('both-1', { anew: true })
    await runtime.settle()
    isMended = false
    await runtime.signal(run, 'fail again')
    const rows = await runtime.ever.list({ parent: 'both-1' })
    const second = rows.find(({ id }) => id !== first)?.id ?? 'none'
    const { fix } = await explain(runtime.ever, 'both-1')
    expect(fix).toContain(second)
    expect(fix).not.toContain(first)
  })

  test('that a retry waits for, as it was cancelled and has not ended, is named', async () => {
    let finish: (() => void) | undefined
    let isMended = false
    const slow = flow('slow', async (run) => {
      try {
        await run.signal('never')
      } finally {
        await run.cleanup('tidy', (tidy) =>
          tidy.step('wait', () => new Promise<void>((done) => (finish = done))),
        )
      }
    })
    const both = failingBeside(slow, () => isMended)
    await using runtime = await testRuntime({ flows: [both, slow] })
    const run = await runtime.start(both, undefined, { id: 'both-1' })
    const isAt = (status: string) => async (): Promise<boolean> =>
      (await run.status()).status === status
    await runtime.ever.signal('both-1', 'fail')
    await runtime.runUntil(() => finish !== undefined)
    await runtime.runUntil(isAt('failed'))
    const child = await below(runtime, 'both-1')
    expect((await explain(runtime.ever, 'both-1')).fix).toBe(
      `Mend the cause, then: everloop runs retry both-1 (executes what failed again; where it asks for what is ending below it, it waits for that: ${child})`,
    )
    isMended = true
    await runtime.ever.retry('both-1')
    await runtime.runUntil(isAt('waiting'))
    const { sentence, fix } = await explain(runtime.ever, 'both-1')
    expect(sentence).toContain(`for the end of run ${child} below it, which was cancelled`)
    expect(fix).toBe(`everloop runs explain ${child}`)
    finish?.()
    await runtime.ever.cancel('both-1')
    await runtime.settle()
  })
})

test('a run that waits for the end of one below it, which no worker has taken since, says so', async () => {
  const below = flow('below', (run) => run.step('s', () => Promise.reject(new Error('no key'))))
  const above = flow('above', (run) => run.child(below, undefined))
  await using runtime = await testRuntime({ flows: [above, below] })
  await runtime.start(above, undefined, { id: 'above-1' })
  await runtime.settle()
  const [child] = await runtime.ever.list({ parent: 'above-1' })
  const id = child?.id ?? ''
  await runtime.restart({ flows: [above] }) // nobody goes on with the one below
  await runtime.ever.retry(id)
  await runtime.ever.cancel(id)
  await runtime.ever.retry('above-1')
  await runtime.settle()
  const { reason, sentence, fix } = await explain(runtime.ever, 'above-1')
  expect(reason).toBe('child')
  expect(sentence).toContain(`for the end of run ${id} below it`)
  expect(fix).toBe(`everloop runs explain ${id}`)
})

test('of a failure that came from a child it is said which run that is, however deep in scopes', async () => {
  const bad = flow('bad', (run, _input: number) =>
    Promise.reject(new Error(`no key for ${run.id}`)),
  )
  const undoes = action('undoes', () => undefined)
  let given = 0
  const parent = flow('parent', async (run, depth: number) => {
    if (depth === 9) await run.undo(undoes, undefined)
    const start = (inner: typeof run, left: number): Promise<unknown> =>
      left === 0 ? inner.child(bad, given) : inner.scope('deeper', (one) => start(one, left - 1))
    return await start(run, depth % 9)
  })
  await using runtime = await testRuntime({ flows: [bad, parent], actions: [undoes] })
  const { ever } = runtime
  for (const depth of [0, 1, 2, 9]) {
    const id = `parent-${depth}`
    await runtime.start(parent, depth, { id })
    await runtime.settle()
    const [first] = await ever.list({ parent: id })
    const saying = (child = ''): RegExp =>
      new RegExp(
        `\\. It failed because of its child run ${child}: \`everloop runs explain ${child}\` says more\\.`,
      )
    expect((await explain(ever, id)).sentence).toMatch(saying(first?.id))
    if (depth === 9) continue
    // Asked for otherwise, it is another one behind a retry.
    given++
    await ever.retry(id)
    await runtime.settle()
    const other = (await ever.list({ parent: id })).find((one) => one.id !== first?.id)
    expect((await explain(ever, id)).sentence).toMatch(saying(other?.id))
  }
})

test('a child that has failed long after it was started is found', async () => {
  const late = flow('late', async (run) => {
    await run.sleep('1h')
    throw new Error('no key')
  })
  const busy = flow('busy', async (run) => {
    const child = run.child(late, undefined)
    for (let i = 0; i < 250; i++) await run.step(`step ${i}`, () => i)
    return await child
  })
  await using runtime = await testRuntime({ flows: [late, busy] })
  await runtime.start(busy, undefined, { id: 'busy-1' })
  await runtime.advance('2h')
  const [child] = await runtime.ever.list({ parent: 'busy-1' })
  expect((await explain(runtime.ever, 'busy-1')).sentence).toContain(`its child run ${child?.id}: `)
})

test('of a child that is not here it is said so, and of an error of the code no child is told', async () => {
  const bad = flow('bad', () => Promise.reject(new Error('no key')))
  const parent = flow('parent', (run) => run.child(bad, undefined))
  const calm = flow('calm', async (run) => {
    await run.child(bad, undefined).catch(() => undefined)
    throw new Error('of its own')
  })
  await using runtime = await testRuntime({ flows: [bad, parent, calm] })
  const { ever } = runtime
  await runtime.start(parent, undefined, { id: 'parent-1' })
  await runtime.start(calm, undefined, { id: 'calm-1' })
  await runtime.settle()
  expect((await explain(ever, 'calm-1')).sentence).toMatch(/of its own\.$/)
  const [child] = await ever.list({ parent: 'parent-1' })
  await using other = await testRuntime()
  await other.ever.import(ever.export('parent-1', { children: false }))
  expect((await explain(other.ever, 'parent-1')).sentence).toMatch(
    new RegExp(
      ` It failed because of its child run ${child?.id ?? ''}, which is not in this store\\.$`,
    ),
  )
})

test('a stalled run, which a cancel does not end, is told how it is ended without its code', async () => {
  const stalls = flow('stalls', () => new Promise<never>(() => {}))
  await using runtime = await testRuntime({ flows: [stalls] })
  const run = await runtime.start(stalls, undefined, { id: 'stalls-1' })
  const { id } = run
  await runtime.advance('1m')
  await runtime.ever.cancel(id, 'enough')
  await runtime.advance('1m')
  const { sentence, fix } = await explain(runtime.ever, id)
  expect(sentence).toMatch(/^Paused .*STALLED.*It is being cancelled \(enough\)/)
  expect(fix).toMatch(/Or, to end it without its code: everloop runs undo stalls-1 --cancel$/)
  await runtime.runUntil(runtime.ever.undo(id, { cancel: true }))
  expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
  await runtime.verify()
})

test('a run whose worker is silent says when it was heard of, and until when that may last', async () => {
  let isBegun = false
  const hangs = flow('hangs', (run) =>
    run.step('hangs', () => {
      isBegun = true
      return new Promise<void>(() => {})
    }),
  )
  await using runtime = await testRuntime({ flows: [hangs], lease: '30s' })
  await runtime.ever.start(hangs, undefined, { id: 'a' })
  await runtime.runUntil(() => isBegun)
  expect(await explain(runtime.ever, 'a')).toMatchObject({ reason: 'running' })
  runtime.workers[0]?.crash()
  await runtime.advance('25s')
  expect(await explain(runtime.ever, 'a')).toMatchObject({
    status: 'running',
    reason: 'silent',
    sentence: expect.stringMatching(
      /^Its worker ".*" was heard of 2[5-9]s ago for the last time\. .*at the latest in [1-5]s\.$/,
    ),
    fix: 'everloop work FILE',
  })
})

test('a call whose outcome is not known yet says until when nobody is asked', async () => {
  let calls = 0
  const charge = flow('charge', (run) =>
    run.step('charge', { effect: 'once', timeout: '10m' }, () => {
      calls++
      return new Promise<void>(() => {})
    }),
  )
  await using runtime = await testRuntime({ flows: [charge] })
  await runtime.ever.start(charge, undefined, { id: 'a' })
  await runtime.runUntil(() => calls === 1)
  runtime.workers[0]?.crash()
  runtime.addWorker()
  await runtime.advance('2m')
  expect(await explain(runtime.ever, 'a')).toMatchObject({
    reason: 'effect',
    sentence: expect.stringMatching(
      /^Waiting to know what came of a call that may have happened, at most until .* \(in .*\): it may take effect so long; then its `reconcile` is asked, or a person\.$/,
    ),
  })
  expect(calls).toBe(1)
})

test('a run that was lost with another one says that it waits for that one', async () => {
  let begun = 0
  const hangs = flow('hangs', (run) =>
    run.step('hangs', () => {
      begun++
      return new Promise<void>(() => {})
    }),
  )
  await using runtime = await testRuntime({ flows: [hangs] })
  for (const id of ['a', 'b']) await runtime.ever.start(hangs, undefined, { id })
  for (const times of [1, 2]) {
    await runtime.runUntil(() => begun === 2 * times)
    runtime.workers.at(-1)?.crash()
    runtime.addWorker({ name: times === 1 ? 'first' : 'second' })
  }
  await runtime.runUntil(() => begun === 5)
  const explanations = await Promise.all(['a', 'b'].map((id) => explain(runtime.ever, id)))
  const [waiting] = explanations.filter(({ status }) => status === 'ready')
  expect(waiting).toMatchObject({
    reason: 'suspect',
    sentence: expect.stringMatching(
      /^Ready for \d+s, but it lost its worker 2 times .*: worker "second" is at run [ab]\.$/,
    ),
  })
})

test('a run that is executed by itself, and one that waits for that, are told of', async () => {
  let begun = 0
  const hangs = flow('hangs', (run) =>
    run.step('s', () => {
      begun += 1
      return new Promise<void>(() => {})
    }),
  )
  await using runtime = await testRuntime({ flows: [hangs] })
  const pass = (ms: number): Promise<unknown> => {
    const until = runtime.time.clock.now() + ms
    return runtime.runUntil(() => runtime.time.clock.now() >= until)
  }
  await runtime.ever.start(hangs, undefined, { id: 'lost' })
  for (const times of [1, 2]) {
    await runtime.runUntil(() => begun === times)
    runtime.workers.at(-1)?.crash()
    runtime.addWorker({ name: `worker ${times}` })
  }
  await runtime.ever.start(hangs, undefined, { id: 'before' })
  await pass(30_000)
  expect(await explain(runtime.ever, 'lost')).toMatchObject({
    reason: 'suspect',
    sentence: expect.stringMatching(/it lost its worker 2 times .* is executed by itself: when /),
  })
  await pass(40_000)
  await runtime.ever.start(hangs, undefined, { id: 'behind' })
  await pass(5_000)
  expect(await explain(runtime.ever, 'behind')).toMatchObject({
    reason: 'suspect',
    sentence: expect.stringMatching(/worker "worker 2" executes run lost by itself/),
  })
})
