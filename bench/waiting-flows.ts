/** Flows that wait: for an answer, for a date, and one that does not. */
import type { AnyDraft } from '../src/ledger/index.ts'
import { flow } from './subject.ts'

/** `answered` is called when the step behind the answer begins. */
export const asking = (answered: (run: string) => void) =>
  flow('asking', async (run, _number: number) => {
    await run.ask('Go on?', { key: 'go' })
    await run.step('after', () => answered(run.id))
  })

export const sleeping = flow('sleeping', async (run, _number: number) => {
  await run.sleep('30d', { key: 'nap' })
})

/** What the ledger holds of the waiting ones, as `seed` writes it: "=" marks an explicit key. */
export const asked: AnyDraft = {
  scope: '',
  kind: 'question.asked',
  key: '=go',
  record: { prompt: 'Go on?' },
}

export const slept = (due: number): AnyDraft => ({
  scope: '',
  kind: 'timer.set',
  key: '=nap',
  record: { due },
})
