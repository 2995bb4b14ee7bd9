/** What must hold when a call that a model proposed is made. Everything is computed anew, from the ledger. */
import { digestOf, explicitKey, operationPath } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import type { AgentSpec, ToolSpec } from './agent-spec.ts'
import type { Mirror } from './mirror.ts'
import type { Must } from './must.ts'
import { demandsOn } from './policy-spec.ts'
import { recordOf } from './record-of.ts'
import type { Args } from './tool-face.ts'
import { TurnView } from './turn-view.ts'

interface Executed {
  readonly tool: ToolSpec
  /** Undefined where they are another run's input: a text that tells the number. */
  readonly args: Args | undefined
  readonly n: number
  readonly path: string
  /** The model's id of the call. */
  readonly id: string
}

/** How the keys of rounds end, before the budget and behind it. */
const rounds = ['', ' #2', ' #3', ' #4', ' #5', ' #6']

/** C1 and C2: guards and people have let exactly this call pass, those of policies among them. */
export function checkCall(
  run: Mirror,
  agent: AgentSpec,
  { tool, args, n, path, id }: Executed,
  // What a deploy has added is not asked about what is past already (C4).
  { isSteady, must }: { readonly isSteady: boolean; readonly must: Must },
): void {
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
      'approvals',
      `"${path}" is called, but its approval says ${decided.kind}`,
    )
    approved = approvedArgs(request, decided)
    votes = votesFor(decided)
    judged = undefined
    isApproved = true
    isJudged = false // guards have to look again
  }
  must(
    !isGuarded || isJudged || !isSteady,
    'C2',
    `"${path}" is called with arguments that no guard has seen`,
  )
  const last = judged ?? approved
  must(
    last === undefined || args === undefined || digestOf(last) === digestOf(args),
    'C2',
    `"${path}" is called with ${JSON.stringify(args)}, decided was ${JSON.stringify(last)}`,
  )
  if (!isSteady) return
  const isAnswerGuarded = agent.guards.some((guard) => guard.at.includes('answer'))
  const isAnswerJudged = !isAnswerGuarded || run.outcomes.has(at('guard:answer'))
  must(isAnswerJudged, 'C1', `"${path}" is called, and guards have not seen the answer`)
  const wanted = Math.max(0, ...demandsOn(agent, tool, { n }).map(({ approvals }) => approvals))
  if (wanted === 0) return
  must(isApproved, 'approvals', `"${path}" is called without an approval`)
  must(votes >= wanted, 'approvals', `"${path}" is called after ${votes} votes of ${wanted}`)
  must(
    approved === undefined || args === undefined || digestOf(approved) === digestOf(args),
    'approvals',
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
