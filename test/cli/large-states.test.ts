/** A run with more in its ledger than fits in memory is looked at all the same: one page at a time is held. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { flow, open } from '../../src/index.ts'
import { everloop } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

const turns = 16
const heavy = flow('heavy', (run) =>
  run.loop('l', { state: { n: 0, text: '' } }, (turn, { n }) =>
    // Another letter each time, so that each turn keeps all of it.
    n < turns
      ? turn.next({ n: n + 1, text: String.fromCodePoint(97 + n).repeat(6_000_000) })
      : turn.done(n),
  ),
)

test('100 MB of states are looked at with 64 MB of memory', async () => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  {
    await using ever = await open({ store, flows: [heavy], development: false })
    await ever.start(heavy, undefined, { id: 'heavy-1' })
    await ever.work({ until: 'idle' })
  }
  const env = { NODE_OPTIONS: '--max-old-space-size=64' }
  for (const [command, shows] of [
    ['verify', 'Intact: 19 entries'],
    ['events', 'run.completed'],
    ['conversation', 'holds no conversation'],
  ] as const) {
    const ended = await everloop(['runs', command, 'heavy-1', '--store', store], { env })
    expect(ended, command).toMatchObject({ code: 0, stdout: expect.stringContaining(shows) })
  }
})
