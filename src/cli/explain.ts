/** Why a run is where it is, in one sentence, and what would change that. */
import type { Ever, Settled, UndoInfo } from '../run/index.ts'
import { stateOf } from '../run/outside/settled.ts'
import { latestChildren, leavesDone } from '../run/replay/earlier-child.ts'
import { askedFor, askedForText } from './asked-for.ts'
import { cancelledBy } from './cancelled-by.ts'
import { cancelling, cancellingText } from './cancelling.ts'
import { atRest } from './explain-at-rest.ts'
import { ready, running } from './explain-ready.ts'
import { waiting } from './explain-waiting.ts'
import type { Explanation } from './explanation.ts'
import { endingBelow } from './ending-below.ts'
import { failedChild } from './failed-child.ts'
import { putOff } from './put-off.ts'
import type { CancelledChild } from './retry-advice.ts'
import { runAbove } from './run-above.ts'
import { ended } from './sentence.ts'
import { withWaits } from './still-waiting.ts'
import { dateAndAgo } from './times.ts'
import { unlessBroken } from './unless-broken.ts'

/** So far it is told what the child of a child waits for. */
const depthMax = 5

/** Explains the run, and says what was asked of it that has not come to its end. Throws UNKNOWN_RUN. */
export const explain = (ever: Ever, id: string): Promise<Explanation> => explained(ever, id, 0)

async function explained(ever: Ever, id: string, depth: number): Promise<Explanation> {
  const explanation = await withUndoing(ever, await standing(ever, id, depth))
  const asked = (await askedFor(ever, id)).map((one) => ` ${askedForText(one, explanation.status)}`)
  const reason = await cancelling(ever, id)
  const cancel = reason === undefined ? '' : ` ${cancellingText(reason)}`
  return { ...explanation, sentence: `${explanation.sentence}${cancel}${asked.join('')}` }
}

/** Of a run that is to go on being undone: that it is, and that it needs the actions alone, not its code. */
async function withUndoing(ever: Ever, explanation: Explanation): Promise<Explanation> {
  const { run, status, sentence, fix } = explanation
  const isMoving = status === 'running' || status === 'ready'
  if (!isMoving || !(await isBeingUndone(ever, run))) return explanation
  const or = `Or: everloop runs undo ${run} --file FILE (a file that exports the actions)`
  return {
    ...explanation,
    sentence: `${sentence} What it has done is being undone.`,
    ...(fix === undefined ? {} : { fix: `${ended(fix)} ${or}` }),
  }
}

async function standing(ever: Ever, id: string, depth: number): Promise<Explanation> {
  const reference = await ever.get(id)
  const info = await reference.status()
  const now = ever.store.clock.now()
  const is = (reason: string, sentence: string, fix?: string): Explanation => ({
    run: id,
    status: info.status,
    reason,
    sentence,
    ...(fix === undefined ? {} : { fix }),
  })
  if (info.status === 'running')
    return running(await ever.store.run(id), await ever.store.sessions(), now, is)
  const explainChild =
    depth < depthMax
      ? (child: string): Promise<Explanation> => explained(ever, child, depth + 1)
      : undefined
  if (info.status === 'ready') {
    const why = await ready(ever, info, await ever.store.run(id), now, is)
    return withWaits(ever, why, { info, now, explainChild })
  }
  const until = info.status === 'waiting' ? await putOff(ever, id) : undefined
  if (until !== undefined) {
    const { due = until } = info
    const end = due < until ? `, and its deadline is before that, ${dateAndAgo(due, now)}` : ''
    return is('delayed', `Not started yet: it was put off until ${dateAndAgo(until, now)}${end}.`)
  }
  const settled = await reference.settled()
  if (settled.status === 'waiting') {
    return waiting(ever, { info, on: settled.on, now, explainChild }, is)
  }
  const undos = await undosIn(ever, settled, id)
  const isUndoing = settled.status === 'paused' && (await isBeingUndone(ever, id))
  const gone = settled.status === 'paused' ? await childGone(ever, id) : undefined
  const by = await byIn(ever, settled, id)
  const child = settled.status === 'failed' ? await failedChild(ever, id) : undefined
  const above = isOver(settled) ? await runAbove(ever, id) : undefined
  const cancelled = settled.status === 'failed' ? await cancelledBelow(ever, id) : []
  const surroundings = { undos, above, cancelled }
  return atRest(settled, { info, surroundings, isUndoing, gone, by, child, now }, is)
}

const isOver = ({ status }: Settled): boolean => status === 'failed' || status === 'completed'

/** So many runs are named. */
const namedMax = 3

async function cancelledBelow(ever: Ever, parent: string): Promise<readonly CancelledChild[]> {
  const latest = await unlessBroken(() => latestChildren(ever.store, parent))
  const cancelled = await ever.store.runs({ parent, status: ['cancelled'] })
  const rows = cancelled.filter(({ id }) => latest?.has(id)).slice(0, namedMax)
  const over = await Promise.all(rows.map(({ id }) => endedBelow(ever, id)))
  const run = await endingBelow(ever, parent)
  return run === undefined ? over : [...over, { run, is: 'awaited' }]
}

async function endedBelow(ever: Ever, run: string): Promise<CancelledChild> {
  const isRepeated = (await unlessBroken(() => leavesDone(ever.store, run))) ?? true
  return { run, is: isRepeated ? 'repeated' : 'begun anew' }
}

/** What a run that has failed or was cancelled has registered; none where its ledger is broken. */
async function undosIn(ever: Ever, { status }: Settled, id: string): Promise<readonly UndoInfo[]> {
  if (status !== 'failed' && status !== 'cancelled') return []
  return (await unlessBroken(() => ever.undos(id))) ?? []
}

/** Whether undoing what it has done has begun; false where its ledger is broken. */
const isBeingUndone = async (ever: Ever, id: string): Promise<boolean> =>
  (await unlessBroken(() => stateOf(ever.store, id)))?.undoing !== undefined

/** The child that a run is paused for as CHILD_GONE. */
async function childGone(ever: Ever, id: string): Promise<string | undefined> {
  const status = (await unlessBroken(() => stateOf(ever.store, id)))?.status
  if (status?.is !== 'paused' || status.code !== 'CHILD_GONE') return undefined
  return (status.detail as { readonly child?: string } | undefined)?.child
}

/** Who has cancelled it; undefined of any other run. */
async function byIn(ever: Ever, { status }: Settled, id: string): Promise<string | undefined> {
  return status === 'cancelled' ? cancelledBy(ever, id) : undefined
}
