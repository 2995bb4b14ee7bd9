/** The test runtime plays time, people and crashes on the real runtime. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as realTimer } from 'node:timers/promises'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { agent, EverloopError, flow, tool } from 'everloop'
import {
  crashAtEveryCommit,
  memoryStore,
  scriptedModel,
  scriptedServer,
  testRuntime,
  virtualTime,
} from 'everloop/testing'
import { z } from 'zod'

const approval = flow('approval', async (run, amount: number) => {
  const price = await run.step('price', () => amount * 2)
  const yes = await run.ask<boolean>('Pay?')
  await run.sleep('60d')
  return { price, yes }
})

test.each([
  ['workers', -1],
  ['workers', 1.5],
  ['concurrency', 0],
  ['start', '2026-05-05'],
  ['start', new Date('never')],
  ['seed', 'seven'],
  ['policy', 5],
  ['store', 'memory:'],
  ['onCall', 5],
  ['onBody', 5],
])('options with %s %s are refused', async (name, value) => {
  await expect(testRuntime({ [name]: value } as never)).rejects.toMatchObject({
    code: 'BAD_OPTION',
    message: expect.stringContaining(name),
  })
})

test('what is misspelt in its options is refused', async () => {
  const refused = (message: RegExp) => ({
    code: 'BAD_OPTION',
    message: expect.stringMatching(message),
  })
  await expect(testRuntime({ flws: [approval] } as never)).rejects.toMatchObject(
    refused(/testRuntime has no option "flws"\. Did you mean "flows"\?/),
  )
  await expect(crashAtEveryCommit(approval, 21, { drve: () => {} } as never)).rejects.toMatchObject(
    refused(/crashAtEveryCommit has no option "drve"\. Did you mean "drive"\?/),
  )
  expect(() => virtualTime({ sed: 1 } as never)).toThrow(/virtualTime has no option "sed"/)
  await using runtime = await testRuntime()
  const next = { flos: [approval] } as never
  const message = /has no option "flos"\. Did you mean "flows"\?/
  expect(() => runtime.addWorker(next)).toThrow(message)
  expect(() => runtime.crash(next)).toThrow(message)
  await expect(runtime.restart(next)).rejects.toThrow(message)
})

test('says which flow and version nobody serves', async () => {
  const second = flow({ name: 'approval', version: '2', run: () => 'dropped' })
  await using runtime = await testRuntime({ flows: [approval] })
  const run = await runtime.start(approval, 21, { id: 'a' })
  await runtime.restart({ flows: [second] })
  await runtime.answer('Pay?', true)
  const refused = {
    code: 'DEADLINE',
    message: expect.stringMatching(/"a".*"approval" in version "1".*approval 2/),
  }
  await expect(runtime.settled(run)).rejects.toMatchObject(refused)
  await expect(runtime.result(run)).rejects.toMatchObject(refused)
})

test('says what a run waits for whose result is asked for too early', async () => {
  await using runtime = await testRuntime({ flows: [approval] })
  const run = await runtime.start(approval, 21)
  const refused = (message: RegExp) => ({
    code: 'DEADLINE',
    message: expect.stringMatching(message),
  })
  await expect(runtime.result(run)).rejects.toMatchObject(refused(/waits for question "Pay\?"/))
  await runtime.answer('Pay?', true)
  await expect(runtime.result(run)).rejects.toMatchObject(refused(/waits for timer/))
  await runtime.ever.pause(run.id, 'a holiday')
  await expect(runtime.result(run)).rejects.toMatchObject(refused(/is paused \(PAUSED\)/))
})

describe('a test runtime', () => {
  test('takes a run through an answer and two months', async () => {
    await using runtime = await testRuntime({ flows: [approval] })
    const run = await runtime.start(approval, 21)
    expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
    await runtime.answer('Pay?', true)
    const before = runtime.time.clock.now()
    await runtime.advance('59d')
    expect((await run.status()).status).toBe('waiting')
    await runtime.advance('1d')
    expect(await runtime.result(run)).toEqual({ price: 42, yes: true })
    expect(runtime.time.clock.now() - before).toBeLessThan(60.1 * 86_400_000)
    await runtime.verify()
  })

  test('kills its worker without a word and lets another one take over', async () => {
    await using runtime = await testRuntime({ flows: [approval] })
    let bodies = 0
    const slow = flow('slow', async (run) => {
      await run.step('first', () => 1)
      return run.step('second', () => {
        bodies++
        return bodies === 1 ? new Promise<number>(() => {}) : bodies
      })
    })
    await runtime.restart({ flows: [slow] })
    const run = await runtime.ever.start(slow, undefined)
    await runtime.runUntil(() => bodies === 1)
    runtime.crash()
    expect(await runtime.result(run)).toBe(2)
    expect((await runtime.ledger(run)).map(({ kind }) => kind)).toEqual([
      'run.started',
      'step.completed',
      'run.overtaken',
      'step.completed',
      'run.completed',
    ])
    await runtime.verify()
  })

  test('leaps over months in which workers only poll, and over no timer of the test', async () => {
    await using runtime = await testRuntime({ flows: [approval], start: 0, workers: 3 })
    const run = await runtime.start(approval, 1)
    const seen: number[] = []
    const { at } = runtime.time.setTimer(86_400_000, () => seen.push(runtime.time.clock.now()))
    await runtime.answer('Pay?', true)
    await runtime.advance('365d')
    expect(await runtime.result(run)).toMatchObject({ yes: true })
    expect(seen).toEqual([at])
  })

  test('plays the same life from the same seed', async () => {
    const lives = [1, 1, 2].map(async (seed) => {
      await using runtime = await testRuntime({ flows: [approval], seed })
      const run = await runtime.start(approval, 21)
      await runtime.answer('Pay?', true)
      await runtime.advance('60d')
      const rows = await runtime.store.follow(0, 100)
      return [run.id, ...rows.map(({ hash }) => hash)]
    })
    const [one, same, other] = await Promise.all(lives)
    expect(one).toEqual(same)
    expect(one).not.toEqual(other)
  })

  test('says which runs do not come to rest, and which questions are open', async () => {
    const stuck = flow('stuck', async (run) => run.step('s', () => new Promise(() => {})))
    await using runtime = await testRuntime({ flows: [stuck, approval] })
    await runtime.start(approval, 1, { id: 'asking' })
    await expect(runtime.answer('Buy?', true)).rejects.toMatchObject({
      code: 'UNKNOWN_QUESTION',
      message: expect.stringContaining('"Pay?" (asking/3)'),
    })
    await runtime.ever.start(stuck, undefined, { id: 'stuck-1' })
    await expect(runtime.settle()).rejects.toThrow(/"stuck-1" \(stuck\)/)
  })

  test('lets a test lose the reply of a commit', async () => {
    let lost = 0
    await using runtime = await testRuntime({
      flows: [approval],
      onCall: async ({ method }, proceed) => {
        const reply = await proceed()
        if (method !== 'append' || lost > 0) return reply
        lost++
        throw new EverloopError('STORE_UNAVAILABLE', 'The reply was lost.')
      },
    })
    const run = await runtime.start(approval, 21)
    expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
    expect(lost).toBe(1)
    expect(runtime.troubles.map(({ error }) => (error as Error).message)).toEqual([
      'The reply was lost.',
    ])
    await runtime.verify()
  })

  test('lets nothing of a killed worker through, whatever it still has in its hands', async () => {
    let release: (value: number) => void = () => {}
    const slow = flow('slow', async (run) => {
      const value = await run.step('s', () => new Promise<number>((resolve) => (release = resolve)))
      await run.note('went on', value)
    })
    await using runtime = await testRuntime({ flows: [slow] })
    const run = await runtime.ever.start(slow, undefined)
    await runtime.runUntil(async () => (await run.status()).status === 'running')
    await runtime.time.settle()
    for (const worker of runtime.workers) worker.crash()
    release(1)
    await runtime.time.advance('1h')
    expect(await runtime.ledger(run)).toHaveLength(1)
  })

  test('notices a ledger that breaks a rule', async () => {
    await using runtime = await testRuntime({
      flows: [approval],
      store: ({ clock }) => {
        const store = memoryStore({ clock })
        return new Proxy(store, {
          get: (target, name) => {
            const value: unknown = Reflect.get(target, name)
            if (name !== 'entries') return typeof value === 'function' ? value.bind(target) : value
            return async (run: string) => {
              const entries = await target.entries(run)
              return entries.map((entry) => ({ ...entry, time: entry.time - entry.seq }))
            }
          },
        })
      },
    })
    await runtime.start(approval, 1)
    await expect(runtime.verify()).rejects.toMatchObject({ code: 'CONFORMANCE' })
  })
})

describe('real work of bodies', () => {
  test('a tool that writes to a file is not in doubt', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'everloop-kit-'))
    const file = join(folder, 'refunds.log')
    const refund = tool({
      name: 'refund',
      description: 'Refunds.',
      input: z.object({}),
      effect: 'once',
      timeout: '1m',
      run: async () => {
        for (let line = 1; line <= 20; line++) await appendFile(file, `${line}\n`)
      },
    })
    const model = scriptedModel([{ toolCalls: [{ name: 'refund' }] }, { text: 'ok' }])
    const refunder = agent({ name: 'refunder', model, tools: [refund] })
    await using runtime = await testRuntime({ flows: [refunder] })
    const before = runtime.time.clock.now()
    const run = await runtime.start(refunder, { prompt: 'Refund.' })
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'ok' })
    expect(runtime.time.clock.now() - before).toBeLessThan(60_000)
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(21)
    rmSync(folder, { recursive: true, force: true })
  })

  test('a process and a real timer take no virtual time', async () => {
    const working = flow('working', async (run) => {
      const printed = await run.step('process', { timeout: '30s' }, async () => {
        const script = "setTimeout(() => console.log('printed'), 300)"
        return (await promisify(execFile)(process.execPath, ['-e', script])).stdout.trim()
      })
      return [printed, await run.step('timer', { timeout: '30s' }, () => realTimer(50, 'fired'))]
    })
    await using runtime = await testRuntime({ flows: [working] })
    const run = await runtime.start(working, undefined)
    expect(await runtime.settled(run)).toEqual({
      status: 'completed',
      output: ['printed', 'fired'],
    })
  })

  test('a model that streams in real time, and one over the wire, are waited for', async () => {
    await using server = await scriptedServer({
      script: [{ toolCalls: [{ name: 'look' }] }, { text: 'Over the wire.' }],
      by: 'turn',
    })
    const slow = scriptedModel(async () => {
      await realTimer(50)
      return { text: 'In real time.' }
    })
    const look = tool({
      name: 'look',
      description: 'Looks.',
      input: z.object({}),
      effect: 'read',
      run: () => 'seen',
    })
    for (const [model, output] of [
      [slow, 'In real time.'],
      [`${server.url}#any`, 'Over the wire.'],
    ] as const) {
      const speaker = agent({ name: 'speaker', model, tools: [look], silence: '2m' })
      await using runtime = await testRuntime({ flows: [speaker] })
      const run = await runtime.start(speaker, { prompt: 'Speak.' })
      expect(await runtime.settled(run)).toEqual({ status: 'completed', output })
    }
  })

  test('what never ends does not hold time for ever', async () => {
    const waiting = flow('waiting', async (run) => {
      const timed = { timeout: '1m', retry: { attempts: 1 } } as const
      return run.step('hour', timed, async ({ signal }) => {
        const ticking = setInterval(() => {}, 100)
        signal.addEventListener('abort', () => clearInterval(ticking))
        return realTimer(3_600_000, 'late', { signal })
      })
    })
    await using runtime = await testRuntime({ flows: [waiting] })
    const run = await runtime.start(waiting, undefined)
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('took longer than its timeout of 60000 ms') },
    })
  })
})

test('a body that polls in real time holds time for a while, not for ever', async () => {
  const polling = flow('polling', async (run) => {
    const over = new AbortController()
    const polled = run.step('poll', async () => {
      while (!over.signal.aborted) await realTimer(20)
      return 'polled'
    })
    await run.sleep('1h')
    over.abort()
    return polled
  })
  await using runtime = await testRuntime({ flows: [polling] })
  const run = await runtime.start(polling, undefined)
  await runtime.advance('2h')
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed', output: 'polled' })
}, 30_000)
