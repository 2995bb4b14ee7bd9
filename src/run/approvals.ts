/**
 * Approvals from outside: what waits for people, and their decisions. Whoever answers is told at once
 * what can be told without the run; the holder of the run judges again when it takes the answer.
 */
import { EverloopError } from '../base/errors.ts'
import { type Duration, parseDuration } from '../base/duration.ts'
import { checkLinks, decode, operationPath, type Payloads, type Vote } from '../ledger/index.ts'
import type { QuestionRow, Store } from '../store/store.ts'
import { type ApprovalAnswer, judge } from './approval-answer.ts'
import { checkOptions } from './options.ts'

/** A call that waits for people. */
export interface Approval {
  /** The id to answer under. */
  readonly id: string
  readonly run: string
  /** The model's id of the call. */
  readonly call: string
  readonly tool: string
  readonly args: unknown
  /** What a decision is bound to: hand it on as `shown`, and only this very call can be approved. */
  readonly digest: string
  readonly prompt: string
  /** Which guard or policy wants it. */
  readonly reason: string | undefined
  readonly since: number
  readonly due: number | undefined
  /** How many different people must approve, and what those said who have answered. */
  readonly approvals: number
  readonly votes: readonly Vote[]
  /** Why the run has refused the last answer that was no vote, edited arguments that do not fit, say. */
  readonly refused: string | undefined
  /** JSON Schema that edited arguments must fit, where it was recorded. The run checks them again. */
  readonly argsSchema: unknown
  /** Who may decide; undefined: everybody who is not barred. */
  readonly approvers: readonly string[] | undefined
  readonly barred: readonly string[]
  readonly assignee: string | undefined
  readonly escalated: boolean
  /** It is nobody's business before this time. */
  readonly snoozed: number | undefined
  /** True while an answer is on its way to the run. */
  readonly isAnswered: boolean
}

/** Who decides, and how. */
export interface Decider {
  /** Who it is, for the record, and where policies say who may. */
  readonly by?: string
  /** Through what: "cli", "api" … */
  readonly channel?: string
  /** The digest of what was shown to them: the decision counts for nothing else. */
  readonly shown?: string
  readonly reason?: string
}

/** What sends an answer to a question. */
type Send = (id: string, value: ApprovalAnswer, by: string | undefined) => Promise<void>

const deciderOptions = ['by', 'channel', 'shown', 'reason'] as const

export class Approvals {
  readonly #store: Store
  readonly #send: Send

  constructor(store: Store, send: Send) {
    this.#store = store
    this.#send = send
  }

  /** Those that are open, the oldest first; of one run or of all. Snoozed ones too. */
  async list(
    filter: { readonly run?: string; readonly limit?: number } = {},
  ): Promise<readonly Approval[]> {
    checkOptions('approvals.list', filter, ['run', 'limit'])
    const rows = await this.#store.questions(filter)
    const asked = rows.filter(({ wait }) => wait.kind === 'approval.requested')
    const entries = new Map<string, ReturnType<Store['openEntries']>>()
    for (const { run } of asked) {
      if (!entries.has(run)) entries.set(run, this.#store.openEntries(run))
    }
    return Promise.all(asked.map((row) => this.#approval(row, entries.get(row.run))))
  }

  /** One of them. Throws UNKNOWN_QUESTION when it is not open. */
  async get(id: string): Promise<Approval> {
    return this.#approval(await this.#row(id))
  }

  async #row(id: string): Promise<QuestionRow> {
    const [row] = await this.#store.questions({ id, limit: 1 })
    if (row?.id === id && row.wait.kind === 'approval.requested') return row
    throw new EverloopError(
      'UNKNOWN_QUESTION',
      `No approval "${id}" is open. \`everloop approvals list\` shows those that are.`,
    )
  }

  /** Lets the call be made, with other arguments perhaps. Throws APPROVAL_REFUSED. */
  async approve(id: string, decision: Decider & { readonly args?: unknown } = {}): Promise<void> {
    checkOptions('approvals.approve', decision, [...deciderOptions, 'args'])
    const { by, args, ...said } = decision
    const edited = args === undefined ? {} : { args }
    await this.#decide(id, { verdict: 'approve', ...said, ...edited }, by)
  }

  /** Does not let it be made; the model is told the reason. Throws APPROVAL_REFUSED. */
  async deny(id: string, decision: Decider = {}): Promise<void> {
    checkOptions('approvals.deny', decision, deciderOptions)
    const { by, ...said } = decision
    await this.#decide(id, { verdict: 'deny', ...said }, by)
  }

  /** Puts it off. Deadline and escalation stay as they are. */
  async snooze(
    id: string,
    duration: Duration,
    { by }: { readonly by?: string } = {},
  ): Promise<void> {
    const until = this.#store.clock.now() + parseDuration(duration)
    await this.#decide(id, { verdict: 'snooze', until }, by)
  }

  /** Hands it to somebody. */
  async assign(id: string, to: string, { by }: { readonly by?: string } = {}): Promise<void> {
    await this.#decide(id, { verdict: 'assign', to }, by)
  }

  async #decide(id: string, value: ApprovalAnswer, by: string | undefined): Promise<void> {
    const row = await this.#row(id)
    const { votes, isAnswered } = await this.#approval(row)
    if (isAnswered) {
      throw new EverloopError(
        'QUESTION_CLOSED',
        `Approval "${id}" was answered: the answer is on its way to the run. Unless that decides it, it is open again once a worker has taken it.`,
        { run: row.run },
      )
    }
    const request = row.wait.record as Payloads['approval.requested']
    const judgement = judge(request, votes, { value, by }, this.#store.clock.now())
    if (judgement.is === 'refused') {
      throw new EverloopError('APPROVAL_REFUSED', `Approval "${id}": ${judgement.reason}`, {
        run: row.run,
      })
    }
    await this.#send(id, value, by)
  }

  async #approval(
    { id, run, wait, state }: QuestionRow,
    reading = this.#store.openEntries(run),
  ): Promise<Approval> {
    const request = wait.record as Payloads['approval.requested']
    const entries = await reading
    checkLinks(entries)
    const path = operationPath(wait.scope, wait.key)
    const said = entries.filter(
      ({ seq, scope, key }) => seq > wait.seq && operationPath(scope, key) === path,
    )
    const votes: Vote[] = []
    let changed: Payloads['approval.changed'] = {}
    let refused: string | undefined
    for (const { kind, payload } of said) {
      if (kind === 'approval.voted') votes.push(decode(payload ?? '{}') as Vote)
      if (kind === 'approval.refused') {
        refused = (decode(payload ?? '{}') as Payloads['approval.refused']).reason
      }
      if (kind === 'approval.changed') {
        changed = { ...changed, ...(decode(payload ?? '{}') as Payloads['approval.changed']) }
      }
    }
    return {
      id,
      run,
      call: request.call,
      tool: request.tool,
      args: request.args,
      digest: request.digest,
      prompt: request.prompt,
      reason: request.reason,
      since: wait.since,
      due: request.due,
      approvals: request.approvals,
      votes,
      refused,
      argsSchema: request.argsSchema,
      approvers: request.approvers,
      barred: request.barred ?? [],
      assignee: changed.assignee ?? request.assignee,
      escalated: changed.escalated ?? false,
      snoozed: changed.snoozed,
      isAnswered: state === 'answered',
    }
  }
}
