/**
 * What must hold when an agent acts: when its model is asked, and when a call that the model proposed
 * is executed. Everything is computed anew, from the ledger.
 */
import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import { digestOf, explicitKey, operationPath, unescape } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import { approvalsFor, type Args } from './agent-flow.ts'
import type { AgentSpec, ToolSpec } from './agent-spec.ts'
import type { Mirror } from './mirror.ts'
import type { Must } from './must.ts'
import { TurnView } from './turn-view.ts'
import { recordOf } from './record-of.ts'
import type { Actor } from './start-checks.ts'

/** The model is told of all calls of an answer, in their order, and of what has really come of them. */
export function checkRequest({ world, run }: Actor, prompt: LanguageModelV4Prompt): void {
  const must = mustOf(world.report, run)
  for (const [i, message] of prompt.entries()) {
    if (message.role === 'tool') {
      must(prompt[i - 1]?.role === 'assistant', 'N3', 'results without calls are sent')
    }
    if (message.role !== 'assistant') continue
    const calls = message.content.flatMap((part) =>
      part.type === 'tool-call' ? [part.toolCallId] : [],
    )
    if (calls.length === 0) continue
    const next = prompt[i + 1]
    const results = next?.role === 'tool' ? next.content : []
    const ids = results.flatMap((part) => (part.type === 'tool-result' ? [part.toolCallId] : []))
    must(
      ids.join() === calls.join(),
      'N3',
      `of the calls ${calls.join()} the model is told the results ${ids.join()}`,
    )
    for (const result of results) {
      if (result.type !== 'tool-result' || result.output.type !== 'text') continue
      const path = /^effect of (.*)/.exec(result.output.value)?.[1]
      if (path === undefined) continue
      // An id that comes again in a later answer is told with a number, and recorded as it came.
      const { toolCallId: told } = result
      must(
        [told, told.replace(/_\d+$/, '')].some((id) =>
          path.endsWith(`/${explicitKey(`call:${id}`)}`),
        ),
        'N3',
        `call ${result.toolCallId} is told what came of ${path}`,
      )
      must(run.successes.has(path), 'I5', `the model is told of "${path}", which has no outcome`)
      const ruling = `guard:result:${unescape(path.slice(path.indexOf('=call:') + '=call:'.length))}`
      const turn = TurnView.around(run, path)
      const isShown = turn.passes(ruling) && turn.fixed(ruling) === undefined
      must(isShown, 'C1', `the model is told what "${path}" has come to, and a guard withheld it`)
    }
  }
}

interface Executed {
  readonly tool: ToolSpec
  readonly args: Args
  readonly path: string
  /** The model's id of the call. */
  readonly id: string
}

/** How the keys of rounds end, before the budget and behind it. */
const rounds = ['', ' #2', ' #3', ' #4', ' #5', ' #6']

/** C1, C2, I9: guards and people have let exactly this call pass. */
export function checkCall(actor: Actor, agent: AgentSpec, executed: Executed): void {
  const { world, run, epoch } = actor
  if (run.epoch !== epoch) return
  const { tool, args, path, id } = executed
  const must = mustOf(world.report, run)
  const turn = path.slice(0, path.lastIndexOf('/'))
  const at = (key: string): string => operationPath(turn, explicitKey(key))
  must(run.outcomes.has(at('model')), 'N2', `"${path}" is called before the answer is recorded`)
  const isLetPass = TurnView.around(run, path).passes('guard:answer')
  must(isLetPass, 'C1', `"${path}" is called, and a guard refused the answer that proposes it`)
  const isGuarded = agent.guards.some((guard) => guard.at.includes('call'))
  /** What guards have let pass, and people have approved, last. */
  let judged: unknown
  let approved: unknown
  let isJudged = false
  let isApproved = false
  let votes = 0
  for (const nth of ['', ' again'].flatMap((stage) => rounds.map((round) => stage + round))) {
    const ruling = run.outcomes.get(at(`guard:call:${id}${nth}`))
    if (ruling) {
      const record = recordOf(ruling, 'guard.decided')
      const { outcome } = record as { readonly outcome?: string }
      const isAllowed = outcome === 'allow' || outcome === 'ask'
      must(isAllowed, 'C1', `"${path}" is called, but a guard said ${outcome}`)
      judged = record.fixed?.value
      isJudged = true
      if (outcome === 'ask') {
        const isAnswered = run.outcomes.has(at(`approval:${id}${nth}`))
        must(isAnswered || isApproved, 'C1', `"${path}" is called, but nobody was asked`)
      }
    }
    const decided = run.outcomes.get(at(`approval:${id}${nth}`))
    if (!decided) continue
    const request = run.requests.get(at(`approval:${id}${nth}`))
    if (decided.kind === 'approval.voided') continue
    must(
      isYes(request, decided),
      'I9',
      `"${path}" is called, but its approval says ${decided.kind}`,
    )
    approved = approvedArgs(request, decided)
    votes = votesFor(decided)
    judged = undefined
    isApproved = true
    isJudged = false // guards have to look again
  }
  // What a deploy has added is not asked about what is past already (C4).
  const isSteady = !world.extras.has('deploys change agents')
  must(
    !isGuarded || isJudged || !isSteady,
    'C2',
    `"${path}" is called with arguments that no guard has seen`,
  )
  const last = judged ?? approved
  must(
    last === undefined || digestOf(last) === digestOf(args),
    'C2',
    `"${path}" is called with ${JSON.stringify(args)}, decided was ${JSON.stringify(last)}`,
  )
  const wanted = approvalsFor(tool.approval, args)
  if (wanted === 0 || !isSteady) return
  must(isApproved, 'I9', `"${path}" is called without an approval`)
  must(votes >= wanted, 'I9', `"${path}" is called after ${votes} votes of ${wanted}`)
  must(
    approved === undefined || digestOf(approved) === digestOf(args),
    'I9',
    `"${path}" is called with ${JSON.stringify(args)}, approved was ${JSON.stringify(approved)}`,
  )
}

function isYes(request: Entry | undefined, decided: Entry): boolean {
  if (!request) return false
  if (decided.kind === 'approval.expired') {
    return recordOf(request, 'approval.requested').otherwise?.value === 'approve'
  }
  return (
    decided.kind === 'approval.decided' && recordOf(decided, decided.kind).verdict === 'approved'
  )
}

/** How many have approved what it became. Of those who have edited it there is one; silence is all of them. */
function votesFor(decided: Entry): number {
  if (decided.kind !== 'approval.decided') return Infinity
  const record = recordOf(decided, decided.kind)
  return 'args' in record ? 1 : record.votes.length
}

function approvedArgs(request: Entry | undefined, decided: Entry): unknown {
  const record = decided.kind === 'approval.decided' ? recordOf(decided, decided.kind) : {}
  if ('args' in record) return record.args
  return request && recordOf(request, 'approval.requested').args
}

export const mustOf =
  (report: Actor['world']['report'], run: Mirror): Must =>
  (condition, invariant, what) =>
    report.check(condition, invariant, () => `run ${run.id}: ${what}`)
