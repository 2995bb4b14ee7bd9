/** Artifacts that were edited, cut or removed in the store: `verify` finds them before anything reads them. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { type Ever, flow, open } from 'everloop'
import { testFolder } from '../test-folder.ts'

interface Bed {
  readonly ever: Ever
  readonly edit: (sql: string) => void
}

const keeps = flow('keeps', async (run, input: string) => {
  await run.step('small', () => 'a')
  await run.step('large', () => 'b'.repeat(300_000))
  await run.artifacts.put('rows.csv', 'a,b,c\n')
  await run.artifacts.put('nothing', '')
  // The same bytes, of another entry.
  await run.scope('inner', (inner) => inner.artifacts.put('copy', 'a,b,c\n'))
  // What looks like an artifact and is data of the user's.
  await run.step('artifact-like', () => ({ artifact: 'A'.repeat(43), name: input, bytes: 7 }))
  return run.step('larger', () => 'c'.repeat(400_000))
})

/** A run that refers to three artifacts, in four entries: 3, 4, 7 and 10. */
async function kept(): Promise<Bed> {
  const folder = testFolder()
  const location = join(folder, 'ledger.db')
  const ever = await open({ store: `sqlite:${location}`, flows: [keeps] })
  onTestFinished(() => ever.close())
  await ever.start(keeps, 'x', { id: 'one' })
  await ever.work({ until: 'idle' })
  return {
    ever,
    edit(sql) {
      const database = new DatabaseSync(location)
      database.exec(sql)
      database.close()
    },
  }
}

test('verify finds nothing in a run whose artifacts are whole', async () => {
  const { ever } = await kept()
  expect(await ever.verify('one')).toMatchObject({ ok: true })
})

test.each([
  ['edited', "UPDATE artifacts SET bytes = CAST('d' || substr(bytes, 2) AS BLOB)", 'other bytes'],
  ['cut', 'UPDATE artifacts SET bytes = substr(bytes, 1, length(bytes) - 1)', 'other bytes'],
  ['removed', 'DELETE FROM artifacts', 'missing'],
])('verify names each entry whose artifact was %s', async (_, sql, what) => {
  const { ever, edit } = await kept()
  const entries = await ever.store.entries('one')
  const named = entries.flatMap(({ seq, key, payload }) => {
    const name = /"(?:artifact":|v":\[0,)"([\w-]{43})"/.exec(payload ?? '')?.[1] ?? ''
    return ['large', 'larger', 'artifact rows.csv', 'artifact copy'].includes(key)
      ? [{ id: 'artifact', seq, what: expect.stringMatching(`${name}.*${what}`) }]
      : []
  })
  expect(named).toHaveLength(4)
  edit(`${sql} WHERE length(bytes) > 0`)
  const verdict = await ever.verify('one')
  expect(verdict).toEqual({ ok: false, violations: expect.arrayContaining(named) })
})

test('verify asks for no artifact of an entry whose payload was erased', async () => {
  const { ever, edit } = await kept()
  edit("UPDATE entries SET payload = NULL, salt = NULL WHERE key IN ('large', 'artifact nothing')")
  edit('DELETE FROM artifacts WHERE length(bytes) IN (0, 300002)')
  expect(await ever.verify('one')).toMatchObject({ ok: true, erased: 2 })
})
