/** What each entry about an approval, a guard or a message to an agent must fulfil. */
import { definitionDigest } from '../../src/agent/tools/tool-schema.ts'
import { digestOf, operationPath, unescape } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import { faceOf, numberIn } from './tool-face.ts'
import type { Must } from './must.ts'
import { demandsOn } from './policy-spec.ts'
import type { Sight } from './sight.ts'
import type { Mirror } from './mirror.ts'
import { recordOf } from './record-of.ts'

export function checkApproval(
  sight: Sight,
  run: Mirror,
  entry: Entry,
  { must, session }: { readonly must: Must; readonly session: string | undefined },
): void {
  const { kind } = entry
  if (kind === 'approval.decided') checkDefinition(sight, run, entry, { must, session })
  if (kind === 'approval.requested') checkDemands(sight, run, entry, must)
  if (kind === 'guard.decided') checkGuards(sight, run, entry, must)
  else if (kind.startsWith('approval.')) checkDecision(sight, run, entry, must)
  else if (kind === 'message.received') sight.report.reach('message taken while the agent works')
}

/** A decision is about the tool as the holder of the run knows it (A1). */
function checkDefinition(
  { deployments, agents }: Sight,
  run: Mirror,
  entry: Entry,
  { must, session = '' }: { readonly must: Must; readonly session: string | undefined },
): void {
  const request = run.begun.get(operationPath(entry.scope, entry.key))
  const deployment = deployments.get(session)
  if (request?.kind !== 'approval.requested' || deployment === undefined) return
  const { digest, tool, args } = recordOf(request, request.kind)
  const spec = agents.get(run.flow)?.tools.find(({ name }) => name === tool)
  if (spec?.does !== 'effect' || args === undefined) return
  const known = digestOf([tool, definitionDigest(faceOf(tool, deployment)), args])
  must(digest === known, 'approvals', 'it was asked about another definition of the tool')
}

/** People are asked as all rules want it, those of policies too: none of them weakens another. */
function checkDemands(sight: Sight, run: Mirror, entry: Entry, must: Must): void {
  const agent = sight.steadyAgent(run.flow)
  const { tool, args, approvals, approvers, otherwise, barred } = recordOf(
    entry,
    'approval.requested',
  )
  const spec = agent?.tools.find(({ name }) => name === tool)
  const n = numberIn(args)
  if (!agent || !spec || n === undefined) return
  const demands = demandsOn(agent, spec, { n })
  if (agent.imposed.length > 0 && demands.length > (spec.approval ? 1 : 0)) {
    sight.report.reach('approval that a policy wants')
  }
  const isSilent = otherwise?.value === 'approve'
  for (const demand of demands) {
    must(
      approvals >= demand.approvals,
      'approvals',
      `${approvals} are asked, not ${demand.approvals}`,
    )
    must(!isSilent || demand.isSilent, 'approvals', 'silence approves, and a rule has it deny')
    must(
      !demand.notByRequester || barred !== undefined,
      'approvals',
      'whoever asked for it may decide',
    )
    const isWithin = approvers?.every((one) => demand.approvers?.includes(one) !== false)
    must(!demand.approvers || isWithin === true, 'approvals', `${approvers?.join()} may decide`)
  }
}

/** A decision is made of votes of different people who may, all of them about this very call. */
function checkDecision({ report, peak, now }: Sight, run: Mirror, entry: Entry, must: Must): void {
  const path = operationPath(entry.scope, entry.key)
  const begun = run.begun.get(path)
  const request = begun?.kind === 'approval.requested' ? recordOf(begun, begun.kind) : undefined
  switch (entry.kind) {
    case 'approval.voted':
      report.reach('one vote of several')
      return
    case 'approval.changed':
      if (recordOf(entry, entry.kind).escalated === true) report.reach('approval escalated')
      return
    case 'approval.voided':
      report.reach('approval voided')
      return
    case 'approval.expired':
      must((request?.due ?? Infinity) <= peak, 'due times', 'the approval expired early')
      report.reach('approval expired')
      return
    case 'approval.decided': {
      must(request !== undefined, 'approvals', 'it decides about what nobody asked for')
      if (!request) return
      const record = recordOf(entry, entry.kind)
      const { verdict, votes, by } = record
      const people = new Set(votes.map((vote) => vote.by))
      must(people.size === votes.length, 'approvals', 'somebody has voted twice')
      const isEdited = 'args' in record // then those who must approve these are asked, see checkCall
      const isEnough = verdict === 'denied' || isEdited || votes.length >= request.approvals
      must(isEnough, 'approvals', `${votes.length} of ${request.approvals} have voted`)
      const { barred, approvers } = request
      const able = new Set(approvers?.filter((one) => barred?.includes(one) !== true))
      // What nobody can approve everybody may deny.
      const isDenyOnly = barred?.length === 0 || (approvers && able.size < request.approvals)
      must(!isDenyOnly || verdict === 'denied', 'approvals', `${by} may be who asked for it`)
      const isBarred = votes.some((vote) => barred?.includes(vote.by ?? '') === true)
      must(!isBarred || isDenyOnly === true, 'approvals', `${by} may not decide`)
      const isOther = approvers && votes.some((vote) => !able.has(vote.by ?? ''))
      must(!isOther || isDenyOnly === true, 'approvals', `${by} is not one of those who may decide`)
      const before = run.votes.get(path) ?? 0
      must(votes.length === before + 1, 'approvals', `${before} have voted before on this request`)
      const isShown = votes.every(({ shown }) => shown === undefined || shown === request.digest)
      must(isShown, 'approvals', 'somebody decided about another call')
      if (votes.length > 1) report.reach('several people have decided')
      if (verdict === 'denied') report.reach('call denied by a person')
      if (votes.some((vote) => 'args' in vote)) report.reach('call edited by a person')
      const left = (request.due ?? Infinity) - now
      if (Math.abs(left) < 1500) report.reach('approval decided in the last moment')
    }
  }
}

/** What is recorded is what the guards have said; nothing fails open (G1). */
function checkGuards(sight: Sight, run: Mirror, entry: Entry, must: Must): void {
  const { report, guardSaid } = sight
  const { position, verdicts, outcome } = recordOf(entry, 'guard.decided') as {
    readonly position: string
    readonly verdicts: readonly { readonly guard: string; readonly verdict: string }[]
    readonly outcome?: string
  }
  const call =
    /^guard:(?:call|result):(.*?)(?: again)?(?: #\d+)?$/.exec(unescape(entry.key.slice(1)))?.[1] ??
    ''
  // In order, those of policies first; nobody is asked behind one that decides (G2).
  const watching = sight
    .steadyAgent(run.flow)
    ?.guards.filter(({ at }) => at.some((one) => one === position))
  const last = verdicts.at(-1)
  const isDecided = last !== undefined && ['deny', 'halt', 'retry'].includes(last.verdict)
  const wanted = isDecided ? watching?.slice(0, verdicts.length) : watching
  const asked = verdicts.map(({ guard }) => guard).join()
  const isInOrder = wanted === undefined || asked === wanted.map(({ name }) => name).join()
  must(isInOrder, 'G2', `${asked} were asked`)
  if (last?.guard.startsWith('imposed-') === true) report.reach('guard of a policy decided')
  for (const { guard, verdict } of verdicts) {
    const said = guardSaid.get(`${run.id}\n${guard}\n${position}\n${call}`)
    if (said === undefined) continue // it took too long to say anything
    const isDenial = said === 'throw' || said === 'hang'
    // A guard that was too slow has denied, whatever it has said afterwards.
    const isWhatItSaid = verdict === (isDenial ? 'deny' : said) || verdict === 'deny'
    must(isWhatItSaid, 'G1', `guard ${guard} said ${said}, recorded is ${verdict}`)
  }
  if (outcome === 'halt' && run.inDoubt !== undefined) {
    report.reach('guard halts beside a call in flight')
  }
  if (outcome === 'deny') report.reach('guard denied')
  if (outcome === 'ask') report.reach('guard asks a person')
  if (/ #\d+$/.test(entry.key)) report.reach('guards asked again behind an approval')
}
