/** docs/durability.md says how to make a backup: a copy made that way goes on where it was made. */
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { flow, open } from 'everloop'
import { testFolder } from '../test-folder.ts'

/** A folder with the names of a ledger and of a copy of it. */
function places(): { readonly ledger: string; readonly copy: string } {
  const folder = testFolder()
  return { ledger: join(folder, 'ledger.db'), copy: join(folder, 'copy.db') }
}

function vacuumInto(ledger: string, copy: string): void {
  const database = new DatabaseSync(ledger, { readOnly: true })
  database.exec(`VACUUM INTO '${copy}'`)
  database.close()
}

const asks = flow('asks', async (run) => [await run.step('a', () => 1), await run.signal('go')])

test.each(['VACUUM INTO', '.backup'])('a copy made by %s while in use goes on', async (way) => {
  const { ledger, copy } = places()
  await using ever = await open({ store: `sqlite:${ledger}`, flows: [asks], work: {} })
  const run = await ever.start(asks, undefined, { id: 'one' })
  expect(await run.settled()).toMatchObject({ status: 'waiting' })

  if (way === 'VACUUM INTO') vacuumInto(ledger, copy)
  else {
    const database = new DatabaseSync(ledger, { readOnly: true })
    await backup(database, copy)
    database.close()
  }

  await using restored = await open({ store: `sqlite:${copy}`, flows: [asks], work: {} })
  expect(await restored.verify('one')).toMatchObject({ ok: true })
  await restored.signal('one', 'go', 'went')
  expect(await (await restored.get('one')).result()).toEqual([1, 'went'])
  expect(await run.settled()).toMatchObject({ status: 'waiting' })
})

test('runs of an older copy that are paused before a worker comes make no call again', async () => {
  const { ledger, copy } = places()
  const calls: string[] = []
  const pays = flow('pays', async (run) => {
    await run.signal('go')
    return run.step('pay', { effect: 'once' }, ({ idempotencyKey }) =>
      calls.push(`${run.id} ${idempotencyKey}`),
    )
  })
  const begins = flow('begins', (run) => run.step('call', () => calls.push(run.id)))
  const flows = [pays, begins]
  {
    await using ever = await open({ store: `sqlite:${ledger}`, flows })
    await ever.start(pays, undefined, { id: 'paid' })
    await ever.work({ until: 'idle' })
    await ever.start(begins, undefined, { id: 'begun' })
    vacuumInto(ledger, copy)
    await ever.signal('paid', 'go')
    await ever.work({ until: 'idle' })
  }
  const [paid = ''] = calls.filter((call) => call.startsWith('paid '))
  expect(calls.toSorted()).toEqual(['begun', paid])

  await using restored = await open({ store: `sqlite:${copy}`, flows })
  await restored.signal('paid', 'go')
  for (const id of ['paid', 'begun']) await restored.pause(id)
  await restored.work({ until: 'idle' })
  expect(calls).toHaveLength(2)
  const paused = await restored.list({ status: 'paused' })
  expect(paused.map(({ id }) => id)).toEqual(['begun', 'paid'])

  // Whoever goes on makes the call again: the ledger does not know of it. Its key tells.
  await restored.resume('paid')
  await restored.work({ until: 'idle' })
  expect(calls).toEqual([...calls.slice(0, 2), paid])
})
