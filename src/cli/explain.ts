/** Why a run is where it is, in one sentence, and what would change that. */
import { counted } from '../base/counted.ts'
import type { Ever, RunInfo, Settled, UndoInfo, WaitInfo } from '../run/index.ts'
import { isAlive, type RunRow, type SessionRow } from '../store/store.ts'
import { awaitsMessage } from './awaits-message.ts'
import { askedFor, askedForText } from './asked-for.ts'
import { cancelledBy } from './cancelled-by.ts'
import { cancelling, cancellingText } from './cancelling.ts'
import { cleanLine } from './clean.ts'
import { lastRefusal } from './refusal.ts'
import { retryAdvice } from './retry-advice.ts'
import { ago, dateTime, short } from './times.ts'
import { unlessBroken } from './unless-broken.ts'

export interface Explanation {
  readonly run: string
  readonly status: RunInfo['status']
  /** A stable word for the situation, for programs. */
  readonly reason: string
  readonly sentence: string
  /** What to do, where something can be done. */
  readonly fix?: string
}

/** A worker that is quick takes a run within this time: before it, nothing is wrong. */
const promptMs = 2000
const depthMax = 5

/** Explains the run, and says what was asked of it that has not come to its end. Throws UNKNOWN_RUN. */
export async function explain(ever: Ever, id: string, depth = 0): Promise<Explanation> {
  const explanation = await standing(ever, id, depth)
  const asked = (await askedFor(ever, id)).map((one) => ` ${askedForText(one)}`)
  const reason = await cancelling(ever, id)
  const cancel = reason === undefined ? '' : ` ${cancellingText(reason)}`
  return { ...explanation, sentence: `${explanation.sentence}${cancel}${asked.join('')}` }
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
  if (info.status === 'ready') return ready(ever, info, await ever.store.run(id), now, is)
  if (info.status === 'waiting' && info.entries === 1 && info.due !== undefined) {
    return is(
      'delayed',
      `Not started yet: it was put off until ${dateTime(info.due)} (${ago(info.due, now)}).`,
    )
  }
  const settled = await reference.settled()
  return settled.status === 'waiting'
    ? waiting(ever, { info, on: settled.on, now, depth }, is)
    : atRest(
        settled,
        { info, undos: await undosIn(ever, settled, id), by: await byIn(ever, settled, id), now },
        is,
      )
}

interface AtRest {
  readonly info: RunInfo
  readonly undos: readonly UndoInfo[]
  /** Who cancelled it. */
  readonly by: string | undefined
  readonly now: number
}

/** What a run that has failed or was cancelled has registered; none where its ledger is broken. */
async function undosIn(ever: Ever, { status }: Settled, id: string): Promise<readonly UndoInfo[]> {
  if (status !== 'failed' && status !== 'cancelled') return []
  return (await unlessBroken(() => ever.undos(id))) ?? []
}

/** Who has cancelled it; undefined of any other run. */
async function byIn(ever: Ever, { status }: Settled, id: string): Promise<string | undefined> {
  return status === 'cancelled' ? cancelledBy(ever, id) : undefined
}

type Is = (reason: string, sentence: string, fix?: string) => Explanation

function running(
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

async function ready(
  ever: Ever,
  info: RunInfo,
  run: RunRow | undefined,
  now: number,
  is: Is,
): Promise<Explanation> {
  const { flow, version, queue, due = now } = info
  const row = (await ever.store.queues()).find(({ name }) => name === queue)
  if (row && row.concurrency !== null && row.held >= row.concurrency) {
    const free =
      row.concurrency === 0
        ? 'is closed (its limit is 0)'
        : `is full (${row.held} of ${row.concurrency} held)`
    return is(
      'queue-full',
      `Ready since ${short(now - due)}, but its queue "${queue}" ${free}.`,
      'Wait for a run of the queue to end, or raise the limit with open({ queues }).',
    )
  }
  const workers = (await ever.store.sessions()).filter((session) => isAlive(session, now))
  const what = `flow "${flow}" in version "${version}"`
  const fix = `everloop work FILE (a file that exports ${what})`
  if (workers.length === 0) {
    return is(
      'no-worker',
      `Ready since ${short(now - due)}, but no worker is connected to this store.`,
      fix,
    )
  }
  const before = run && run.barren > 0 ? await suspectBefore(ever, workers) : undefined
  if (run && before) {
    const times = run.barren === 1 ? 'once' : `${run.barren} times`
    return is(
      'suspect',
      `Ready since ${short(now - due)}, but it lost its worker ${times} without getting further, and a worker executes such runs one at a time: worker "${cleanLine(before.worker.name, 80)}" is at run ${before.run}.`,
      `everloop runs explain ${before.run}`,
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
    `Ready since ${short(now - due)}, but ${several} that is connected (${names}) ${has}: probably nobody serves ${what}.`,
    fix,
  )
}

/** The first worker that holds a run which was lost without progress, and that run. */
async function suspectBefore(
  ever: Ever,
  workers: readonly SessionRow[],
): Promise<{ readonly worker: SessionRow; readonly run: string } | undefined> {
  for (const worker of workers) {
    const held = await ever.store.runs({ session: worker.token })
    const suspect = held.find(({ barren }) => barren > 0)
    if (suspect) return { worker, run: suspect.id }
  }
  return undefined
}

interface Waiting {
  readonly info: RunInfo
  readonly on: readonly WaitInfo[]
  readonly now: number
  readonly depth: number
}

async function waiting(
  ever: Ever,
  { info, on, now, depth }: Waiting,
  is: Is,
): Promise<Explanation> {
  const [first] = on
  if (!first) return is('message', `Waiting for a message since ${short(now - info.updated)}.`)
  const one = await waitSentence(ever, info.id, first, now, depth)
  if (on.length === 1) return is(first.kind, ended(`Waiting ${one.text}`), one.fix)
  const second = on[1] && (await waitSentence(ever, info.id, on[1], now, depth))
  const more = on.length > 2 ? `; and for ${on.length - 2} more` : ''
  return is(
    first.kind,
    ended(`Waiting for ${on.length} things: ${one.text}; ${second?.text ?? ''}${more}`),
    one.fix,
  )
}

interface WaitText {
  readonly text: string
  readonly fix: string | undefined
}

async function waitSentence(
  ever: Ever,
  run: string,
  wait: WaitInfo,
  now: number,
  depth: number,
): Promise<WaitText> {
  const { kind, what, question, since, due } = wait
  const told = excerpt(what, 200)
  const until = due === undefined ? '' : `, at most until ${dateTime(due)} (${ago(due, now)})`
  switch (kind) {
    case 'approval':
      return {
        text: `for an approval since ${short(now - since)}${until}: ${told}`,
        fix: question && `everloop approvals show ${question}`,
      }
    case 'effect':
      return {
        text:
          question === undefined
            ? `to know what came of ${told}${until}: it may take effect so long; then its \`reconcile\` is asked, or a person`
            : `for somebody to say what came of a call${until}: ${told}`,
        fix: question && `everloop questions show ${question}`,
      }
    case 'undo':
      return {
        text: `to undo something once more${until} after it failed: ${told}`,
        fix: undefined,
      }
    case 'question': {
      const refused = question && (await lastRefusal(ever, { id: question, run }))
      const why =
        refused === undefined
          ? ''
          : `; the last one was refused: ${quoted(cleanLine(refused, 200))}`
      return {
        text: `since ${short(now - since)} for an answer to ${quoted(told)} (question ${question ?? ''})${until}${why}`,
        fix: `everloop questions answer ${question ?? ''} JSON`,
      }
    }
    case 'signal':
      if (awaitsMessage(wait)) {
        return {
          text: `since ${short(now - since)} for the next message of its conversation${until}`,
          fix: `everloop signal ${run} message '"…"'`,
        }
      }
      return {
        text: `since ${short(now - since)} for the signal ${quoted(told)}${until}`,
        fix: `everloop signal ${run} ${shellWord(what)} JSON`,
      }
    case 'timer':
      return {
        text: due === undefined ? 'for a date' : `until ${dateTime(due)} (${ago(due, now)})`,
        fix: undefined,
      }
    case 'retry': {
      const when = due === undefined ? 'later' : `${ago(due, now)}, at ${dateTime(due)}`
      return {
        text: `to try step "${cleanLine(wait.path, 100)}" again ${when}: it failed with ${quoted(told)}`,
        fix: undefined,
      }
    }
    case 'child': {
      if (depth >= depthMax)
        return { text: `for its child ${what}`, fix: `everloop runs explain ${what}` }
      const child = await explain(ever, what, depth + 1)
      const sentence = child.sentence.replace(/\.$/, '')
      return {
        text: `since ${short(now - since)} for its child ${what}, which says: ${sentence}`,
        fix: child.fix,
      }
    }
  }
}

/** What is to be done about a pause, by its code. */
const pauseFixes: Readonly<Record<string, (id: string) => string>> = {
  PAUSED: (id) => `everloop runs resume ${id}`,
  STALLED: (id) => `Put what the flow awaits into run.step, then: everloop runs resume ${id}`,
  CRASH_LOOP: (id) => `Mend what kills or freezes the process, then: everloop runs resume ${id}`,
  DIVERGED: (id) =>
    `Put the old code back, then: everloop runs resume ${id}. Or: everloop runs cancel ${id}`,
  DRIFTED: (id) =>
    `Put the old code back, then: everloop runs resume ${id}. Or: everloop runs cancel ${id}`,
  HIDDEN_STATE: (id) =>
    `Move what the loop keeps outside into its state, then: everloop runs resume ${id}`,
  MIGRATION_FAILED: (id) =>
    `Mend \`migrate\` of the other version, then: everloop runs resume ${id}`,
  UNKNOWN_ACTION: (id) =>
    `Serve a file that exports the action, then: everloop runs resume ${id}. Or: everloop runs undo ${id} --file FILE`,
  INTERNAL: (id) => `Report it, with the message, then: everloop runs resume ${id}`,
  BROKEN_CHAIN: (id) => `everloop runs verify ${id}, then restore the store from a backup`,
}

/** What became of undoing it, and what to do about what could not be undone. */
function undoneText(
  undos: readonly UndoInfo[],
  id: string,
): { readonly text: string; readonly fix: string | undefined } {
  if (undos.length === 0) return { text: '', fix: undefined }
  const done = undos.filter(({ state }) => state === 'undone').length
  const left = undos.filter(({ state }) => state === 'failed' || state === 'registered')
  const names = [...new Set(left.map(({ action }) => cleanLine(action, 40)))].join(', ')
  const said = ` Of ${counted(undos.length, 'thing')} to undo, ${done === 1 ? '1 is' : `${done} are`} undone`
  return left.length === 0
    ? { text: `${said}.`, fix: undefined }
    : {
        text: `${said}; ${left.length} could not be: ${names}.`,
        fix: `everloop runs undo ${id} --file FILE (a file that exports the actions)`,
      }
}

function atRest(
  settled: Exclude<Settled, { status: 'waiting' }>,
  { info, undos, by, now }: AtRest,
  is: Is,
): Explanation {
  const when = ago(info.updated, now)
  switch (settled.status) {
    case 'completed':
      return is('completed', `Completed ${when}: there is nothing left to do.`)
    case 'cancelled': {
      const undone = undoneText(undos, info.id)
      const who = by === undefined ? '' : ` by ${cleanLine(by, 60)}`
      const sentence = `Cancelled ${when}${who}: ${sentenceOf(settled.reason)}${undone.text}`
      return is('cancelled', sentence, undone.fix)
    }
    case 'failed': {
      const { name, code, message } = settled.error
      const kind = code === undefined ? name : `${name} ${code}`
      const undone = undoneText(undos, info.id)
      const { why, fix } = retryAdvice(info.id, settled.error, undos)
      return is(
        'failed',
        `Failed ${when} with ${cleanLine(kind, 100)}: ${sentenceOf(message)}${undone.text}${why === undefined ? '' : ` ${why}`}`,
        undone.fix ?? fix,
      )
    }
    case 'paused': {
      const fix = pauseFixes[settled.code] ?? ((id: string) => `everloop runs resume ${id}`)
      return is(
        'paused',
        `Paused ${when} (${cleanLine(settled.code, 40)}): ${sentenceOf(settled.message)}`,
        fix(info.id),
      )
    }
  }
}

/**
 * A name out of a flow as one word of a POSIX shell, because people copy what is printed here. One
 * that cannot be printed as it is (controls, line breaks, great length) leaves a placeholder.
 */
function shellWord(text: string): string {
  return cleanLine(text, 200) === text ? `'${text.replaceAll("'", `'\\''`)}'` : 'NAME'
}

/** With a full stop, where none of its own ends it. */
const ended = (text: string): string => (/[.!?…]["”]?$/.test(text) ? text : `${text}.`)

/** In quotes that it does not hold itself. */
const quoted = (text: string): string => (text.includes('"') ? `“${text}”` : `"${text}"`)

/** One line of it, cut between words. */
function excerpt(text: string, unitsMax: number): string {
  const line = cleanLine(text, unitsMax)
  if (!line.endsWith('…') || line.length < unitsMax) return line
  const space = line.lastIndexOf(' ')
  return space > unitsMax / 2 ? `${line.slice(0, space)} …` : line
}

function sentenceOf(text: string): string {
  return ended(excerpt(text, 400))
}
