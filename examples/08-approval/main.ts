/**
 * A call that a person must allow. While it waits there is no process: the first runtime is closed, a
 * second one, which knows the store and not the agent, decides, and a third one goes on. The other call of
 * the same answer did not wait. In life the second one is `everloop approvals list|show|approve|deny|edit`.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agent, conversation, open, tool } from 'everloop'
import { scriptedModel } from 'everloop/testing'
import { z } from 'zod'

const folder = mkdtempSync(join(tmpdir(), 'everloop-approval-'))
const store = `sqlite:${join(folder, 'ledger.db')}`
const paid: number[] = []

const pay = tool({
  name: 'pay',
  description: 'Pays an amount to a customer.',
  input: z.object({ cents: z.number().int().positive() }),
  effect: 'once',
  // Decided here, by the arguments, and never by the model. Who asked may not approve.
  approval: ({ cents }) => ({ needed: cents > 1000, notBy: 'requester' }),
  run: ({ cents }) => {
    paid.push(cents)
    return `paid ${cents}`
  },
})

const script = [
  { toolCalls: [500, 90_000].map((cents) => ({ name: 'pay', input: { cents } })) },
  { text: 'Both are settled.' },
]
const clerk = agent({
  name: 'clerk',
  model: scriptedModel(script, { by: 'turn' }), // the same answers in whatever process
  tools: [pay],
})

try {
  {
    await using ever = await open({ store, flows: [clerk], work: {} })
    const run = await ever.start(clerk, { prompt: 'Settle them.' }, { id: 'june', by: 'Ann' })
    assert.equal((await run.settled()).status, 'waiting')
    assert.deepEqual(paid, [500])
  }
  {
    await using ever = await open({ store })
    const [approval] = await ever.approvals.list()
    assert.ok(approval)
    console.log(approval.prompt)
    const shown = approval.digest // a decision about this very call, and no other
    await assert.rejects(ever.approvals.approve(approval.id, { by: 'Ann', shown }), {
      code: 'APPROVAL_REFUSED',
    })
    await ever.approvals.approve(approval.id, { by: 'Bob', shown, args: { cents: 9000 } })
  }
  await using ever = await open({ store, flows: [clerk], work: {} })
  console.log(await (await ever.get('june')).result())
  assert.deepEqual(paid, [500, 9000])
  const { items } = await conversation(ever, 'june')
  const approved = items.find(({ is }) => is === 'approval')
  assert.deepEqual(approved && 'by' in approved && approved.by, 'Bob')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
