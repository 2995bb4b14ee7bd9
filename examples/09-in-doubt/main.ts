/**
 * A refund that must not happen twice, and a process that dies when the bank has booked it and the ledger
 * does not know. The intent was recorded before the call, so the next process knows that it may have
 * happened: it asks `reconcile`, which looks at the bank's books, and nothing is paid again. Where nobody
 * could tell, a person would be asked.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { agent, conversation, done, notDone, open, tool } from 'everloop'
import { scriptedModel } from 'everloop/testing'
import { z } from 'zod'

const [folder = mkdtempSync(join(tmpdir(), 'everloop-doubt-')), life] = process.argv.slice(2)
const store = `sqlite:${join(folder, 'ledger.db')}`
const books = join(folder, 'books.log')

const refund = tool({
  name: 'refund',
  description: 'Refunds an order.',
  input: z.object({ order: z.number() }),
  effect: 'once',
  timeout: '300ms', // after this and `settle`, no request of a dead process is on its way any more
  settle: '100ms',
  run: ({ order }, { idempotencyKey }) => {
    appendFileSync(books, `${idempotencyKey} order ${order}\n`)
    if (life === 'first') process.kill(process.pid, 'SIGKILL') // the power goes out
    return 'refunded'
  },
  reconcile: (_, { idempotencyKey }) =>
    readFileSync(books, 'utf8').includes(idempotencyKey) ? done('refunded') : notDone(),
})

const script = [
  { toolCalls: [{ name: 'refund', input: { order: 42 } }] },
  { text: 'Order 42 is refunded.' },
]
const model = scriptedModel(script, { by: 'turn' })
const support = agent({ name: 'support', model, tools: [refund] })

if (life === undefined) {
  try {
    for (const name of ['first', 'second']) {
      const args = [fileURLToPath(import.meta.url), folder, name]
      const { signal, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
      console.log(`${stdout}-- the ${name} process ended${signal ? ` by ${signal}` : ''}`)
    }
    assert.match(readFileSync(books, 'utf8'), /^\S+ order 42\n$/) // once
    await using ever = await open({ store })
    const { items } = await conversation(ever, 'ticket-42')
    const doubts = items.flatMap((item) => (item.is === 'doubt' ? item.verdict : []))
    assert.deepEqual(doubts, ['open', 'done'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
} else {
  await using ever = await open({ store, flows: [support], work: {} })
  const run = await ever.start(support, { prompt: 'Refund order 42.' }, { id: 'ticket-42' })
  console.log(await run.result())
}
