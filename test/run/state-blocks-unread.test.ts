/** What cannot be read of a state in blocks is never left out: the run does not go on. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { type EverloopError, flow, open } from 'everloop'
import { entryHash, payloadDigest } from '../../src/ledger/chain.ts'
import type { Entry } from '../../src/ledger/index.ts'
import { testFolder } from '../test-folder.ts'

const growing = flow('growing', (root) =>
  root.loop('l', { state: [] as readonly string[] }, async (run, list) => {
    if (run.turn <= 40) return run.next([...list, `${run.turn} `.padEnd(30_000, 'words ')])
    await run.ask('Go on?')
    return run.done(list.length)
  }),
)

/** Changes payloads, and seals the entries anew: as if it had been written so. */
function rewrite(location: string, change: (payload: string) => string): void {
  const database = new DatabaseSync(location)
  let previous = ''
  for (const row of database.prepare('SELECT * FROM entries ORDER BY seq').all()) {
    const entry = { ...row, run: 'one' } as unknown as Entry
    const payload = change(entry.payload ?? '')
    const digest = payloadDigest(entry.salt ?? '', payload)
    previous = entryHash(previous, { ...entry, digest })
    database
      .prepare('UPDATE entries SET payload = ?, digest = ?, hash = ? WHERE seq = ?')
      .run(payload, digest, previous, entry.seq)
  }
  database.prepare('UPDATE runs SET hash = ?').run(previous)
  database.close()
}

test.each<readonly [string, (payload: string) => string]>([
  ['of a kind that a newer everloop writes', (payload) => payload.replaceAll('"zstd"', '"zstd2"')],
  [
    'of more characters than a text has',
    (payload) => payload.replace(/("zstd",)\d+/, '$19999999999'),
  ],
  ['of a character more than it has', (payload) => payload.replace(/("zstd",\d+)\d/, '$19')],
  ['that is not a list', (payload) => payload.replace(/\{"\$":"ref","v":\[0,[^\]]*\]\}/, '"text"')],
])('a part %s stops the run', async (_, change) => {
  const location = join(testFolder(), 'ledger.db')
  const troubles: string[] = []
  const onTrouble = (error: unknown): void => void troubles.push((error as EverloopError).code)
  const ever = await open({ store: `sqlite:${location}`, flows: [growing], onTrouble })
  onTestFinished(() => ever.close())
  await ever.start(growing, undefined, { id: 'one' })
  await ever.work({ until: 'idle' })
  const [question] = await ever.questions()
  rewrite(location, change)
  await ever.answer(question?.id ?? '', true)
  await ever.work({ until: 'idle' })
  const settled = await (await ever.get('one')).settled()
  expect(settled).not.toMatchObject({ status: 'completed' })
  expect(troubles).toContain('BROKEN_CHAIN')
})
