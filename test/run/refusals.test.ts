/** Operations that are refused when they are asked for: replays are told the same. */
import { expect, test } from 'vitest'
import { action, type Flow, flow, type Run } from 'everloop'
import { testRuntime } from 'everloop/testing'

const child = flow('child', async () => 'done')

const refused: Readonly<Record<string, readonly [(run: Run) => Promise<unknown>, string]>> = {
  'a transaction where the store holds no tables': [
    (run) => run.transact('t', () => 1),
    'NO_TRANSACTIONS',
  ],
  '`otherwise` without a timeout': [(run) => run.signal('s', { otherwise: 1 }), 'BAD_OPTION'],
  'a timeout that cannot be read': [
    (run) => run.ask('q', { timeout: 'soon' as never }),
    'BAD_DURATION',
  ],
  'a date in words, which JavaScript takes for a day in 2001': [
    (run) => run.until('tomorrow 5'),
    'BAD_DURATION',
  ],
  'a day that no month has': [(run) => run.until('2026-02-31'), 'BAD_DURATION'],
  'a date that is missing': [(run) => run.until(null as never), 'BAD_DURATION'],
  '`otherwise` that is no data': [
    (run) => run.signal('s', { timeout: '1h', otherwise: () => 1 }),
    'NOT_SERIALISABLE',
  ],
  'labels that no run can have': [(run) => run.child(child, 1, { labels: { a: '' } }), 'BAD_NAME'],
  'a queue that no run can have': [(run) => run.child(child, 1, { queue: '' }), 'BAD_NAME'],
  'a step whose options are none': [
    (run) => run.step('s', undefined as never, () => 1),
    'BAD_OPTION',
  ],
  'a transaction whose options are none': [
    (run) => run.transact('t', null as never, () => 1),
    'BAD_OPTION',
  ],
  'an artifact that is neither text nor bytes': [
    (run) => run.artifacts.put('a', 5 as never),
    'BAD_OPTION',
  ],
  'an artifact that is a list of numbers': [
    (run) => run.artifacts.put('a', [1, 2, 300] as never),
    'BAD_OPTION',
  ],
  'an artifact without a name': [
    (run) => run.artifacts.put(undefined as never, 'text'),
    'BAD_OPTION',
  ],
  'a policy of retries that asks what is no function': [
    (run) => run.step('s', { retry: { attempts: 2, when: 5 as never } }, () => 1),
    'BAD_OPTION',
  ],
  'what undoes a step, with a misspelt option': [
    (run) => run.step('s', { effect: 'once', undo: { action: 'a', inptu: 1 } as never }, () => 1),
    'BAD_OPTION',
  ],
  'nothing as what undoes a step': [
    (run) => run.step('s', { effect: 'idempotent', undo: null as never }, () => 1),
    'BAD_OPTION',
  ],
  'what undoes a step, with what is no data': [
    (run) => run.step('s', { effect: 'once', undo: { action: 'a', input: () => 1 } }, () => 1),
    'NOT_SERIALISABLE',
  ],
  'an artifact that is none': [(run) => run.artifacts.get(undefined as never), 'BAD_OPTION'],
  'a note with what is no data': [(run) => run.note('n', () => 1), 'NOT_SERIALISABLE'],
}

/** What the code is told, at a place where it can go on. */
const toldBy = async (run: Run, ask: (run: Run) => Promise<unknown>): Promise<unknown> => {
  try {
    return await ask(run)
  } catch (error) {
    return (error as { code: string }).code
  }
}

test.each(Object.entries(refused))('%s is refused on every replay', async (_, [ask, code]) => {
  const resumed = flow('resumed', async (run) => {
    const told = [await toldBy(run, ask)]
    await run.step('a', () => 1)
    await run.sleep('1h')
    told.push(await toldBy(run, ask))
    await run.step('b', () => 1)
    await run.sleep('1h')
    return told
  })
  await using runtime = await testRuntime({ flows: [resumed, child] })
  const run = await runtime.start(resumed, undefined)
  await runtime.advance('2h')
  expect(await runtime.result(run)).toEqual([code, code])
  await runtime.verify()
})

test('a loop whose turns are refused something keeps no state outside of its state', async () => {
  const looping = flow('looping', (run) =>
    run.loop('l', { state: 0 }, async (turn, n: number) => {
      const told = await toldBy(turn, (inner) => inner.transact('t', () => 1))
      await turn.step(`without ${String(told)}`, () => 1)
      return n < 5 ? turn.next(n + 1) : turn.done(n)
    }),
  )
  await using runtime = await testRuntime({ flows: [looping] })
  expect(await runtime.result(await runtime.start(looping, undefined))).toBe(5)
})

test('what is refused has used its key up: ledgers in which it has go on', async () => {
  const waiting = flow('waiting', async (run) => {
    const told = await toldBy(run, () => run.signal('s', { otherwise: 1 }))
    return [told, await run.signal('s', { timeout: '1h', otherwise: 2 })]
  })
  await using runtime = await testRuntime({ flows: [waiting] })
  const run = await runtime.start(waiting, undefined)
  expect((await runtime.ledger(run)).map(({ path }) => path)).toContain('s~2')
  await runtime.advance('1h')
  expect(await runtime.result(run)).toEqual(['BAD_OPTION', 2])
})

test('a date in words that an older build has recorded is waited for; a new one is refused', async () => {
  /** With a Date it writes what older builds wrote for the text. */
  const asking = (as: (text: string) => Date | string): Flow<undefined, unknown> =>
    flow('asking', async (run) => {
      await run.until(as('tomorrow 5')) // for JavaScript a day in 2001
      await run.until(as('1 June 2030'))
      return toldBy(run, () => run.until('1 June 2031'))
    })
  await using runtime = await testRuntime({ flows: [asking((text) => new Date(text))] })
  const run = await runtime.start(asking(String), undefined)
  expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
  await runtime.restart({ flows: [asking(String)] })
  await runtime.advance(Date.parse('31 May 2030') - runtime.time.clock.now())
  expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
  await runtime.advance(Date.parse('2 June 2030') - runtime.time.clock.now())
  expect(await runtime.result(run)).toBe('BAD_DURATION')
  await runtime.verify()
})

test('an action that a worker lacks is waited for, and the code goes on as if it had been there', async () => {
  const undone = action('undone', () => {})
  const asking = flow('asking', async (run) => {
    const beside = run.step('beside', () => 'beside')
    const told = await toldBy(run, () => run.undo('undone', 1))
    const effect = { effect: 'idempotent', undo: { action: 'undone' } } as const
    return [await beside, told, await run.step('s', effect, () => 'did it')]
  })
  await using runtime = await testRuntime({ flows: [asking] })
  const run = await runtime.start(asking, undefined)
  for (let i = 0; i < 2; i++) {
    expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'UNKNOWN_ACTION' })
    await runtime.ever.resume(run.id)
    await runtime.settle()
  }
  await runtime.restart({ flows: [asking], actions: [undone] })
  await runtime.ever.resume(run.id)
  expect(await runtime.result(run)).toEqual(['beside', undefined, 'did it'])
  await runtime.verify()
})
