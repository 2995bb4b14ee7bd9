/** The same behaviour on real SQLite files: a representative part of it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { StepError } from 'everloop'
import { flow } from 'everloop'
import { crashAtEveryCommit, testRuntime, type TestRuntimeOptions } from 'everloop/testing'
import { sqliteStore } from '../../src/store/sqlite/store.ts'

const folder = mkdtempSync(join(tmpdir(), 'everloop-run-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const store: TestRuntimeOptions['store'] = (ports) =>
  sqliteStore({ location: join(folder, `${++files}.db`), ports, durability: 'process' })

const everything = flow('everything', async (run, input: { readonly items: readonly number[] }) => {
  const doubled = await run.map('double', input.items, { concurrency: 2 }, (branch, n) =>
    branch.step('one', () => n * 2),
  )
  const failed = await run
    .step('fails', () => {
      throw Object.assign(new RangeError('no'), { limit: 2n })
    })
    .catch((error: unknown) => (error as StepError).cause)
  const loop = await run.loop(
    'sum',
    { state: { i: 0, sum: 0, at: new Date(0) } },
    async (turn, s) => {
      const add = await turn.step('add', () => doubled[s.i] ?? 0)
      const next = { i: s.i + 1, sum: s.sum + add, at: new Date(s.i) }
      return next.i === doubled.length ? turn.done(next) : turn.next(next)
    },
  )
  const child = await run.child(square, loop.sum)
  const answer = await run.ask<string>('Sure?')
  await run.sleep('60d')
  const kept = await run.artifacts.put('odd', 'nul \u0000 lone \ud800')
  return { doubled, failed, loop, child, answer, bytes: kept.bytes, odd: 'nul \u0000 lone \ud800' }
})

const square = flow('square', async (run, n: number) => run.step('square', () => n * n))

describe('on SQLite', () => {
  test('a flow with everything in it has one outcome although the worker dies', async () => {
    const report = await crashAtEveryCommit(
      everything,
      { items: [1, 2] },
      {
        store,
        every: 6,
        flows: [square],
        drive: async (runtime) => {
          await runtime.answer('Sure?', 'yes')
          await runtime.advance('61d')
        },
      },
    )
    expect(report.flaws).toEqual([])
    expect(report.strays).toEqual([])
    expect(report.live).toEqual({
      status: 'completed',
      output: {
        doubled: [2, 4],
        failed: { name: 'RangeError', message: 'no', data: { limit: 2n } },
        loop: { i: 2, sum: 6, at: new Date(1) },
        child: 36,
        answer: 'yes',
        bytes: 14,
        odd: 'nul \u0000 lone \ud800',
      },
    })
  })

  test('cancel, cleanup and retry work as they do in memory', async () => {
    let broken = true
    const fragile = flow('fragile', async (run) => {
      try {
        return await run.map('m', [1, 2], (branch, n) =>
          branch.step('s', () => {
            if (broken && n === 2) throw new Error('broken')
            return n
          }),
        )
      } finally {
        await run.cleanup('tidy', (inner) => inner.step('tidy', () => 'tidy'))
      }
    })
    const waiting = flow('waiting', async (run) => run.signal('go'))
    await using runtime = await testRuntime({ store, flows: [fragile, waiting] })
    const run = await runtime.start(fragile, undefined)
    expect((await runtime.settled(run)).status).toBe('failed')
    broken = false
    await runtime.ever.retry(run.id)
    expect(await runtime.result(run)).toEqual([1, 2])
    const other = await runtime.start(waiting, undefined)
    await runtime.ever.cancel(other.id, 'stop')
    expect(await runtime.settled(other)).toEqual({ status: 'cancelled', reason: 'stop' })
    await runtime.verify()
  })

  test('two workers take over from each other, and a frozen one is fenced', async () => {
    let calls = 0
    const releases: (() => void)[] = []
    const slow = flow('slow', async (run) =>
      run.step('slow', () => {
        const call = ++calls
        return new Promise<number>((resolve) => releases.push(() => resolve(call)))
      }),
    )
    await using runtime = await testRuntime({ store, flows: [slow], workers: 1 })
    const run = await runtime.ever.start(slow, undefined)
    await runtime.runUntil(() => calls === 1)
    const [frozen] = runtime.workers
    frozen?.freeze()
    runtime.addWorker()
    await runtime.runUntil(() => calls === 2)
    for (const release of releases) release()
    frozen?.thaw()
    expect(await runtime.result(run)).toBe(2)
    expect(await run.status()).toMatchObject({ overtakes: 1 })
    await runtime.verify()
  })

  test('a run outlives the runtime: another one opens the file and goes on', async () => {
    const file = join(folder, 'outlives.db')
    const open: TestRuntimeOptions['store'] = (ports) => sqliteStore({ location: file, ports })
    const waiting = flow('waiting', async (run) => [
      await run.step('s', () => 1),
      await run.signal('go'),
    ])
    {
      await using runtime = await testRuntime({ store: open, flows: [waiting] })
      await runtime.start(waiting, undefined, { id: 'r' })
      await runtime.stop()
    }
    await using runtime = await testRuntime({
      store: open,
      flows: [waiting],
      start: Date.UTC(2027, 0),
    })
    await runtime.signal('r', 'go', 2)
    expect(await runtime.result(await runtime.ever.get('r'))).toEqual([1, 2])
    await runtime.verify()
  })
})
