/** What each entry must fulfil at the moment it is committed. */
import { encode, flaw, isOutcome, isWait, isWithin, operationPath } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import type { Append, Message } from '../../src/store/store.ts'
import { checkApproval } from './approval-checks.ts'
import { checkHeard, checkInbox, checkOutput } from './conversation-checks.ts'
import {
  checkDelegation,
  checkLimits,
  checkSameChild,
  isForWantOfConsent,
  noteChildren,
} from './child-checks.ts'
import { checkEffect } from './effect-checks.ts'
import { endKinds, isQuestion, type Mirror } from './mirror.ts'
import { checkMove } from './move-checks.ts'
import { recordOf } from './record-of.ts'
import type { Must } from './must.ts'
import type { Sight } from './sight.ts'
import { checkChildTaints } from './taint-checks.ts'

/** Checks the entry against the run before it, adds it, and checks what follows from it. */
export function checkEntry(
  observer: Sight,
  run: Mirror,
  entry: Entry,
  append: Append | undefined,
): void {
  const { report } = observer
  const { head } = run
  const { kind } = entry
  const where = `entry ${entry.seq} (${entry.kind} ${operationPath(entry.scope, entry.key)}) of ${run.id}`
  report.trace(
    () =>
      `   ${run.id} #${entry.seq} e${entry.epoch} ${entry.kind} ${operationPath(entry.scope, entry.key)} ${entry.payload?.slice(0, 160) ?? ''}`,
  )
  const must = (condition: boolean, invariant: string, what: string): void =>
    report.check(condition, invariant, () => `${where}: ${what}`)

  must(entry.seq === (head?.seq ?? 0) + 1, 'chain', `it comes after entry ${head?.seq ?? 0}`)
  const wrong = flaw(entry, head?.hash ?? '')
  must(wrong === undefined, 'chain', wrong ?? '')
  must(
    entry.time >= (head?.time ?? 0),
    'entry time',
    'its time lies before that of its predecessor',
  )
  if (entry.time > observer.now) report.reach('entry time held while the clock was back')
  if (append) must(entry.epoch === append.epoch, 'fence', `it was written in epoch ${append.epoch}`)
  checkStatus(observer, run, entry, must)
  checkOperation(observer, run, entry, must)
  checkInput(run, entry, must)
  checkEffect(observer, run, entry, must)
  checkMove(observer, run, entry, must)
  checkApproval(observer, run, entry, { must, session: append?.session })
  const own = observer.steadyAgent(run.flow)?.budget
  const speaks = observer.agents.get(run.flow)?.models !== undefined
  observer.accounts.see(run, entry, { own, speaks }, must)
  if (run.isAgent) observer.attempts.check(run, entry, must)
  if (append) {
    checkMessages(run, entry, append, must)
    checkPause(run, entry, append, must)
  }
  if (kind === 'run.cancelling') spareEnded(observer, run)
  reachStates(observer, run, entry)
  const parent = kind === 'run.started' ? observer.runs.get(run.parent ?? '') : undefined
  if (parent) {
    checkChildTaints(observer, parent, entry, must)
    checkLimits(observer, parent, entry, must)
  }
  checkDelegation(observer, run, entry, must)
  checkSameChild(observer, run, entry, must)
  run.apply(entry)
  if (kind === 'run.retried') noteChildren(observer, run)
  const agent = observer.steadyAgent(run.flow)
  if (kind === 'run.completed' && agent) checkOutput(run, agent, must)
  const isListening = kind === 'signal.awaited' && entry.key === listeningKey
  if (run.isAgent && (isListening || kind === 'run.completed')) checkHeard(run, must)
  if (run.isAgent && kind === 'run.completed') checkInbox(run, must)
  const closed = closedBy(entry)
  if (closed !== undefined) closeScope(observer, run, closed, append, must)
}

function checkStatus(observer: Sight, run: Mirror, entry: Entry, must: Must): void {
  const { kind } = entry
  if (run.hasEnded) {
    const isRetry = run.status === 'failed' && (kind === 'run.retried' || kind === 'run.overtaken')
    const isByHand = run.isInHand && (kind === 'run.undoing' || kind.startsWith('undo.'))
    must(isRetry || isByHand, 'status', `the run had ${run.status} before`)
  } else if (run.status === 'paused') {
    const isOpening = ['run.resumed', 'run.cancelled', 'run.overtaken'].includes(kind)
    must(isOpening || (run.isInHand && kind === 'undo.skipped'), 'status', 'the run is paused')
  }
  if (run.isCancelling) {
    const isInTime = kind !== 'run.failed' || recordOf(entry, kind).error.code === 'DEADLINE'
    must(kind !== 'run.completed' && isInTime, 'cancel', 'the run was being cancelled')
  }
  if (kind !== 'run.paused') return
  // A sound program meets no other pauses.
  const { code, message } = recordOf(entry, kind)
  const { head } = run
  const losses = head?.kind === 'run.overtaken' ? recordOf(head, head.kind).times : run.barren
  const isCrashLoop = code === 'CRASH_LOOP' && losses >= 3
  const isForWant = code === 'UNKNOWN_ACTION' && observer.mayLackActions
  if (isForWant) observer.report.reach('run paused for want of an action')
  const isForConsent = code === 'CHILD_GONE' && isForWantOfConsent(observer, run)
  if (isForConsent) observer.report.reach('run paused because of what a child had done')
  const isExpected = code === 'PAUSED' || isCrashLoop || isForWant || isForConsent
  must(isExpected, 'pause', `the run is paused: ${code} ${message}`)
}

function checkOperation(observer: Sight, run: Mirror, entry: Entry, must: Must): void {
  const { kind, scope, key } = entry
  const path = operationPath(scope, key)
  const begun = run.begun.get(path)
  if (isOutcome(kind) || isWait(kind)) {
    must(!run.outcomes.has(path), 'outcome', 'the operation has an outcome already')
    const done = run.successAround(path)
    const isRepeated = done && done.kind === kind && done.payload === entry.payload
    must(!done || isRepeated === true, 'effects', `entry ${done?.seq} had ended it well`)
    if (done) {
      must(run.retries > 0, 'effects', 'it is repeated, but the run was not retried')
      observer.report.reach('success repeated after a retry')
      return
    }
  }
  switch (kind) {
    case 'timer.fired': {
      const due = begun ? dueOf(begun) : undefined
      must(due !== undefined && due <= observer.peak, 'due times', 'the timer fired early')
      if (due !== undefined && observer.wasDownAt(due)) {
        observer.report.reach('timer due while every worker was down')
      }
      return
    }
    case 'signal.expired':
    case 'question.expired':
    case 'approval.expired': {
      const due = begun ? dueOf(begun) : undefined
      must(due !== undefined && due <= observer.peak, 'due times', 'the wait expired early')
      const left = messagesFor(run, begun).length - rivalsOf(run, begun)
      must(left <= 0, 'waiting', 'it expired although a message had come')
      return
    }
    case 'undo.completed':
    case 'undo.failed': {
      const { of } = recordOf(entry, kind)
      const next = run.plan.find((one) => !run.undone.has(one.of))
      must(run.isUndoing, 'undo', 'the run is not being undone')
      must(next?.of === of, 'undo', `entry ${next?.of} is to be undone before`)
      const hasActed = next !== undefined && observer.outside.wasUndone(run.id, next.path)
      must(kind === 'undo.failed' || hasActed, 'undo', 'nobody has done so')
      return
    }
    case 'undo.skipped': {
      const { of } = recordOf(entry, kind)
      const isOpen = !run.undone.has(of) || run.undoFailures.has(of)
      must(isOpen, 'undo', `entry ${of} was undone, or left out, before`)
      must(run.isInHand && (run.hasEnded || run.isUndoing), 'undo', 'it is left out too early')
      return
    }
    case 'step.retrying': {
      const call = run.calls.get(path)
      const last = begun?.kind === 'step.retrying' ? recordOf(begun, kind).attempt : 0
      const before = call?.effect === 'once' ? call.attempt - 1 : last
      const { attempt } = recordOf(entry, kind)
      must(attempt === before + 1, 'retries', `attempt ${attempt} comes after attempt ${before}`)
      return
    }
    case 'child.completed':
    case 'child.failed':
      checkChild(observer, begun, entry, must)
      return
    case 'turn.committed': {
      const before = run.turns.get(scope) ?? 0
      must(Number(key) === before + 1, 'turns', `turn ${key} comes after turn ${before}`)
      run.turns.set(scope, Number(key))
    }
  }
}

/** What is recorded of a step's input is what its code has asked with. */
function checkInput(run: Mirror, entry: Entry, must: Must): void {
  const { kind, scope, key } = entry
  const asked = run.asked.get(operationPath(scope, key))
  if (!asked || (kind !== 'step.completed' && kind !== 'step.failed' && kind !== 'effect.intended'))
    return
  const { input } = recordOf(entry, kind)
  must(
    input !== undefined && asked.has(input),
    'input',
    `its input is ${input}, which nobody has asked with`,
  )
}

/** A parent is told how its child really ended. */
function checkChild(observer: Sight, begun: Entry | undefined, entry: Entry, must: Must): void {
  const child = begun && observer.runs.get(recordOf(begun, 'child.started').run)
  // A child that failed may have been told to go on before its parent took the message.
  const ends = child?.entries.filter(({ kind }) => endKinds.includes(kind)) ?? []
  must(ends.length > 0, 'children', 'the child has not ended')
  const end = ends.at(-1)
  if (entry.kind !== 'child.completed' || end?.kind !== 'run.completed') return
  const { output } = recordOf(entry, 'child.completed')
  if (output === undefined) return // a large one is a reference
  const given = encode(recordOf(end, 'run.completed').output)
  must(encode(output) === given, 'children', 'the child had another output')
}

const dueOf = (entry: Entry): number | undefined =>
  (recordOf(entry, 'timer.set') as { readonly due?: number }).due

/** How many other operations wait for the same signal: each of them could take a message of it. */
function rivalsOf(run: Mirror, wait: Entry | undefined): number {
  if (wait?.kind !== 'signal.awaited') return 0
  const { name } = recordOf(wait, wait.kind)
  const waits = Array.from(run.begun.values()).filter(({ kind }) => kind === 'signal.awaited')
  return waits.filter((other) => recordOf(other, 'signal.awaited').name === name).length - 1
}

/** Messages in the inbox that this wait could take. */
function messagesFor(run: Mirror, wait: Entry | undefined): Message[] {
  if (!wait) return []
  const messages = Array.from(run.inbox.values())
  if (isQuestion(wait)) {
    return messages.filter(
      ({ kind, name }) => kind === 'answer' && name === `${run.id}/${wait.seq}`,
    )
  }
  const { name: awaited } = recordOf(wait, 'signal.awaited')
  return messages.filter(({ kind, name }) => kind === 'signal' && name === awaited)
}

/** Under which an agent waits for the next message. */
const listeningKey = '=next message'

/** What a message leads to: the kinds of entries that may take it. */
const takers: Partial<Record<Entry['kind'], Message['kind']>> = {
  'signal.received': 'signal',
  'signal.refused': 'signal',
  'question.answered': 'answer',
  'question.refused': 'answer',
  'effect.refused': 'answer',
  'approval.refused': 'answer',
  'approval.voted': 'answer',
  'approval.decided': 'answer',
  'message.received': 'signal',
  'child.completed': 'child',
  'child.failed': 'child',
}

/** Who cancels a run behind a pause wants it to end: it does not stay paused. */
function checkPause(run: Mirror, { kind }: Entry, { taken = [] }: Append, must: Must): void {
  const pauses = taken.filter((number) => run.inbox.get(number)?.kind === 'pause')
  if (kind !== 'run.paused' || pauses.length === 0) return
  must(Math.max(...pauses) > run.lastCancel, 'cancel', 'a cancel had come behind the pause')
}

/** A child is found that has completed: its output is read from its ledger. */
const isComeBackTo = ({ scope, key }: Entry, { entries }: Append): boolean =>
  entries.some((one) => one.kind === 'child.started' && one.scope === scope && one.key === key)

function checkMessages(run: Mirror, entry: Entry, append: Append, must: Must): void {
  const isToldByPerson =
    entry.kind === 'effect.resolved' && recordOf(entry, entry.kind).via === 'person'
  const wanted = isToldByPerson ? 'answer' : takers[entry.kind]
  if (wanted === undefined) return
  // What had come before a retry is not sent again.
  if (run.successAround(operationPath(entry.scope, entry.key))) return
  // Nor is that asked for which a child had told of before its parent was retried.
  if (entry.kind === 'child.completed' && isComeBackTo(entry, append)) return
  const taken = (append.taken ?? []).map((number) => run.inbox.get(number))
  const mine = taken.filter((message) => message?.kind === wanted)
  must(mine.length > 0, 'S5', 'no message was taken with it')
  const isHandedOver = ['signal.received', 'question.answered', 'message.received']
  if (!isHandedOver.includes(entry.kind)) return
  const value = encode(recordOf(entry, 'question.answered').value)
  const fitting = mine.find(
    (message) => message && encode((decodePayload(message) as { value: unknown }).value) === value,
  )
  must(fitting !== undefined, 'messages', 'its value is not that of the message it took')
  if (fitting?.kind !== 'signal') return
  for (const older of run.inbox.values()) {
    if (older.kind !== 'signal' || older.name !== fitting.name) continue
    const isFirst = older.number >= fitting.number || append.taken?.includes(older.number) === true
    must(isFirst, 'messages', 'an older signal of this name is still there')
  }
}

const decodePayload = (message: Message): unknown =>
  recordOf({ payload: message.payload } as Entry, 'signal.received')

/** The scope that ends with this entry; "" for the run. */
function closedBy({ kind, scope, key }: Entry): string | undefined {
  switch (kind) {
    case 'scope.closed':
    case 'scope.failed':
    case 'turn.committed':
      return operationPath(scope, key)
    case 'run.undoing':
    case 'run.completed':
    case 'run.failed':
    case 'run.cancelled':
      return ''
    default:
      return undefined
  }
}

/** A child that has ended takes no cancel, so one that is retried later goes on by itself. */
function spareEnded(observer: Sight, run: Mirror): void {
  for (const id of run.children.values()) {
    if (observer.runs.get(id)?.isAtRest === true) run.spared.add(id)
  }
}

/** Whoever is left in a scope that ends is told so. */
function closeScope(
  observer: Sight,
  run: Mirror,
  scope: string,
  append: Append | undefined,
  must: Must,
): void {
  const { inDoubt } = run
  const isLeft = inDoubt !== undefined && isWithin(inDoubt, scope)
  // Of a run that is cancelled without its code nobody can find out anything more.
  const isWithoutCode = run.status === 'cancelled' || (run.isUndoing && !run.isCancelling)
  must(!isLeft || isWithoutCode, 'E5', `"${inDoubt}" in it is in doubt`)
  for (const [path, id] of run.children) {
    if (!isWithin(path, scope)) continue
    const child = observer.runs.get(id)
    const isTold =
      child === undefined ||
      child.isAtRest ||
      child.isCancelling ||
      (child.isUndoing && child.lastCancel > 0) || // it has taken one, and was ending already
      run.spared.has(id) ||
      Array.from(child.inbox.values()).some(({ kind }) => kind === 'cancel') ||
      append?.deliver?.some((message) => message.run === id && message.kind === 'cancel') === true
    must(isTold, 'children', `child ${id} was left without a cancel`)
  }
  run.close(scope)
}

const undoings = {
  failed: 'failed run undone',
  cancelled: 'cancelled run undone',
  asked: 'ended run undone by hand',
} as const

function reachStates({ report }: Sight, run: Mirror, entry: Entry): void {
  const { kind, payload } = entry
  if (payload?.includes('"$":"ref"')) report.reach('value kept as a reference')
  if (payload?.includes('"abandoned":')) report.reach('scope closed with abandoned operations')
  switch (kind) {
    case 'run.cancelling':
      if (payload?.includes('"deadline":true')) report.reach('deadline passed')
      if (run.children.size > 0) report.reach('cancel of a run with a child')
      return
    case 'run.failed':
      if (recordOf(entry, kind).error.code !== 'DEADLINE' || run.isCancelling) return
      report.reach(
        entry.seq === 2 ? 'deadline passed before a run began' : 'deadline passed at the end',
      )
      return
    case 'run.cancelled':
      if (entry.seq === 2) report.reach('cancel of a run that had not begun')
      return
    case 'run.completed':
      if (run.retries > 0) report.reach('retried run completed')
      return
    case 'run.undoing':
      report.reach(undoings[recordOf(entry, kind).because])
      if (run.isInHand && !run.hasEnded) report.reach('run ended by hand')
      return
    case 'undo.skipped':
      report.reach('undo left out by hand')
      return
    case 'input.drifted':
      report.reach('input drifted')
      return
    case 'undo.retrying':
      report.reach('undo retried')
      return
    case 'undo.failed':
      report.reach('undo failed')
      return
    case 'run.paused':
      if (recordOf(entry, kind).code === 'CRASH_LOOP') report.reach('parked as a crash loop')
      return
    case 'run.resumed':
      report.reach('run paused and resumed')
      return
    case 'run.retried':
      report.reach('failed run retried')
      return
    case 'turn.committed':
      if (entry.key !== '1' && payload?.startsWith('{"base":')) {
        report.reach('whole turn in the middle of a loop')
      }
      if (payload?.includes('"$":"list"')) report.reach('state kept in blocks')
      return
    case 'signal.refused':
    case 'question.refused':
      report.reach('value refused by the schema of the holder')
  }
}
