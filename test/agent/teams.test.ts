/** Agents that hand over to one another, and work side by side: plain code around child runs. */
import { expect, test } from 'vitest'
import { agent, flow } from 'everloop'
import { crashAtEveryCommit, scriptedModel } from 'everloop/testing'
import { z } from 'zod'

/** An agent that says who it is and what it was asked. */
const echo = (name: string) =>
  agent({ name, model: scriptedModel(({ text }) => ({ text: `${name}(${text})` })) })

const next = z.enum(['billing', 'technical'])
const triage = agent({
  name: 'triage',
  model: scriptedModel(({ text }) => ({
    object: { next: text.includes('money') ? 'billing' : 'technical' },
  })),
  output: z.object({ next }),
})
const desks = { billing: echo('billing'), technical: echo('technical') }
const editor = echo('editor')

const desk = flow('desk', async (run, question: string) => {
  const { next: to } = await run.child(triage, { prompt: question })
  return run.child(desks[to], { prompt: question })
})
const panel = flow('panel', async (run, question: string) => {
  const answers = await run.all('desks', [
    (branch) => branch.child(desks.billing, { prompt: question }),
    (branch) => branch.child(desks.technical, { prompt: question }),
  ])
  return run.child(editor, { prompt: answers.join(' ') })
})
/** Teams of teams. */
const office = flow('office', async (run, question: string) => {
  const answer = await run.child(desk, question)
  return run.child(panel, answer)
})

test('a team has the same answer wherever its process dies, and its ledgers are sound', async () => {
  const flows = [triage, desks.billing, desks.technical, editor, desk, panel]
  const report = await crashAtEveryCommit(office, 'my money', { flows, every: 3 })
  const answer = 'billing(my money)'
  expect(report.outcomes).toEqual([
    { status: 'completed', output: `editor(billing(${answer}) technical(${answer}))` },
  ])
  expect(report.flaws).toEqual([])
})
