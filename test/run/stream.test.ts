/** Streams: entries and the text of steps under way, once each, from any cursor, across deaths. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { EverloopError, flow, open, type RunReference, type StreamItem } from 'everloop'
import { memoryStore, testRuntime } from 'everloop/testing'
import { systemPorts } from '../../src/base/system.ts'
import type { LiveContext } from '../../src/run/operations/attempt.ts'
import { wrapStore } from '../crash/wrapped-store.ts'
import { innerStep } from './inner-step.ts'
import { testFolder } from '../test-folder.ts'

/** What somebody has in front of them who follows the rules of a stream. */
class Screen {
  readonly items: StreamItem[] = []
  readonly seqs: number[] = []
  /** The text shown of each step under way. */
  readonly live = new Map<string, string>()
  /** Text that was shown when its step ended. */
  readonly before = new Map<string, string>()

  get cursor(): string | undefined {
    return this.items.at(-1)?.cursor
  }

  show(item: StreamItem): void {
    this.items.push(item)
    if (item.type === 'entry') {
      this.seqs.push(item.event.seq)
      const { path, kind } = item.event
      if (kind === 'step.retrying') return
      this.before.set(path, this.live.get(path) ?? '')
      this.live.delete(path)
    } else if (item.type === 'restarted') this.live.set(item.path, '')
    else this.live.set(item.path, (this.live.get(item.path) ?? '') + item.text)
  }
}

/** Follows in the background until the run has ended, or `until` is true. */
function follow(
  run: Pick<RunReference, 'stream'>,
  {
    screen = new Screen(),
    until = () => false,
  }: { screen?: Screen; until?: (s: Screen) => boolean } = {},
): { readonly screen: Screen; readonly done: Promise<void> } {
  const done = (async () => {
    const { cursor } = screen
    for await (const item of run.stream(cursor === undefined ? {} : { from: cursor })) {
      screen.show(item)
      if (until(screen)) return
    }
  })()
  return { screen, done }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

/** A step that is told from outside what to type, and when it is done. */
function typewriter(): {
  readonly type: (text: string) => void
  readonly end: (text: string) => void
  readonly fail: () => void
  readonly starts: () => number
  readonly body: (context: { readonly publish: (text: string) => void }) => Promise<string>
} {
  let publish: (text: string) => void = () => {}
  let ended = Promise.withResolvers<string>()
  let starts = 0
  return {
    type: (text) => publish(text),
    end: (text) => ended.resolve(text),
    fail: () => ended.reject(new Error('The line was cut.')),
    starts: () => starts,
    body: (context) => {
      starts++
      publish = (text) => context.publish(text)
      ended = Promise.withResolvers()
      return ended.promise
    },
  }
}

describe('text of a step under way', () => {
  test('is seen by any number of subscribers, before the entry that holds it', async () => {
    const writer = typewriter()
    const typing = flow('typing', (run) => run.scope('a', () => innerStep('type', writer.body)))
    await using runtime = await testRuntime({ flows: [typing] })
    const run = await runtime.ever.start(typing, undefined)
    const all = [
      follow(run),
      follow(run),
      follow({ stream: (options) => runtime.ever.stream(run.id, options) }),
    ]
    await runtime.runUntil(() => writer.starts() === 1)
    writer.type('Once ')
    writer.type('upon')
    await runtime.runUntil(() =>
      all.every(({ screen }) => screen.live.get('a/type') === 'Once upon'),
    )
    const late = follow(run)
    writer.type(' a time')
    await runtime.runUntil(() =>
      [...all, late].every(({ screen }) => screen.live.get('a/type') === 'Once upon a time'),
    )
    expect(late.screen.items.every(({ type }) => type !== 'restarted')).toBe(true)
    writer.type(', and what was not sent yet when it ended')
    writer.end('Once upon a time')
    await runtime.runUntil(Promise.all([...all, late].map(({ done }) => done)))
    const { entries } = await run.status()
    for (const { screen } of [...all, late]) {
      expect(screen.seqs).toEqual(upTo(entries))
      expect(screen.live.size).toBe(0)
      expect(screen.items.map(({ type }) => type).join(' ')).toMatch(
        /^entry (text )+entry entry entry$/,
      )
    }
    expect(await runtime.store.chunks(run.id, 0, 10)).toEqual([])
  })

  test('costs nothing when the step has ended before it is sent', async () => {
    const published: unknown[] = []
    const quick = flow('quick', () =>
      innerStep('type', (context) => {
        context.publish('there at once')
        return 'there at once'
      }),
    )
    await using runtime = await testRuntime({
      flows: [quick],
      onCall: ({ method, args }, proceed) => {
        if (method === 'publish') published.push(args)
        return proceed()
      },
    })
    const run = await runtime.start(quick, undefined)
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'there at once' })
    expect(published).toEqual([])
  })

  test('goes on at a cursor, wherever the subscriber stopped', async () => {
    const writer = typewriter()
    const typing = flow('typing', async (run) => {
      await run.step('first', () => 1)
      return innerStep('type', writer.body)
    })
    await using runtime = await testRuntime({ flows: [typing] })
    const run = await runtime.ever.start(typing, undefined)
    const screen = new Screen()
    await runtime.runUntil(() => writer.starts() === 1)
    const words = 'the quick brown fox jumps over the lazy dog'.split(/(?<= )/)
    for (const [i, word] of words.entries()) {
      writer.type(word)
      const text = words.slice(0, i + 1).join('')
      const part = follow(run, { screen, until: ({ live }) => live.get('type') === text })
      await runtime.runUntil(part.done)
    }
    expect(screen.items.length).toBe(2 + words.length)
    // Nobody looks while it ends: the cursor points into text that is gone, and the entry follows.
    writer.type(' and more')
    await runtime.runUntil(
      async () => (await runtime.store.chunks(run.id, 0, 99)).length > words.length,
    )
    writer.end('all of it')
    await runtime.settle()
    await runtime.runUntil(follow(run, { screen }).done)
    expect(screen.seqs).toEqual(upTo(4))
    expect(screen.before.get('type')).toBe(words.join(''))
    expect(screen.items.at(-2)).toMatchObject({
      event: { path: 'type', data: { value: 'all of it' } },
    })
  })

  test('of an attempt that was retried is replaced by that of the next', async () => {
    const writer = typewriter()
    const typing = flow('typing', () =>
      innerStep('type', writer.body, { options: { retry: { attempts: 2, delay: '1m' } } }),
    )
    await using runtime = await testRuntime({ flows: [typing] })
    const run = await runtime.ever.start(typing, undefined)
    const { screen, done } = follow(run)
    await runtime.runUntil(() => writer.starts() === 1)
    writer.type('Hal')
    await runtime.runUntil(() => screen.live.get('type') === 'Hal')
    writer.fail()
    await runtime.runUntil(() => writer.starts() === 2, { within: '1h' })
    writer.type('Whole')
    await runtime.runUntil(() => screen.live.get('type') === 'Whole')
    const late = follow(run)
    await runtime.runUntil(() => late.screen.live.get('type') === 'Whole')
    writer.end('Whole')
    await runtime.runUntil(Promise.all([done, late.done]))
    const restarts = screen.items.filter(({ type }) => type === 'restarted')
    expect(restarts).toMatchObject([{ path: 'type', attempt: 2 }])
    expect(screen.seqs).toEqual(upTo(4))
    expect(screen.live.size).toBe(0)
  })

  test('of a worker that died is replaced by that of its heir, and a zombie shows nothing', async () => {
    const writers = [typewriter(), typewriter()]
    let lives = 0
    const typing = flow('typing', () => innerStep('type', (c) => writers[lives++]?.body(c) ?? ''))
    await using runtime = await testRuntime({ flows: [typing] })
    const run = await runtime.ever.start(typing, undefined)
    const { screen, done } = follow(run)
    await runtime.runUntil(() => lives === 1)
    writers[0]?.type('half a sen')
    await runtime.runUntil(() => screen.live.get('type') === 'half a sen')
    const [worker] = runtime.workers
    worker?.freeze()
    writers[0]?.type('tence of a zombie')
    runtime.addWorker()
    await runtime.runUntil(() => lives === 2, { within: '1h' })
    writers[1]?.type('a new one')
    await runtime.runUntil(() => screen.live.get('type') === 'a new one')
    worker?.thaw()
    writers[0]?.type(', still typing')
    writers[1]?.type(' for all')
    await runtime.runUntil(() => screen.live.get('type') === 'a new one for all')
    writers[1]?.end('done')
    await runtime.runUntil(done)
    expect(JSON.stringify(screen.items)).not.toMatch(/zombie|still/)
    expect(screen.items.filter(({ type }) => type === 'restarted').length).toBe(1)
  })

  test('of steps that nobody waits for any more is not shown', async () => {
    const writer = typewriter()
    const race = flow('race', async (run) => {
      await run.scope('race', (inner) =>
        Promise.race([innerStep('type', writer.body), inner.sleep('1s')]),
      )
      return run.ask('Next?')
    })
    await using runtime = await testRuntime({ flows: [race] })
    const run = await runtime.ever.start(race, undefined)
    const { screen } = follow(run)
    await runtime.runUntil(() => writer.starts() === 1)
    writer.type('in vain')
    await runtime.runUntil(() => screen.live.get('race/type') === 'in vain')
    await runtime.settle()
    writer.type(' for ever')
    await runtime.settle()
    expect(await runtime.store.chunks(run.id, 0, 9)).toEqual([])
    expect(JSON.stringify(screen.items)).not.toContain('for ever')
  })

  test('comes in whole characters, and has an end', async () => {
    const writer = typewriter()
    const typing = flow('typing', () => innerStep('type', writer.body))
    await using runtime = await testRuntime({ flows: [typing] })
    const run = await runtime.ever.start(typing, undefined)
    const { screen, done } = follow(run)
    await runtime.runUntil(() => writer.starts() === 1)
    const [high = '', low = ''] = '😀'.split('')
    writer.type(`a${high}`)
    await runtime.runUntil(() => screen.live.get('type') === 'a')
    writer.type(low)
    await runtime.runUntil(() => screen.live.get('type') === 'a😀')
    writer.type('x'.repeat(1024 * 1024))
    writer.type('y')
    const { clock } = runtime.time
    const end = clock.now() + 1000
    await runtime.runUntil(() => clock.now() > end)
    writer.end('done')
    await runtime.runUntil(done)
    expect(screen.before.get('type')).toBe('a😀')
  })

  test('waits while the store is in trouble, and is not doubled when only the reply was lost', async () => {
    const writer = typewriter()
    const typing = flow('typing', () => innerStep('type', writer.body))
    let calls = 0
    await using runtime = await testRuntime({
      flows: [typing],
      onCall: async ({ method }, proceed) => {
        if (method !== 'publish' || ++calls > 2) return proceed()
        if (calls === 2) await proceed()
        throw new EverloopError('STORE_UNAVAILABLE', 'Not now.')
      },
    })
    const run = await runtime.ever.start(typing, undefined)
    const { screen, done } = follow(run)
    await runtime.runUntil(() => writer.starts() === 1)
    writer.type('one ')
    await runtime.runUntil(() => calls === 1)
    writer.type('two')
    await runtime.runUntil(() => screen.live.get('type') === 'one two')
    await runtime.runUntil(() => calls === 3)
    expect(runtime.troubles.length).toBe(2)
    writer.end('done')
    await runtime.runUntil(done)
    expect(screen.before.get('type')).toBe('one two')
  })
})

test('text of what began anew is not followed by text from before, whose reply was lost', async () => {
  let live: LiveContext | undefined
  const ended = Promise.withResolvers<string>()
  const body = (context: LiveContext): Promise<string> => {
    live = context
    return ended.promise
  }
  const typing = flow('typing', () => innerStep('type', body))
  let calls = 0
  await using runtime = await testRuntime({
    flows: [typing],
    onCall: async ({ method }, proceed) => {
      const reply = await proceed()
      const isLost = method === 'publish' && [2, 3].includes(++calls)
      if (isLost) throw new EverloopError('STORE_UNAVAILABLE', 'The reply is lost.')
      return reply
    },
  })
  const run = await runtime.ever.start(typing, undefined)
  const { screen, done } = follow(run)
  await runtime.runUntil(() => live !== undefined)
  live?.publish('old ')
  await runtime.runUntil(() => calls === 1)
  live?.publish('text')
  await runtime.runUntil(() => calls === 2)
  live?.restart()
  live?.publish('new ')
  await runtime.runUntil(() => calls === 3)
  live?.publish('words')
  await runtime.runUntil(() => screen.live.get('type')?.endsWith('words') === true)
  ended.resolve('done')
  await runtime.runUntil(done)
  expect(screen.before.get('type')).toBe('new words')
})

test.each(['slow', 'lost'] as const)(
  'a scope ends behind text of its steps that is on a %s way to the store',
  async (way) => {
    const [coming, going] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const done: string[] = []
    const memory = memoryStore(systemPorts)
    const store = wrapStore(memory, {
      publish: async (publication) => {
        coming.resolve()
        await going.promise
        done.push('sent')
        if (way === 'slow') return memory.publish(publication)
        throw new EverloopError('STORE_UNAVAILABLE', 'Not now.')
      },
      append: (append) => {
        done.push(...append.entries.map(({ kind }) => kind))
        return memory.append(append)
      },
    })
    const race = flow('race', async (run) => {
      await run.scope('race', (inner) =>
        Promise.race([
          innerStep('type', ({ publish }) => {
            publish('in vain')
            return new Promise(() => {})
          }),
          inner.signal('enough'),
        ]),
      )
      return run.ask('Next?')
    })
    await using ever = await open({ store, flows: [race], work: {}, onTrouble: () => {} })
    const run = await ever.start(race, undefined)
    await coming.promise
    await ever.signal(run.id, 'enough')
    await expect.poll(() => done).toContain('signal.received')
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    going.resolve()
    await run.settled()
    expect(done.slice(-3)).toEqual(['sent', 'scope.closed', 'question.asked'])
    expect(await store.chunks(run.id, 0, 9)).toEqual([])
  },
)

test('a cursor that is none is refused, and so is a run that is none', async () => {
  const quick = flow('quick', () => 1)
  await using runtime = await testRuntime({ flows: [quick] })
  const run = await runtime.start(quick, undefined)
  for (const from of ['', '1', '1.', 'x.y', '-1.0', '1.5.2']) {
    await expect(run.stream({ from }).next()).rejects.toMatchObject({ code: 'BAD_OPTION' })
  }
  const none = runtime.ever.stream('nobody')
  await expect(none.next()).rejects.toMatchObject({ code: 'UNKNOWN_RUN' })
})

test('another process is watched, killed and replaced, without gap or repeat', async () => {
  const folder = testFolder()
  const store = `sqlite:${join(folder, 'ledger.db')}`
  const child = fileURLToPath(new URL('streaming-child.ts', import.meta.url))
  const worker = (text: string) => {
    const spawned = spawn(process.execPath, [child, store, text], {
      stdio: ['pipe', 'inherit', 'inherit'],
    })
    onTestFinished(() => void spawned.kill('SIGKILL'))
    return { process: spawned, exit: new Promise((resolve) => spawned.once('exit', resolve)) }
  }
  const screen = new Screen()
  const first = 'a sentence whose end is never reached because '
  const hanging = worker(first)
  {
    await using ever = await open({ store })
    let run: RunReference | undefined
    while (!run) run = await ever.get('typing').catch(() => undefined)
    await follow(run, { screen, until: ({ live }) => live.get('type') === first }).done
  }
  hanging.process.kill('SIGKILL')
  await hanging.exit
  expect(screen.seqs).toEqual([1, 2])
  // The subscriber is another process from here on: all it has is the cursor.
  await using ever = await open({ store })
  const second = 'another sentence, to its end'
  const heir = worker(second)
  const run = await ever.get('typing')
  await follow(run, { screen, until: ({ live }) => live.get('type') === second }).done
  heir.process.stdin.write('\n')
  await follow(run, { screen }).done
  await heir.exit
  expect(screen.seqs).toEqual(upTo(screen.seqs.length))
  expect(screen.items.filter(({ type }) => type === 'restarted').length).toBe(1)
  expect(screen.before.get('type')).toBe(second)
  expect(screen.items.at(-1)).toMatchObject({ type: 'entry', event: { kind: 'run.completed' } })
}, 30_000)

test('a secret is not shown, however its text is cut', async () => {
  const secret = 'h0rse-Battery-staple'
  const writer = typewriter()
  const typing = flow('typing', () => innerStep('type', writer.body))
  await using ever = await open({
    store: 'memory:',
    flows: [typing],
    secrets: { PASSWORD: secret },
    work: {},
  })
  const run = await ever.start(typing, undefined)
  const { screen, done } = follow(run, {
    until: ({ live }) => live.get('type')?.endsWith('!') ?? false,
  })
  for await (const item of run.stream()) if (item.type === 'entry') break
  while (writer.starts() === 0) await new Promise((resolve) => setImmediate(resolve))
  for (const piece of ['It is ', ...secret.split(''), '!']) {
    writer.type(piece)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await done
  expect(screen.live.get('type')).toBe('It is [secret PASSWORD]!')
  writer.end('done')
  await run.result()
})
