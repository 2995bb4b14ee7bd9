/**
 * The loop of an agent, the only one: guards on what came in, the model's answer, guards on it, the
 * calls it proposes in parallel, and the state that the next turn begins with.
 *
 * - N1 A turn is one scope of the ledger: what was done in it is served from there, and a resume reads
 *   one turn, however many there were.
 * - N2 Calls are not begun before the answer that proposes them is recorded.
 * - N3 The model is told of all calls of an answer at once, in the order in which it made them.
 */
import { EverloopError } from '../../base/errors.ts'
import { holdIn, isRecorded, signalIn, taintIn } from '../../run/inside.ts'
import type { Next, Turn } from '../../run/index.ts'
import { admit, hasAnswered } from './admission.ts'
import type { Agency } from './agency.ts'
import { type CallEnd, takeCall } from '../calls/call.ts'
import { compacted } from './compaction.ts'
import { entitle } from './entitle.ts'
import { halt } from './halt.ts'
import { messageSignal } from './inbox.ts'
import { answerText } from '../model/answer-text.ts'
import type { AnswerPart, ToolCallPart } from '../model/answer.ts'
import { proposedCalls, shownCall } from '../model/proposed-calls.ts'
import { retold } from '../model/retold.ts'
import { asUserMessage } from './prompt.ts'
import { proposedBefore } from '../calls/proposed-before.ts'
import { askModel, type Reply, requestMessages } from './reply.ts'
import { isJudged, rule, type Ruling } from '../guards/ruling.ts'
import { isTakenUp, modelCost, spend, spendMore } from '../budgets/spending.ts'
import {
  type AgentState,
  heard,
  remembered,
  type UserMessage,
  withMessages,
  withoutStrikes,
} from './state.ts'
import { keyOfCall, keysBefore } from '../calls/tool-call.ts'
import { TurnEnd } from './turn-end.ts'
import { beforeModel, inputKeys, toModel, turnKeys } from './turn-keys.ts'

/** Takes a turn, and returns what the loop does next. */
export async function takeTurn(
  at: Agency,
  run: Turn<AgentState>,
  state: AgentState,
): Promise<Next> {
  taintIn(run, state.tainted)
  if (state.phase === 'listening') return listen(at, run, state)
  at.artifacts = state.artifacts
  const end = new TurnEnd(at, run)
  if (run.turn === 1) {
    const { title } = at.agent
    const later = [...inputKeys(state), ...toModel]
    await entitle(run, state, { title, isPast: later.some((key) => isTakenUp(run, key)) })
  }
  const admitted = state.pending.length === 0 ? state : await admit(at, run, state)
  if (admitted.phase === 'listening') return end.goOn(admitted)
  // What came behind the last answer was refused, so it was the last one. Builds that asked once more
  // may have recorded that (C4).
  const isAsked = toModel.some((key) => isRecorded(run, key))
  if (hasAnswered(admitted) && !isAsked) return end.conclude(admitted)
  const reply = await answer(at, run, admitted)
  const { answered, parts, isPaused } = reply
  const calls = proposedCalls(parts)
  const ruling = await ruleOn(at, run, reply, calls)
  if (ruling.is === 'deny' || ruling.is === 'retry') return end.sendBack(answered, ruling)
  const said = ruling.isFixed ? retold(parts, ruling.subject.text) : parts
  const spoken = withMessages(answered, [{ role: 'assistant', parts: said }])

  // What guards said of the output is proof that the model got no further try then (C4).
  const wasStopped = isTakenUp(run, turnKeys.outputGuard)
  if (calls.length > 0) {
    const states = proposedBefore(at, spoken, calls)
    const ends = await Promise.all(
      calls.map((part, i) => takeCall(at, run, states[i] ?? spoken, part)),
    )
    const after = withEnds(spoken, ends)
    const isOver = wasStopped || end.isStopped(after, ends)
    // Somebody spoke meanwhile: then it goes on once more (N4), and this is no output.
    return isOver && !end.hasMessages ? end.stop(after) : end.goOn(after)
  }
  const { pauses = 0 } = spoken
  if (isPaused && pauses < pausesMax && !wasStopped && !end.isLast(spoken)) {
    return end.goOn({ ...withMessages(spoken, [goingOn]), pauses: pauses + 1 })
  }
  return end.conclude(spoken)
}

/** Waits for the next message, as long as the conversation allows. Costs nothing meanwhile. */
async function listen(at: Agency, run: Turn<AgentState>, state: AgentState): Promise<Next> {
  const { idleMs } = at.agent
  try {
    const timeout = idleMs === undefined ? {} : { timeout: idleMs }
    const { value, by } = await signalIn(run, messageSignal, {
      key: turnKeys.nextMessage,
      ...timeout,
    })
    return run.next(heard(state, [asUserMessage(value, by)]))
  } catch (error) {
    if (EverloopError.is(error) && error.code === 'EXPIRED') {
      return new TurnEnd(at, run).stop(state)
    }
    throw error
  }
}

/** What a model that has paused is told: there are models that refuse to go on behind their own words. */
const goingOn: UserMessage = { role: 'user', text: 'Go on.' }

/** How often in a row it is told so. Each time is paid for, and nothing else may bound it. */
const pausesMax = 8

interface Answered {
  readonly answered: AgentState
  readonly parts: readonly AnswerPart[]
  readonly isPaused: boolean
}

/** Asks the model, when there is room for it. */
const answer = (at: Agency, run: Turn<AgentState>, state: AgentState): Promise<Answered> =>
  spend(at, run, state.raised, {
    key: turnKeys.budget,
    call: turnKeys.model,
    before: beforeModel,
    cost: { ...modelCost, amounts: { turns: 1 } },
    execute: async (raised) => {
      const { state: shorter, hasAsked } = await compacted(at, run, { ...state, raised })
      return request(at, run, shorter, hasAsked)
    },
  })

/**
 * Asks the model, once guards let the request pass. `hasSpent`: since the budget was asked. Then it is asked
 * again, and so it is behind judges.
 */
async function request(
  at: Agency,
  run: Turn<AgentState>,
  state: AgentState,
  hasSpent: boolean,
): Promise<Answered> {
  const isGuarded = at.guards.some((one) => one.at.includes('request'))
  const messages = isGuarded ? await holdIn(run, requestMessages(at, run, state)) : []
  const ruling = await rule(at, run, state, {
    position: 'request',
    key: turnKeys.requestGuard,
    later: [turnKeys.room, turnKeys.model],
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
  const ask = (): Promise<Reply> => askModel(at, run, state, fixed)
  const {
    answer: given,
    definition,
    context = 0,
  } = await spendMore(at, run, state.raised, {
    key: turnKeys.room,
    call: turnKeys.model,
    hasSpent: hasSpent || isJudged(at, 'request'),
    execute: ask,
  })
  const answered: AgentState = {
    ...state,
    turns: state.turns + 1,
    definition,
    context: given.usage.input ?? context,
    ...(given.isBare && { bare: state.messages.length }),
  }
  return { answered, parts: given.content, isPaused: given.finishReason === 'paused' }
}

/** Guards on the answer. What is recorded of its calls, or of an output, is proof that it was let through. */
const ruleOn = (
  at: Agency,
  run: Turn<AgentState>,
  { answered, parts }: Answered,
  calls: readonly ToolCallPart[],
): Ruling<'answer'> | Promise<Ruling<'answer'>> =>
  rule(at, run, answered, {
    position: 'answer',
    key: turnKeys.answerGuard,
    later: [
      ...calls.flatMap(({ id }) => [...Object.values(keysBefore(id)), keyOfCall(id)]),
      turnKeys.outputGuard,
    ],
    subject: { text: answerText(parts), calls: calls.map(shownCall) },
  })

/** The state after all calls of an answer, in the order of the calls (N3). */
function withEnds(state: AgentState, ends: readonly CallEnd[]): AgentState {
  const told = ends.flatMap(({ result }) => result.artifact?.artifact ?? [])
  return withoutStrikes({
    ...withMessages(state, [{ role: 'tool', results: ends.map(({ result }) => result) }]),
    calls: state.calls + ends.length,
    artifacts: told.length > 0 ? [...state.artifacts, ...told] : state.artifacts,
    history: remembered(
      state,
      ends.flatMap(({ past }) => past),
    ),
  })
}
