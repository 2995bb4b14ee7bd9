/** Imports that are cut short, that come at the same time, that are large, and what goes on after one. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { agent, type Ever, flow, NotDone } from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'
import { runDrafts, step, turn } from '../../src/testing/chain-builder.ts'
import { linesOf, says, sealed, textOf } from './documents.ts'
import { exported, onFile, strays } from './places.ts'
import { testFolder } from '../test-folder.ts'

const node = (script: string, args: readonly string[], flags: readonly string[] = []) =>
  spawnSync(process.execPath, [...flags, join(import.meta.dirname, script), ...args], {
    encoding: 'utf8',
  })

describe('a process that is killed', () => {
  /** Some megabytes in 3000 entries, and an artifact. */
  function large(): string {
    const turns = Array.from({ length: 1500 }, (_, i) => [
      step('s', 'x'.repeat(2000), `loop/${i + 1}`),
      turn('loop', i + 1, i === 0),
    ])
    return textOf(linesOf(sealed('large', [...turns.flat(), runDrafts.completed])))
  }

  test.each([
    ['reading', 0],
    ['writing', 0],
    ['done', 1],
  ])('while it is %s leaves nothing, or all', async (moment, count) => {
    const folder = testFolder()
    const [ledger, file] = [join(folder, 'ledger.db'), join(testFolder(), 'large.jsonl')]
    const text = large()
    writeFileSync(file, text)
    const { signal, stdout, stderr } = node('import-child.ts', [ledger, file, moment])
    expect({ signal, stderr }).toMatchObject({ signal: 'SIGKILL' })
    expect(stdout === '').toBe(count === 0)
    expect(strays(folder)).toEqual([])
    const ever = await onFile({}, ledger)
    expect(await ever.list()).toHaveLength(count)
    expect(await ever.store.follow(0, 10)).toHaveLength(count * 10)
    const again = [{ run: 'large', created: count === 0 }]
    expect(await ever.import(text)).toEqual(again)
    expect(await ever.verify('large')).toMatchObject({ ok: true, entries: 3002 })
    expect(await exported(ever, 'large')).toBe(text)
  })
})

test('of imports at the same time, through several runtimes, one creates the run', async () => {
  const file = join(testFolder(), 'ledger.db')
  const evers = await Promise.all([onFile({}, file), onFile({}, file), onFile({}, file)])
  const text = textOf(linesOf(sealed('one', [step('s'), runDrafts.completed])))
  const results = await Promise.all([...evers, ...evers].map((ever) => ever.import(text)))
  expect(results.flat().filter(({ created }) => created)).toHaveLength(1)
  expect(await evers[0].store.follow(0, 10)).toHaveLength(3)
  expect(await evers[1].verify('one')).toMatchObject({ ok: true, entries: 3 })
})

test('a large run takes no more memory than a small one', () => {
  const folder = testFolder()
  const flags = ['--max-old-space-size=96', '--expose-gc'] // of each thread
  const { status, stdout, stderr } = node('large-child.ts', [folder], flags)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const { grown, ...told } = JSON.parse(stdout) as { readonly grown: number }
  expect(told).toEqual({ megabytes: 101, created: true, same: true })
  expect(grown).toBeLessThan(20)
}, 120_000)

describe('a run of the same id', () => {
  const other = sealed('one', [step('s', 2), runDrafts.completed])
  const entries = sealed('one', [step('s', 1), runDrafts.failed()])
  const text = textOf(linesOf(entries))

  test('is left as it is where it is the same run, also when it has gone on', async () => {
    const one = flow({ name: 'flow', version: '1', run: (run) => run.step('t', () => 'done') })
    const ever = await onFile({ flows: [one], onTrouble: () => undefined })
    await ever.import(text)
    await ever.retry('one')
    await ever.work({ until: 'idle' })
    const now = await ever.store.run('one')
    expect(now).toMatchObject({ status: 'paused', code: 'DIVERGED' }) // it does not ask for "s"
    expect(await ever.import(text)).toEqual([{ run: 'one', created: false }])
    expect(await ever.store.run('one')).toEqual(now)
  })

  test.each([
    ['is another one', other],
    [
      'is the same one, further on than here',
      sealed('one', [step('s', 1), runDrafts.failed(), runDrafts.retried([]), runDrafts.completed]),
    ],
  ])('that %s keeps all of the export out', async (_, wanted) => {
    const ever = await onFile()
    await ever.import(text)
    const before = await ever.store.follow(0, 100)
    const message = expect.stringMatching(/Import the export into another store/)
    const refused = { code: 'RUN_EXISTS', run: 'one', message }
    await expect(ever.import(textOf(linesOf(wanted)))).rejects.toMatchObject(refused)
    expect(await ever.store.follow(0, 100)).toEqual(before)
  })
})

describe('what an imported run has cost', () => {
  const charge = { to: ['one', 'budget'], amounts: { tokens: 900 } }
  const parent = { run: 'budget', scope: '', key: 'child' }
  const spends = sealed(
    'one',
    [says('step.completed', { charge, value: 1 }, 's'), runDrafts.completed],
    { parent },
  )
  const text = textOf(linesOf(spends, { parent: 'budget' }))

  const waits = agent({
    name: 'waits',
    model: scriptedModel([{ text: 'What else?' }]),
    conversation: true,
    budget: { tokens: 1000 },
  })

  async function goingOn(): Promise<Ever> {
    const ever = await onFile({ flows: [waits], work: {} })
    const run = await ever.start(waits, { prompt: 'Hello.' }, { id: 'budget' })
    await run.settled()
    return ever
  }

  test('is taken from no run that goes on here', async () => {
    const ever = await goingOn()
    const before = await ever.account('budget')
    const message = expect.stringMatching(/Import it when run "budget" has ended/)
    const refused = { code: 'RUN_EXISTS', run: 'one', message }
    await expect(ever.import(text)).rejects.toMatchObject(refused)
    expect(await ever.account('budget')).toEqual(before)
    expect(await ever.list({ id: 'one' })).toEqual([])
  })

  test('stands on the account of a run that is not here, or has ended', async () => {
    const ever = await onFile()
    await ever.import(text)
    await ever.import(text)
    expect(await ever.store.account('budget')).toEqual({ tokens: 900 })
    expect((await ever.account('one')).amounts).toEqual({ tokens: 900 })
  })
})

describe('a retry of an imported run', () => {
  const calls: string[] = []
  let isDown = true
  const pays = flow('pays', async (run) => {
    const paid = await run.step(
      'pay',
      { effect: 'once', input: { cents: 900 } },
      (_, { idempotencyKey }) => {
        calls.push(idempotencyKey)
        return 'paid'
      },
    )
    await run.step('tell', { effect: 'once', input: 1 }, (_, { idempotencyKey }) => {
      if (isDown) throw new NotDone('The mail is down.')
      calls.push(idempotencyKey)
      return 'told'
    })
    return paid
  })

  test('does not do again what is recorded, and has the same idempotency keys', async () => {
    calls.length = 0
    isDown = true
    const source = await onFile({ flows: [pays], work: {} })
    const run = await source.start(pays, undefined, { id: 'pays' })
    expect(await run.settled()).toMatchObject({ status: 'failed' })
    const target = await onFile({ flows: [pays], work: {} })
    await target.import(source.export('pays'))
    isDown = false
    expect(await (await target.get('pays')).settled()).toMatchObject({ status: 'failed' })
    await target.retry('pays', { by: 'Ann' })
    expect(await (await target.get('pays')).result()).toBe('paid')
    expect(calls).toHaveLength(2)
    expect(await target.verify('pays')).toMatchObject({ ok: true })
    // Nobody tells the one store of the other: retried there, too, it does there what is not recorded there.
    await source.retry('pays')
    expect(await run.result()).toBe('paid')
    expect(calls).toEqual([calls[0], calls[1], calls[1]])
    const text = await exported(source, 'pays')
    await expect(target.import(text)).rejects.toMatchObject({ code: 'RUN_EXISTS' })
  })

  test('asks again about a call of which a person has said that nobody knows', async () => {
    const doubts = flow('doubts', (run) =>
      run.step('pay', { effect: 'once', input: 1 }, () => {
        throw new Error('The line is dead.')
      }),
    )
    await using source = await testRuntime({ flows: [doubts] })
    const run = await source.start(doubts, undefined, { id: 'doubts' })
    await source.advance('5m')
    const [question] = await source.ever.questions()
    await source.ever.answer(question?.id ?? '', { verdict: 'fail', reason: 'Nobody knows.' })
    expect(await source.settled(run)).toMatchObject({ status: 'failed' })
    await using target = await testRuntime({ flows: [doubts], start: source.time.clock.now() })
    await target.ever.import(source.ever.export('doubts'))
    await target.ever.retry('doubts')
    await target.advance('5m')
    const settled = await target.settled(await target.ever.get('doubts'))
    expect(settled).toMatchObject({ status: 'waiting', on: [{ kind: 'effect' }] })
  })
})
