/** What a run that is due waits for besides: somebody may see to that while no worker takes the run. */
import type { Ever } from '../run/index.ts'
import { cleanLine } from './clean.ts'
import { type Waiting, waitsText } from './explain-waiting.ts'
import type { Explanation } from './explanation.ts'
import { openOf, waitsOf } from './open-waits.ts'
import { ended } from './sentence.ts'
import { untakenText } from './untaken-signals.ts'

/** The explanation of a run that is due, with that. */
export async function withWaits(
  ever: Ever,
  explanation: Explanation,
  about: Omit<Waiting, 'on'>,
): Promise<Explanation> {
  // A worker is about to take it: what it waits for then is another matter.
  if (explanation.reason === 'ready') return explanation
  const { run, sentence } = explanation
  const waits = await waitsOf(ever, run)
  const on = await openOf(ever, run, waits)
  const text = await waitsText(ever, { ...about, on })
  const still = text === undefined ? '' : ` ${ended(`Still waiting ${text.text}`)}`
  const awaitsSignal = on.some(({ kind }) => kind === 'signal')
  const untaken = awaitsSignal ? await untakenText(ever, run, waits) : ''
  return { ...explanation, sentence: `${sentence}${still}${untaken}${await askedText(ever, run)}` }
}

/** What can be answered meanwhile: it was asked before the run became due. */
async function askedText(ever: Ever, run: string): Promise<string> {
  const open = (await ever.store.questions({ run })).filter(({ state }) => state === 'open')
  if (open.length === 0) return ''
  const ids = open.map(({ id }) => cleanLine(id, 300))
  return ` What it asks can be answered meanwhile: ${ids.slice(0, 3).join(', ')}${ids.length > 3 ? ' …' : ''}.`
}
