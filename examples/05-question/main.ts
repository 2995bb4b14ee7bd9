/**
 * A run that waits for a person. While it waits there is no process, no timer and no memory: the
 * first runtime is closed before the answer is given, and a second one finishes the run.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { flow, open } from 'everloop'

const folder = mkdtempSync(join(tmpdir(), 'everloop-question-'))
const store = `sqlite:${join(folder, 'ledger.db')}`

const publish = flow('publish', async (run, title: string) => {
  const draft = await run.step('write', () => `${title}: once upon a time`)
  const verdict = await run.ask<{ yes: boolean; by: string }>(`Publish "${title}"?`, {
    timeout: '30d',
    otherwise: { yes: false, by: 'nobody' },
  })
  if (!verdict.yes) return 'kept in the drawer'
  return run.step('publish', () => `${draft} (approved by ${verdict.by})`)
})

try {
  {
    await using ever = await open({ store, flows: [publish], work: {} })
    const run = await ever.start(publish, 'A tale', { id: 'tale-1' })
    const rest = await run.settled()
    assert.equal(rest.status, 'waiting')
  }
  {
    // Anybody who can open the store can answer, without the flow's code: `everloop questions`.
    await using ever = await open({ store })
    const [question] = await ever.questions()
    assert.ok(question)
    console.log(question.prompt)
    await ever.answer(question.id, { yes: true, by: 'Ada' })
    await assert.rejects(ever.answer(question.id, { yes: false, by: 'Bob' }), {
      code: 'QUESTION_CLOSED',
    })
  }
  await using ever = await open({ store, flows: [publish], work: {} })
  const result = await (await ever.get<string>('tale-1')).result()
  console.log(result)
  assert.equal(result, 'A tale: once upon a time (approved by Ada)')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
