/**
 * What must hold of an agent's conversation when its model is asked, and of what the agent ends with. What
 * is in it follows from the ledger: what came in, what the model said, and what guards let pass of both.
 */
import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import type { AgentSpec, GuardSpec } from './agent-spec.ts'
import type { Mirror } from './mirror.ts'
import type { Must } from './must.ts'
import { recordOf } from './record-of.ts'
import { TurnView } from './turn-view.ts'

/** N4: the model is told of what came in before the turn, once and in order, and of nothing that guards refused. */
export function checkConversation(
  {
    run,
    agent,
    isSteady,
  }: { readonly run: Mirror; readonly agent: AgentSpec; readonly isSteady: boolean },
  step: string,
  { prompt, must }: { readonly prompt: LanguageModelV4Prompt; readonly must: Must },
): void {
  const turn = turnOf(step)
  const now = new TurnView(run, turn)
  must(now.passes('guard:request'), 'C1', `the model is asked in "${step}" what a guard refused`)
  if (isSteady) checkJudged(run, agent, turn, must)
  const begin = compactedIn(run, turn)
  const told = prompt.flatMap((message) =>
    message.role === 'user'
      ? [message.content.map((part) => (part.type === 'text' ? part.text : '')).join('')]
      : [],
  )
  const { heard, refused } = heardIn(run, begin, turn)
  let at = 0
  for (const text of heard) {
    const place = told.indexOf(text, at)
    must(place >= 0, 'N4', `the model is not told "${text}" in "${step}", only ${told.join(' | ')}`)
    at = place + 1
  }
  // Whoever had no reply and gave no id says the same once more, and a compaction may have kept the first.
  const before = heardIn(run, 0, begin).heard
  for (const text of [...heard, ...refused]) {
    const [wanted = 0, times = 0, kept = 0] = [heard, told, before].map(
      (list) => list.filter((one) => one === text).length,
    )
    const isRight = times >= wanted && times <= wanted + kept
    must(isRight, 'N4', `the model is told "${text}" ${times} times in "${step}"`)
  }
  if (begin > 0) return
  const said = prompt.filter(({ role }) => role === 'assistant').length
  const wanted = spokenIn(run, turn - 1).length
  must(
    said === wanted,
    'N3',
    `of ${wanted} answers that stand, the model is told ${said} in "${step}"`,
  )
  if (isSteady) checkStop(run, agent, turn - 1, must)
}

/** Guards have seen what came in before this turn, and what the model is asked in it. */
function checkJudged(run: Mirror, { guards }: AgentSpec, turn: number, must: Must): void {
  const isWatched = (position: GuardSpec['at'][number]): boolean =>
    guards.some(({ at }) => at.includes(position))
  const now = new TurnView(run, turn)
  const isSeen = !isWatched('request') || now.outcome('guard:request') !== undefined
  must(isSeen, 'C1', `the model is asked in turn ${turn} what no guard has seen`)
  const pending = turn === 1 ? promptOf(run) : new TurnView(run, turn - 1).messages
  const unseen = pending.find((_, i) => now.outcome(`guard:input:${i + 1}`) === undefined)
  must(!isWatched('input') || unseen === undefined, 'C1', `no guard has seen "${unseen}"`)
}

/** What came in and stands in the conversation of this turn, and what guards refused of it. */
function heardIn(
  run: Mirror,
  begin: number,
  turn: number,
): { readonly heard: readonly string[]; readonly refused: readonly string[] } {
  const heard: string[] = []
  const refused: string[] = []
  for (let t = begin + 1; t <= turn; t++) {
    const view = new TurnView(run, t)
    const pending = t === 1 ? promptOf(run) : new TurnView(run, t - 1).messages
    for (const [i, text] of pending.entries()) {
      const key = `guard:input:${i + 1}`
      if (!view.passes(key)) refused.push(text)
      else heard.push(view.fixed(key) ?? text)
    }
  }
  return { heard, refused }
}

/** The agent ends when the tool that stops it has returned, unless somebody has spoken to it meanwhile. */
function checkStop(run: Mirror, { stopTool }: AgentSpec, turn: number, must: Must): void {
  if (stopTool === undefined || turn < 1) return
  const view = new TurnView(run, turn)
  if (!view.passes('guard:answer') || view.messages.length > 0) return
  const stops = view.answer?.content.some(
    ({ type, name, id }) =>
      type === 'tool-call' &&
      name === stopTool &&
      view.outcome(`call:${id}`)?.kind === 'step.completed',
  )
  must(stops !== true, 'agents', `${stopTool} has returned in turn ${turn}, and the model is asked`)
}

/** N4: nobody has spoken to an agent that completes and was not heard. */
export function checkInbox({ inbox }: Mirror, must: Must): void {
  for (const { kind, name, number } of inbox.values()) {
    must(kind !== 'signal' || name !== 'message', 'N4', `it ends beside message ${number}`)
  }
}

/** N4: an agent that listens, or ends, has heard what it was told before. */
export function checkHeard(run: Mirror, must: Must): void {
  const { heard } = heardIn(run, lastTurn(run, '/=model'), lastTurn(run, '') + 1)
  must(heard.length === 0, 'N4', `nobody has heard ${heard.join(' | ')}`)
}

/** What an agent ends with is what its model said last, as guards have left it. */
export function checkOutput(run: Mirror, { isStructured, guards }: AgentSpec, must: Must): void {
  const { end } = run
  const last = lastTurn(run, '/=model')
  if (end?.kind !== 'run.completed' || compactedIn(run, last) > 0) return
  const { output } = recordOf(end, end.kind)
  const text = spokenIn(run, last).at(-1) ?? ''
  // What people have said may have been refused in many turns since, or in all of them.
  const turns = Array.from(
    { length: lastTurn(run, '') + 2 - last },
    (_, i) => new TurnView(run, last + i),
  )
  must(
    turns.every((view) => view.passes('guard:output')),
    'C1',
    'a guard refused its output',
  )
  const isWatched = guards.some(({ at }) => at.includes('output'))
  const isSeen = turns.some((view) => view.outcome('guard:output') !== undefined)
  must(!isWatched || isSeen, 'C1', 'no guard has seen its output')
  const fixed = turns.map((view) => view.fixed('guard:output')).find((one) => one !== undefined)
  const said = fixed ?? text
  // Data is read out of what stands around it.
  const isSo = isStructured ? text.includes(JSON.stringify(output)) : output === said
  must(isSo, 'agents', `its output is ${JSON.stringify(output)}, and it said ${said} last`)
}

/** The texts of the answers up to this turn that stand in the conversation, as guards have left them. */
function spokenIn(run: Mirror, turn: number): readonly string[] {
  return Array.from({ length: turn }, (_, i) => new TurnView(run, i + 1)).flatMap((view) => {
    const { answer } = view
    if (!answer || !view.passes('guard:answer')) return []
    // The last word is taken back, and not the calls behind which the agent was to end.
    const hasCalls = answer.content.some(({ type }) => type === 'tool-call')
    if (!hasCalls && !view.passes('guard:output')) return []
    const text = answer.content.map((part) => part.text ?? '').join('')
    return [view.fixed('guard:answer') ?? text]
  })
}

/** The last turn that has an outcome of this key; "" for any. */
const lastTurn = (run: Mirror, key: string): number =>
  Array.from(run.outcomes.keys()).reduce(
    (last, path) => (path.endsWith(key) ? Math.max(last, turnOf(path)) : last),
    0,
  )

/** The last turn up to this one in which the conversation was made shorter; 0 for none. */
function compactedIn(run: Mirror, turn: number): number {
  let last = 0
  for (let t = 1; t <= turn; t++) if (new TurnView(run, t).outcome('compaction')) last = t
  return last
}

const promptOf = ({ entries: [genesis] }: Mirror): readonly string[] => {
  const input = genesis && recordOf(genesis, 'run.started').input
  return [(input as { readonly prompt: string }).prompt]
}

const turnOf = (path: string): number => Number(/^turns\/(\d+)\//.exec(path)?.[1] ?? 0)
