/**
 * A loop whose turns are committed one by one: the shape of every agent. A resume begins at the
 * last turn, not at the first, so the thousandth turn costs what the tenth did.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { flow, open } from 'everloop'

const folder = mkdtempSync(join(tmpdir(), 'everloop-loop-'))
const turns = 200

/** Stands for a model: it proposes the next number until it has seen enough. */
const propose = (history: readonly number[]): number => (history.at(-1) ?? 0) + history.length

const think = flow('think', async (run, wanted: number) => {
  const state = { history: [] as readonly number[] }
  return run.loop('turns', { state }, async (turn, { history }) => {
    const next = await turn.step('propose', () => propose(history))
    if (turn.turn === wanted) return turn.done({ turns: turn.turn, last: next })
    return turn.next({ history: [...history, next] })
  })
})

try {
  await using ever = await open({
    store: `sqlite:${join(folder, 'ledger.db')}`,
    flows: [think],
    work: {},
  })
  const run = await ever.start(think, turns)
  const result = await run.result()
  const { entries } = await run.status()
  console.log(result, `in ${entries} entries`)
  assert.deepEqual(result, { turns, last: (turns * (turns - 1)) / 2 })
  // Two entries a turn, whatever the history's length.
  assert.ok(entries < 2 * turns + 10)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
