/** Why a run that is held by a worker, or free for one, is where it is. */
import type { Ever, RunInfo } from '../run/index.ts'
import { isAlive, isSuspect, type RunRow, type SessionRow } from '../store/store.ts'
import { cleanLine } from './clean.ts'
import type { Explanation, Is } from './explanation.ts'
import { flowText, serveCommand } from './flow-text.ts'
import { ago, dateTime, short } from './times.ts'

/** A worker that is quick takes a run within this time: before it, nothing is wrong. */
const promptMs = 2000

export function running(
  row: RunRow | undefined,
  sessions: readonly SessionRow[],
  now: number,
  is: Is,
): Explanation {
  const session = sessions.find(({ token }) => token === row?.session)
  const last = row ? `; its last entry was written ${ago(row.updated, now)}` : ''
  if (!session) return is('running', `Running: a worker holds it${last}.`)
  const name = cleanLine(session.name, 80)
  if (session.isDead) {
    return is(
      'worker-died',
      `Its worker "${name}" has died${last}: the next worker that serves the flow takes the run over.`,
      'everloop work FILE',
    )
  }
  if (session.expires <= now) {
    return is(
      'lease-expired',
      `Its worker "${name}" has not been heard of since its lease ran out ${ago(session.expires, now)}: the next worker that serves the flow takes it over.`,
      'everloop work FILE',
    )
  }
  const heard = session.expires - session.leaseMs
  // It renews its lease three times in its length: two of these have not come.
  if (now - heard > (session.leaseMs * 2) / 3) {
    return is(
      'silent',
      `Its worker "${name}" was heard of ${ago(heard, now)} for the last time. If it has died, the next worker that serves the flow takes the run over, at the latest ${ago(session.expires, now)}.`,
      'everloop work FILE',
    )
  }
  return is(
    'running',
    `Running: worker "${name}", at work since ${dateTime(session.since)}, holds it${last}.`,
  )
}

export async function ready(
  ever: Ever,
  info: RunInfo,
  run: RunRow | undefined,
  now: number,
  is: Is,
): Promise<Explanation> {
  const { queue, due = now } = info
  const row = (await ever.store.queues()).find(({ name }) => name === queue)
  if (row && row.concurrency !== null && row.held >= row.concurrency) {
    const free =
      row.concurrency === 0
        ? 'is closed (its limit is 0)'
        : `is full (${row.held} of ${row.concurrency} held)`
    return is(
      'queue-full',
      `Ready for ${short(now - due)}, but its queue "${queue}" ${free}.`,
      'Wait for a run of the queue to end, or raise the limit with open({ queues }).',
    )
  }
  const workers = (await ever.store.sessions()).filter((session) => isAlive(session, now))
  const fix = serveCommand(info)
  if (workers.length === 0) {
    return is(
      'no-worker',
      `Ready for ${short(now - due)}, but no worker is connected to this store.`,
      fix,
    )
  }
  const before = run && (await suspectBefore(ever, workers))
  const forSoLong = `Ready for ${short(now - due)}, but`
  if (run && isSuspect(run)) {
    const turn = before
      ? `a worker executes such runs one at a time: worker "${cleanLine(before.worker.name, 80)}" is at run ${before.run.id}`
      : 'is executed by itself: when what its worker has in hand has been there for a minute'
    return is(
      'suspect',
      `${forSoLong} it lost its worker ${run.barren} times without getting further, and ${turn}.`,
      before && `everloop runs explain ${before.run.id}`,
    )
  }
  if (before) {
    return is(
      'suspect',
      `${forSoLong} worker "${cleanLine(before.worker.name, 80)}" executes run ${before.run.id} by itself, as that has lost its worker ${before.run.barren} times without getting further.`,
      `everloop runs explain ${before.run.id}`,
    )
  }
  if (now - due < promptMs) return is('ready', 'Ready: a worker takes it in a moment.')
  const names = workers
    .slice(0, 3)
    .map(({ name }) => `"${cleanLine(name, 80)}"`)
    .join(', ')
  const several = workers.length === 1 ? 'the one worker' : `none of the ${workers.length} workers`
  const has = workers.length === 1 ? 'has not taken it' : 'has taken it'
  return is(
    'not-served',
    `Ready for ${short(now - due)}, but ${several} that is connected (${names}) ${has}: probably nobody serves ${flowText(info)}.`,
    fix,
  )
}

/** The first worker that holds a run which was lost twice without progress, and that run. */
async function suspectBefore(
  ever: Ever,
  workers: readonly SessionRow[],
): Promise<{ readonly worker: SessionRow; readonly run: RunRow } | undefined> {
  for (const worker of workers) {
    const held = await ever.store.runs({ session: worker.token })
    const run = held.find(isSuspect)
    if (run) return { worker, run }
  }
  return undefined
}
