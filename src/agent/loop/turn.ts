/**
 * The loop of an agent, the only one: guards on what came in, the model's answer, guards on it, the
 * calls it proposes in parallel, and the state that the next turn begins with.
 *
 * - N1 A turn is one scope of the ledger: what was done in it is served from there, and a resume reads
 *   one turn, however many there were.
 * - N2 Calls are not begun before the answer that proposes them is recorded.
 * - N3 The model is told of all calls of an answer at once, in the order in which it made them.
 * - N4 What was said to the agent while it worked is in the conversation of the next turn.
 */
import { EverloopError } from '../../base/errors.ts'
import { holdIn, isRecorded, signalIn, taintIn } from '../../run/inside.ts'
import type { Done, Next, Turn } from '../../run/index.ts'
import type { Agency } from './agency.ts'
import { type CallEnd, takeCall } from '../calls/call.ts'
import { higher } from '../budgets/budget.ts'
import { compacted } from './compaction.ts'
import { conclude, concludeNow } from './conclusion.ts'
import { entitle } from './entitle.ts'
import { halt } from './halt.ts'
import { Inbox, messageSignal } from './inbox.ts'
import { answerText } from '../model/answer-text.ts'
import type { AnswerPart } from '../model/answer.ts'
import { proposedCalls, shownCall } from '../model/proposed-calls.ts'
import { retold } from '../model/retold.ts'
import { progressOf } from './progress.ts'
import { asUserMessage } from './prompt.ts'
import { proposedBefore } from '../calls/proposed-before.ts'
import { askModel, requestMessages } from './reply.ts'
import { sentBack } from './sent-back.ts'
import { rule } from '../guards/ruling.ts'
import { spend } from '../budgets/spending.ts'
import { type AgentState, heard, remembered, type UserMessage, withMessages } from './state.ts'
import { keyOfCall, keysBefore } from '../calls/tool-call.ts'

/** Takes a turn, and returns what the loop does next. */
export async function takeTurn(
  at: Agency,
  run: Turn<AgentState>,
  state: AgentState,
): Promise<Next | Done<unknown>> {
  taintIn(run, state.tainted)
  if (state.phase === 'listening') return listen(at, run, state)
  at.artifacts = state.artifacts
  const inbox = new Inbox(run)
  const goOn = async (after: AgentState): Promise<Next> =>
    run.next(heard(after, await inbox.close()))
  /** Whether the model gets no further try. Who has spoken meanwhile is heard in any case (N4). */
  const isLast = (after: AgentState): boolean => isStopped(at, run, after) && !inbox.hasMessages
  /** Ends with what was said last, or waits for the next message. */
  const end = async (spoken: AgentState): Promise<Next | Done<unknown>> => {
    const concluded = await conclude(at, run, spoken, () => isLast(spoken))
    if (concluded.is === 'again') return goOn(concluded.state)
    // Somebody spoke while the last answer was given: then it was not the last one.
    const late = await inbox.close()
    if (late.length > 0) return run.next(heard(spoken, late))
    if (at.agent.conversation) return run.next({ ...withoutStrikes(spoken), phase: 'listening' })
    return run.done(concluded.output)
  }

  await entitle(run, state, {
    title: at.agent.title,
    later: [...state.pending.map((_, i) => inputKey(i)), ...toModel],
  })
  const admitted = await admit(at, run, state)
  if (admitted.phase === 'listening') return goOn(admitted)
  // What came behind the last answer was refused, so it was the last one. Builds that asked once more
  // may have recorded that (C4).
  const isAsked = toModel.some((key) => isRecorded(run, key))
  if (hasAnswered(admitted) && !isAsked) return end(admitted)
  const { answered, parts, isPaused } = await spend(at, run, admitted.raised, {
    key: 'budget:turn',
    call: 'model',
    before: beforeModel.slice(1),
    cost: { amounts: { turns: 1 }, unknown: ['tokens', 'microUsd', 'timeMs'] },
    execute: async (raised) => answer(at, run, await compacted(at, run, { ...admitted, raised })),
  })
  const calls = proposedCalls(parts)

  const ruling = await rule(at, run, answered, {
    position: 'answer',
    key: 'guard:answer',
    later: [
      ...calls.flatMap(({ id }) => [...Object.values(keysBefore(id)), keyOfCall(id)]),
      'guard:output',
    ],
    subject: { text: answerText(parts), calls: calls.map(shownCall) },
  })
  if (ruling.is === 'deny' || ruling.is === 'retry') {
    if (!isLast(answered)) return goOn(sentBack(at, run, answered, { ...ruling, what: 'answer' }))
    throw halt(
      'GUARD_DENIED',
      `Agent "${at.agent.name}" was stopped, and guard "${ruling.by}" denied its last answer: ${ruling.reason}`,
      run.id,
    )
  }
  const said = ruling.isFixed ? retold(parts, ruling.subject.text) : parts
  const spoken = withMessages(answered, [{ role: 'assistant', parts: said }])

  // What guards said of the output is proof that the model got no further try then (C4).
  const wasStopped = isRecorded(run, 'guard:output')
  if (calls.length > 0) {
    const states = proposedBefore(at, spoken, calls)
    const ends = await Promise.all(
      calls.map((part, i) => takeCall(at, run, states[i] ?? spoken, part)),
    )
    const after = withEnds(spoken, ends)
    if (!wasStopped && !isStopped(at, run, after, ends)) return goOn(after)
    // Somebody spoke meanwhile: then it goes on once more (N4), and this is no output.
    if (inbox.hasMessages) return goOn(after)
    return endNow(at, run, after, inbox)
  }
  const { pauses = 0 } = spoken
  if (isPaused && pauses < pausesMax && !wasStopped && !isLast(spoken)) {
    return goOn({ ...withMessages(spoken, [goingOn]), pauses: pauses + 1 })
  }
  return end(spoken)
}

/** Waits for the next message, as long as the conversation allows. Costs nothing meanwhile. */
async function listen(
  at: Agency,
  run: Turn<AgentState>,
  state: AgentState,
): Promise<Next | Done<unknown>> {
  const { idleMs } = at.agent
  try {
    const timeout = idleMs === undefined ? {} : { timeout: idleMs }
    const { value, by } = await signalIn(run, messageSignal, { key: 'next message', ...timeout })
    return run.next(heard(state, [asUserMessage(value, by)]))
  } catch (error) {
    if (EverloopError.is(error) && error.code === 'EXPIRED') {
      return endNow(at, run, state, new Inbox(run))
    }
    throw error
  }
}

/** Ends with what was said last, unless somebody speaks while that is judged (N4). */
async function endNow(
  at: Agency,
  run: Turn<AgentState>,
  state: AgentState,
  inbox: Inbox,
): Promise<Next | Done<unknown>> {
  const concluded = await concludeNow(at, run, state, () => !inbox.hasMessages)
  const late = await inbox.close()
  return concluded.is === 'again' || late.length > 0
    ? run.next(heard(state, late))
    : run.done(concluded.output)
}

const inputKey = (i: number): string => `guard:input:${i + 1}`

/** What comes between the guards on what came in and the model, in order. */
const beforeModel = ['budget:turn', 'guard:compaction', 'compaction', 'guard:request']
const toModel = [...beforeModel, 'model']

/** Guards on what came in. What they refuse is not in the conversation. */
async function admit(at: Agency, run: Turn<AgentState>, state: AgentState): Promise<AgentState> {
  const { pending, messages } = state
  if (pending.length === 0) return state
  const admitted: UserMessage[] = []
  for (const [i, message] of pending.entries()) {
    const ruling = await rule(at, run, state, {
      position: 'input',
      key: inputKey(i),
      later: [...pending.slice(i + 1).map((_, n) => inputKey(i + 1 + n)), ...toModel],
      subject: { text: message.text },
    })
    if (ruling.is === 'allow' || ruling.is === 'ask') {
      admitted.push(ruling.isFixed ? { ...message, text: ruling.subject.text } : message)
    } else if (!at.agent.conversation && messages.length === 0) {
      throw halt(
        'GUARD_DENIED',
        `Guard "${ruling.by}" denied what agent "${at.agent.name}" was asked: ${ruling.reason}`,
        run.id,
      )
    }
  }
  const after: AgentState = { ...withMessages(state, admitted), pending: [], phase: 'thinking' }
  if (!at.agent.conversation) return after
  return hasAnswered(after) || after.messages.length === 0
    ? { ...after, phase: 'listening' }
    : after
}

/** Whether there is nothing for the model to say more about. */
const hasAnswered = ({ messages }: AgentState): boolean => messages.at(-1)?.role === 'assistant'

/** What a model that has paused is told: there are models that refuse to go on behind their own words. */
const goingOn: UserMessage = { role: 'user', text: 'Go on.' }

/** How often in a row it is told so. Each time is paid for, and nothing else may bound it. */
const pausesMax = 8

interface Answered {
  readonly answered: AgentState
  readonly parts: readonly AnswerPart[]
  readonly isPaused: boolean
}

/** Asks the model, once guards let the request pass. */
async function answer(at: Agency, run: Turn<AgentState>, state: AgentState): Promise<Answered> {
  const isGuarded = at.guards.some((one) => one.at.includes('request'))
  const messages = isGuarded ? await holdIn(run, requestMessages(at, run, state)) : []
  const ruling = await rule(at, run, state, {
    position: 'request',
    key: 'guard:request',
    later: ['model'],
    subject: { messages, model: at.modelName, tools: [...at.tools.keys()] },
  })
  if (ruling.is === 'deny' || ruling.is === 'retry') {
    throw halt(
      'GUARD_DENIED',
      `Guard "${ruling.by}" denied a request of agent "${at.agent.name}" to its model: ${ruling.reason}`,
      run.id,
    )
  }
  const fixed = ruling.isFixed ? (ruling.subject.messages as typeof messages) : undefined
  const { answer: given, definition, context = 0 } = await askModel(at, run, state, fixed)
  const answered: AgentState = {
    ...state,
    turns: state.turns + 1,
    definition,
    context: given.usage.input ?? context,
    ...(given.isBare && { bare: state.messages.length }),
  }
  return { answered, parts: given.content, isPaused: given.finishReason === 'paused' }
}

/** The state after all calls of an answer, in the order of the calls (N3). */
function withEnds(state: AgentState, ends: readonly CallEnd[]): AgentState {
  const raised = ends.reduce((most, end) => higher(most, end.raised), state.raised)
  const told = ends.flatMap(({ result }) => result.artifact?.artifact ?? [])
  return withoutStrikes({
    ...withMessages(state, [{ role: 'tool', results: ends.map(({ result }) => result) }]),
    calls: state.calls + ends.length,
    raised,
    artifacts: told.length > 0 ? [...state.artifacts, ...told] : state.artifacts,
    history: remembered(
      state,
      ends.map(({ past }) => past),
    ),
  })
}

/** Guards were content: what was sent back before is forgiven. */
const withoutStrikes = ({ pauses: _over, ...state }: AgentState): AgentState => ({
  ...state,
  retries: {},
  repairs: 0,
})

/** Whether the agent is to end now, although the model would go on. */
function isStopped(
  { agent }: Agency,
  run: Turn<AgentState>,
  state: AgentState,
  ends: readonly CallEnd[] = [],
): boolean {
  const { turns = Infinity, tools = [], when } = agent.stop ?? {}
  const isDone = ends.some(({ result, hasReturned }) => hasReturned && tools.includes(result.tool))
  if (isDone || state.turns >= turns) return true
  return when?.(progressOf(run.id, state)) ?? false
}
