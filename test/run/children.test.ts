/** Child runs: their ends reach the parent once, and the parent's end reaches them. */
import { describe, expect, test } from 'vitest'
import type { EverloopError } from 'everloop'
import { flow } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'

const square = flow('square', async (run, n: number) => run.step('square', () => n * n))
const patient = flow('patient', async (run) => run.signal<string>('go'))
const failing = flow('failing', async (run) => {
  await run.step('bad', () => {
    throw Object.assign(new RangeError('too much'), { limit: 3 })
  })
})

describe('a child', () => {
  test('hands its output to the parent, whenever a worker dies', async () => {
    const parent = flow('parent', async (run) => {
      const [a, b] = await Promise.all([run.child(square, 3), run.child(square, 4)])
      return a + b
    })
    const report = await crashAtEveryCommit(parent, undefined, { flows: [square] })
    expect(report.outcomes).toEqual([{ status: 'completed', output: 25 }])
    expect(report.flaws).toEqual([])
    expect(report.executions).toEqual({ 'square > square': 1, 'square~2 > square': 1 })
  })

  test('is a run of its own, with its parent, labels and queue', async () => {
    const parent = flow('parent', async (run) =>
      run.child(patient, undefined, { labels: { kind: 'sub' }, queue: 'children', key: 'only' }),
    )
    await using runtime = await testRuntime({ flows: [parent, patient] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    const [child] = await runtime.ever.list({ parent: 'p' })
    expect(child).toMatchObject({ parent: 'p', labels: { kind: 'sub' }, queue: 'children' })
    await runtime.signal(child?.id ?? '', 'go', 'went')
    expect(await runtime.result(run)).toBe('went')
    const events = await runtime.ledger(run)
    expect(events.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      'run.started ',
      'child.started =only',
      'child.completed =only',
      'run.completed ',
    ])
  })

  test('that fails throws CHILD_FAILED with its error, live and from the record', async () => {
    const seen: unknown[] = []
    const parent = flow('parent', async (run) => {
      const error = await run.child(failing, undefined).catch((thrown: unknown) => thrown)
      const { name, code, message, cause } = error as EverloopError
      seen.push({ name, code, message, cause })
      await run.signal('go')
    })
    await using runtime = await testRuntime({ flows: [parent, failing] })
    const run = await runtime.start(parent, undefined)
    await runtime.signal(run, 'go')
    await runtime.result(run)
    expect(seen).toHaveLength(2)
    expect(seen[1]).toEqual(seen[0])
    expect(seen[0]).toMatchObject({
      code: 'CHILD_FAILED',
      cause: { name: 'StepError', data: { cause: { name: 'RangeError', data: { limit: 3 } } } },
    })
  })

  test('that is cancelled throws CHILD_FAILED to its parent', async () => {
    const parent = flow('parent', async (run) =>
      run.child(patient, undefined).catch((error: EverloopError) => [error.code, error.message]),
    )
    await using runtime = await testRuntime({ flows: [parent, patient] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    const [child] = await runtime.ever.list({ parent: 'p' })
    await runtime.ever.cancel(child?.id ?? '', 'not wanted')
    expect(await runtime.result(run)).toEqual([
      'CHILD_FAILED',
      expect.stringMatching(/was cancelled.*not wanted/),
    ])
  })

  test('is cancelled with its parent, to every depth', async () => {
    const middle = flow('middle', async (run) => run.child(patient, undefined))
    const top = flow('top', async (run) => run.child(middle, undefined))
    await using runtime = await testRuntime({ flows: [top, middle, patient] })
    const run = await runtime.start(top, undefined)
    await runtime.ever.cancel(run.id, 'all of it')
    await runtime.settle()
    const ends = (await runtime.ever.list()).map(({ flow: name, status }) => [name, status])
    expect(ends).toEqual([
      ['patient', 'cancelled'],
      ['middle', 'cancelled'],
      ['top', 'cancelled'],
    ])
    await runtime.verify()
  })

  test('that nobody waits for any more is cancelled when its scope closes', async () => {
    const parent = flow('parent', async (run) => {
      const first = await run.scope('race', (inner) =>
        Promise.race([inner.child(patient, undefined), inner.step('quick', () => 'quick')]),
      )
      await run.signal('go')
      return first
    })
    const report = await crashAtEveryCommit(parent, undefined, {
      flows: [patient],
      drive: async (runtime, run) => {
        await runtime.settle()
        const [child] = await runtime.ever.list({ flow: 'patient' })
        expect(child?.status ?? 'cancelled').toBe('cancelled')
        await runtime.signal(run, 'go')
      },
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: 'quick' }])
    expect(report.flaws).toEqual([])
  })

  test('that ended while its parent was paused is found at the resume', async () => {
    const parent = flow('parent', async (run) => run.child(patient, undefined))
    await using runtime = await testRuntime({ flows: [parent, patient] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    await runtime.ever.pause('p')
    await runtime.settle()
    const [child] = await runtime.ever.list({ parent: 'p' })
    await runtime.signal(child?.id ?? '', 'go', 'went')
    expect((await run.status()).status).toBe('paused')
    await runtime.ever.resume('p')
    expect(await runtime.result(run)).toBe('went')
  })

  test('that fails, is retried and then completes: the parent has heard of the failure only', async () => {
    let bad = true
    const unlucky = flow('unlucky', async (run) =>
      run.step('s', () => {
        if (bad) throw new Error('bad')
        return 'good'
      }),
    )
    const parent = flow('parent', async (run) => {
      const first = await run.child(unlucky, undefined).catch(() => 'failed')
      await run.signal('go')
      return first
    })
    await using runtime = await testRuntime({ flows: [parent, unlucky] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    bad = false
    const [child] = await runtime.ever.list({ parent: 'p' })
    await runtime.ever.retry(child?.id ?? '')
    await runtime.settle()
    expect((await runtime.ever.list({ parent: 'p' }))[0]?.status).toBe('completed')
    await runtime.signal(run, 'go')
    expect(await runtime.result(run)).toBe('failed')
    await runtime.verify()
  })

  test('with an input that does not fit its schema, or cannot be kept, fails the parent', async () => {
    const parent = flow('parent', async (run) => run.child(square, (() => 1) as never))
    await using runtime = await testRuntime({ flows: [parent, square] })
    const run = await runtime.start(parent, undefined)
    expect(await runtime.settled(run)).toMatchObject({ error: { code: 'NOT_SERIALISABLE' } })
  })
})

test('a child that is no flow is refused by name', async () => {
  const wrong = flow('wrong', async (run) => run.child({ name: 'kid' } as never, 1))
  await using runtime = await testRuntime({ flows: [wrong] })
  const run = await runtime.start(wrong, undefined)
  expect(await runtime.settled(run)).toMatchObject({
    status: 'failed',
    error: { code: 'BAD_OPTION', message: expect.stringContaining('run.child takes a flow') },
  })
})
