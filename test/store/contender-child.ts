/**
 * A process that works on a ledger beside others: `work` takes part in runs that all of them
 * create, and says how many entries it wrote; `hold` claims one run, says so, and waits to be killed; `begin`
 * says so when its session has a lock but, while another process has the ledger's, no row, and waits to be killed.
 */
import { randomUUID } from 'node:crypto'
import { systemPorts } from '../../src/base/system.ts'
import { emptyHead, headOf, seal } from '../../src/ledger/index.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import type { RunRow, Store } from '../../src/store/store.ts'
import { ChainBuilder, step, testFlow } from '../../src/testing/chain-builder.ts'

const [mode = '', location = '', runs = '0', steps = '0'] = process.argv.slice(2)
const token = randomUUID()
const store = await sqliteStore({ location, ports: systemPorts })
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const begun = store.openSession({ token, leaseMs: 600_000, name: mode })
if (mode === 'begin') {
  await store.queues() // reads are made in their order
  say('begun')
}
await begun

if (mode === 'begin') {
  setInterval(() => undefined, 1000)
} else if (mode === 'hold') {
  const { runs: held } = await store.claim({ session: token, flows: [testFlow], limit: 1 })
  say(`held ${held[0]?.id ?? 'nothing'}`)
  setInterval(() => undefined, 1000)
} else {
  await Promise.all(
    Array.from({ length: Number(runs) }, (_, i) =>
      store.createRun(new ChainBuilder(`r${i}`).start()),
    ),
  )
  say(`wrote ${await work(store)}`)
  await store.close()
}

/** Claims and advances runs until all have had their steps. */
async function work(on: Store): Promise<number> {
  let written = 0
  for (let isOver = false; !isOver;) {
    const { runs: claimed } = await on.claim({ session: token, flows: [testFlow], limit: 3 })
    for (const count of await Promise.all(claimed.map((run) => advance(on, run)))) written += count
    const all = await on.runs({ status: ['active'] })
    isOver = all.every(({ seq }) => seq > Number(steps))
  }
  return written
}

/** Appends a few steps to a run and gives it back, due again unless it has all of them. */
async function advance(on: Store, run: RunRow): Promise<number> {
  const last = (await on.entries(run.id)).at(-1)
  let head = last ? headOf(last) : emptyHead
  for (let i = 0; i < 3; i++) {
    const place = { run: run.id, epoch: run.epoch, time: Date.now(), head, salt: 'salt' }
    const entry = seal(step(`k${head.seq}`, token), place)
    const isLast = i === 2
    const wake = entry.seq > Number(steps) ? undefined : 0
    const result = await on.append({
      run: run.id,
      session: token,
      epoch: run.epoch,
      after: head,
      entries: [entry],
      ...(isLast ? { release: { wake, seen: 0 } } : {}),
    })
    if (result.is !== 'committed') throw new Error(`an append was ${result.is}`)
    head = headOf(entry)
  }
  return 3
}
