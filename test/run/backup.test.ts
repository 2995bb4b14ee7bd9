/** docs/durability.md says how to make a backup: a copy made that way goes on where it was made. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { flow, open } from 'everloop'

const asks = flow('asks', async (run) => [await run.step('a', () => 1), await run.signal('go')])

test.each(['VACUUM INTO', '.backup'])('a copy made by %s while in use goes on', async (way) => {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-backup-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const [ledger, copy] = [join(folder, 'ledger.db'), join(folder, 'copy.db')]
  await using ever = await open({ store: `sqlite:${ledger}`, flows: [asks], work: {} })
  const run = await ever.start(asks, undefined, { id: 'one' })
  expect(await run.settled()).toMatchObject({ status: 'waiting' })

  const database = new DatabaseSync(ledger, { readOnly: true })
  if (way === '.backup') await backup(database, copy)
  else database.exec(`VACUUM INTO '${copy}'`)
  database.close()

  await using restored = await open({ store: `sqlite:${copy}`, flows: [asks], work: {} })
  expect(await restored.verify('one')).toMatchObject({ ok: true })
  await restored.signal('one', 'go', 'went')
  expect(await (await restored.get('one')).result()).toEqual([1, 'went'])
  expect(await run.settled()).toMatchObject({ status: 'waiting' })
})
