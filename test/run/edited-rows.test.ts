/** Rows that were edited outside of everloop: `verify` finds them, and no worker believes them. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Ever, flow, open } from 'everloop'
import { testFolder } from '../test-folder.ts'

const asks = flow('asks', async (run) => {
  await run.step('a', () => 1)
  return run.ask('Sure?')
})
let isEvil = 0
const evil = flow('evil', async (run) => {
  isEvil++
  return run.ask('Sure?')
})
const parent = flow('parent', (run) => run.child(asks, undefined))

async function opened(): Promise<{ readonly ever: Ever; readonly edit: (sql: string) => void }> {
  const folder = testFolder()
  const location = join(folder, 'ledger.db')
  const ever = await open({ store: `sqlite:${location}`, flows: [asks, evil, parent] })
  onTestFinished(() => ever.close())
  return {
    ever,
    edit(sql) {
      const database = new DatabaseSync(location)
      database.exec(sql)
      database.close()
    },
  }
}

describe('verify', () => {
  test.each([
    ['flow', "UPDATE runs SET flow = 'evil'"],
    ['version', "UPDATE runs SET version = '9'"],
    ['queue', "UPDATE runs SET queue = 'fast'"],
    ['labels', `UPDATE runs SET labels = '{"team":"theirs"}'`],
    ['parent', "UPDATE runs SET parent = 'somebody'"],
    ['created', 'UPDATE runs SET created = created + 1'],
    ['epoch', 'UPDATE runs SET epoch = 0'],
    ['holder', "UPDATE runs SET session = 'nobody'"],
    ['status', "UPDATE runs SET status = 'completed'"],
    ['open questions', 'DELETE FROM questions'],
  ])('finds an edited row: %s', async (what, sql) => {
    const { ever, edit } = await opened()
    const run = await ever.start(asks, undefined, { labels: { team: 'ours', b: 'c' } })
    await ever.work({ until: 'idle' })
    expect(await ever.verify(run.id)).toMatchObject({ ok: true })
    edit(sql)
    expect(await ever.verify(run.id)).toMatchObject({
      ok: false,
      violations: [{ id: 'L12', what: expect.stringMatching(new RegExp(`^${what}: `)) }],
    })
  })

  test('finds a stretch of a scope that a resume would leave out', async () => {
    const { ever, edit } = await opened()
    const long = flow('long', async (run) => {
      await run.step('before', () => 1)
      for (const name of ['one', 'two']) {
        await run.scope(name, async (inner) => {
          for (let i = 0; i < 200; i++) await inner.step('s', () => i)
        })
        await run.step('between', () => name)
      }
      return run.ask('Sure?')
    })
    await using other = await open({ store: ever.store, flows: [long] })
    const run = await other.start(long, undefined)
    await other.work({ until: 'idle' })
    expect(await ever.verify(run.id)).toMatchObject({ ok: true })
    // What follows the first scope: its end, and the step behind it.
    edit('DELETE FROM everloop_stretches WHERE seq = 203')
    expect(await ever.verify(run.id)).toMatchObject({
      ok: false,
      violations: [
        { id: 'L12', seq: 203, what: 'is not read by a resume' },
        { id: 'L12', seq: 204, what: 'is not read by a resume' },
      ],
    })
  })

  test('finds nothing in a child, whose row names its parent', async () => {
    const { ever } = await opened()
    const run = await ever.start(parent, undefined)
    await ever.work({ until: 'idle' })
    const [child] = await ever.list({ parent: run.id })
    expect(await ever.verify(child?.id ?? '')).toMatchObject({ ok: true })
    expect(await ever.verify(run.id)).toMatchObject({ ok: true })
  })

  test('finds nothing in a run that moves on meanwhile', async () => {
    const { ever } = await opened()
    const loops = flow('loops', (run) =>
      run.loop('l', { state: 0 }, async (turn, n) => {
        await turn.scope('inner', (inner) => inner.step('s', () => n))
        return n === 60 ? turn.done(n) : turn.next(n + 1)
      }),
    )
    await using other = await open({ store: ever.store, flows: [loops], work: {} })
    const run = await other.start(loops, undefined)
    const ended = run.result().then(() => 'ended')
    const verified = async (): Promise<boolean> => (await ever.verify(run.id)).ok
    for (;;) {
      expect(await verified()).toBe(true)
      if ((await run.status()).status === 'completed') break
    }
    expect(await ended).toBe('ended')
  })
})

test('a missing entry shows in what a resume reads, wherever its reading pauses', async () => {
  const { ever, edit } = await opened()
  const early = flow('early', async (run) => {
    for (const name of ['one', 'two']) {
      await run.scope(name, async (inner) => {
        for (let i = 0; i < 600; i++) await inner.step('s', () => i)
      })
      for (let i = 0; i < 20; i++) await run.step('between', () => i)
    }
    return run.ask('Sure?')
  })
  await using other = await open({ store: ever.store, flows: [early] })
  const run = await other.start(early, undefined)
  await other.work({ until: 'idle' })
  const read = async (): Promise<readonly (string | null)[]> =>
    (await ever.store.openEntries(run.id)).map(({ previous }) => previous)
  expect(await read()).not.toContain(null)
  // The end of the first scope, and the steps behind it but for the last, whose successor is not read.
  for (let seq = 602; seq < 622; seq++) {
    edit(`CREATE TABLE kept AS SELECT * FROM entries WHERE seq = ${seq};
      DELETE FROM entries WHERE seq = ${seq}`)
    expect(await read(), `without ${seq}`).toContain(null)
    edit('INSERT INTO entries SELECT * FROM kept; DROP TABLE kept')
  }
  expect(await read()).not.toContain(null)
})

test('a run whose row names another flow is paused, and the other flow is not executed', async () => {
  const { ever, edit } = await opened()
  const run = await ever.start(asks, undefined)
  edit("UPDATE runs SET flow = 'evil'")
  await ever.work({ until: 'idle' })
  expect(isEvil).toBe(0)
  expect(await run.status()).toMatchObject({ status: 'paused', code: 'BROKEN_CHAIN' })
})
