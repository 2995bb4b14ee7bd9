/**
 * A process that dies in the middle, and one that goes on. This file starts itself as a child,
 * which kills itself with SIGKILL; then a second child takes the run over and finishes it. Each
 * step prints its line once.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { flow, open } from 'everloop'

const [store, life] = process.argv.slice(2)

const order = flow('order', async (run, id: number) => {
  await run.step('charge', () => console.log(`charged order ${id}`))
  await run.step('pack', () => {
    if (life === 'first') process.kill(process.pid, 'SIGKILL') // the power goes out
    console.log(`packed order ${id}`)
  })
  await run.step('ship', () => console.log(`shipped order ${id}`))
})

if (store === undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-crash-'))
  const live = (which: string): string => {
    const args = [fileURLToPath(import.meta.url), `sqlite:${join(folder, 'ledger.db')}`, which]
    const { stdout, signal } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    console.log(`${stdout}-- the ${which} process ended${signal ? ` by ${signal}` : ''}`)
    return stdout
  }
  try {
    assert.equal(live('first'), 'charged order 42\n')
    assert.equal(live('second'), 'packed order 42\nshipped order 42\n')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
} else {
  await using ever = await open({ store, flows: [order], work: {} })
  const run = await ever.start(order, 42, { id: 'order-42' })
  await run.result()
}
