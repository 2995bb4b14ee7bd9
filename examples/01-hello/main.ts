/**
 * The smallest durable program: a flow of one step. The step is executed once; asked again under
 * the same id, the run is the same run, and its result comes out of the ledger.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { flow, open } from 'everloop'

const folder = mkdtempSync(join(tmpdir(), 'everloop-hello-'))
let executions = 0

const hello = flow('hello', async (run, name: string) => {
  return run.step('greet', () => {
    executions++
    return `Hello ${name}`
  })
})

try {
  await using ever = await open({
    store: `sqlite:${join(folder, 'ledger.db')}`,
    flows: [hello],
    work: {},
  })
  const first = await ever.start(hello, 'World', { id: 'hello-1' })
  console.log(await first.result())

  const again = await ever.start(hello, 'World', { id: 'hello-1' })
  assert.equal(await again.result(), 'Hello World')
  assert.equal(executions, 1)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
