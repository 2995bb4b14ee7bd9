/** Several processes at once: two that decide, one that decides as the time ends, two that go on. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Ever, open } from '../../src/index.ts'
import { agentFile, everloop, Running } from './command-line.ts'
import * as agents from './sample-agents.ts'
import { testFolder } from '../test-folder.ts'

const decider = join(import.meta.dirname, 'decider-child.ts')
const ids = Array.from({ length: 20 }, (_, i) => `race-${i}`)
const flows = Object.values(agents).filter((value) => typeof value !== 'string')

/** Starts deciders, has them begin together, and returns what each of them was told by run. */
async function decide(
  store: string,
  deciders: readonly (readonly string[])[],
): Promise<readonly Readonly<Record<string, string>>[]> {
  const running = deciders.map((args) => new Running(process.execPath, [decider, store, ...args]))
  await Promise.all(running.map((one) => one.prints(/ready/)))
  for (const { child } of running) child.stdin?.end('go\n')
  return Promise.all(
    running.map(async ({ ended }) => {
      const { code, stdout, stderr } = await ended
      expect(code, stderr).toBe(0)
      return JSON.parse(stdout.split('\n')[1] ?? '') as Record<string, string>
    }),
  )
}

/** How often the ledger of the run has this kind of entry. */
async function count(ever: Ever, run: string, kind: string): Promise<number> {
  const entries = await ever.store.entries(run, { limit: 1000 })
  return entries.filter((entry) => entry.kind === kind).length
}

/** How often each run has paid. */
const paidIn = (log: string): Map<string, number> =>
  (existsSync(log) ? readFileSync(log, 'utf8') : '').split('\n').reduce((sums, line) => {
    const [what, , , run = ''] = line.split(' ')
    return what === 'paid' ? sums.set(run, (sums.get(run) ?? 0) + 1) : sums
  }, new Map<string, number>())

test('of an approval and a denial one is taken, and of two workers one goes on', async () => {
  const folder = testFolder()
  const store = `sqlite:${join(folder, 'ledger.db')}`
  const log = join(folder, 'log')
  {
    await using ever = await open({ store, flows })
    for (const id of ids) await ever.start(agents.slow, { prompt: 'Pay.' }, { id })
    await ever.work({ until: 'idle' })
    expect(await ever.approvals.list()).toHaveLength(ids.length)
  }
  const [approver = {}, denier = {}] = await decide(store, [
    ['approve', 'eve'],
    ['deny', 'dan'],
  ])
  const approved = ids.filter((id) => approver[id] === 'taken')
  for (const id of ids) {
    const ends = new Set([approver[id], denier[id]])
    expect(ends, id).toEqual(new Set(['taken', 'QUESTION_CLOSED']))
  }

  const env = { LOG: log }
  const args = ['work', agentFile, '--until', 'idle', '--store', store]
  const workers = await Promise.all([everloop(args, { env }), everloop(args, { env })])
  expect(workers.map(({ code }) => code)).toEqual([0, 0])
  expect(paidIn(log)).toEqual(new Map(approved.map((id) => [id, 1])))
  await using ever = await open({ store, work: false })
  for (const id of ids) {
    expect((await ever.get(id)).id).toBe(id)
    expect(await (await ever.get(id)).settled()).toMatchObject({ status: 'completed' })
    expect(await count(ever, id, 'approval.decided')).toBe(1)
    expect(await ever.verify(id)).toMatchObject({ ok: true })
  }
}, 60_000)

test('a decision at the deadline is taken and counts, or is refused and does not', async () => {
  const folder = testFolder()
  const store = `sqlite:${join(folder, 'ledger.db')}`
  const log = join(folder, 'log')
  process.env['LOG'] = log
  onTestFinished(() => void delete process.env['LOG'])
  await using ever = await open({ store, flows, work: { concurrency: 32 } })
  for (const id of ids) await ever.start(agents.racing, { prompt: 'Pay.' }, { id })
  const allAsk = async (): Promise<number> => (await ever.approvals.list()).length
  await expect.poll(allAsk).toBe(ids.length)
  // From 50 ms before the deadline to 50 ms behind it.
  const [told = {}] = await decide(store, [['approve', 'eve', '50']])
  const ends = await Promise.all(ids.map(async (id) => (await ever.get(id)).settled()))
  expect(new Set(ends.map(({ status }) => status))).toEqual(new Set(['completed']))
  const paid = paidIn(log)
  for (const id of ids) {
    const isTaken = told[id] === 'taken'
    if (!isTaken) expect(['QUESTION_CLOSED', 'UNKNOWN_QUESTION', 'RUN_ENDED']).toContain(told[id])
    expect([id, await count(ever, id, 'approval.decided')]).toEqual([id, isTaken ? 1 : 0])
    expect([id, await count(ever, id, 'approval.expired')]).toEqual([id, isTaken ? 0 : 1])
    expect([id, paid.get(id) ?? 0]).toEqual([id, isTaken ? 1 : 0])
  }
}, 60_000)
