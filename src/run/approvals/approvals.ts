/** Approvals from outside: what waits for people, and their decisions. */
import { type Duration, parseDuration } from '../../base/duration.ts'
import type { Payloads, Vote } from '../../ledger/index.ts'
import type { QuestionRow, Store } from '../../store/store.ts'
import { type ApprovalAnswer, unapprovable } from './approval-answer.ts'
import { type Escalation, escalationOf } from './escalation.ts'
import { type Reading, readAnswers, standingOf } from './approval-standing.ts'
import { asItIs } from '../as-it-is.ts'
import { checkLimit } from '../outside/list-options.ts'
import { notOpen } from '../outside/not-open.ts'
import { checkOptions } from '../../base/options.ts'
import { checkId } from '../check-id.ts'

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
  /** How many different people must approve, and what those said who have answered, taken by the run or not. */
  readonly approvals: number
  readonly votes: readonly Vote[]
  /** Why the last answer that did not become a vote was refused: edited arguments that do not fit, say. */
  readonly refused: string | undefined
  /** JSON Schema that edited arguments must fit, where it was recorded. The run checks them again. */
  readonly argsSchema: unknown
  /** Who may decide; undefined: everybody who is not barred. */
  readonly approvers: readonly string[] | undefined
  readonly barred: readonly string[]
  /**
   * True when nobody can approve it, or too few people: whoever started the run may not, and the run does
   * not say who did; or the rules together leave fewer people than must approve. Everybody may deny it.
   */
  readonly isDenyOnly: boolean
  readonly assignee: string | undefined
  readonly escalated: boolean
  /** To whom it goes next, and when, unless somebody decides before. */
  readonly escalation: Escalation | undefined
  /** It was put off until this time, in milliseconds since 1970. */
  readonly snoozed: number | undefined
  /** True while an answer that decides it is on its way to the run. */
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

/** `ever.approvals`: calls that wait for people, and what people decide about them. */
export class Approvals {
  readonly #store: Store
  readonly #send: Send

  constructor(store: Store, send: Send) {
    this.#store = store
    this.#send = send
  }

  /**
   * Those that are open, the oldest first; of one run or of all. Snoozed ones too.
   *
   * @example for (const { id, digest } of await ever.approvals.list()) await ever.approvals.approve(id, { by: 'ada', shown: digest })
   */
  async list(
    filter: { readonly run?: string; readonly limit?: number } = {},
  ): Promise<readonly Approval[]> {
    checkOptions('approvals.list', filter, ['run', 'limit'])
    checkLimit('approvals.list', filter.limit)
    if (filter.run !== undefined) checkId('run', filter.run)
    const rows = await this.#store.questions(filter)
    const asked = rows.filter(({ wait }) => wait.kind === 'approval.requested')
    const readings = new Map<string, Promise<Reading>>()
    for (const { run } of asked) {
      if (!readings.has(run)) readings.set(run, readAnswers(this.#store, run))
    }
    return Promise.all(asked.map((row) => this.#approval(row, readings.get(row.run))))
  }

  /** The approval of this id. Throws QUESTION_CLOSED when it is not open any more, UNKNOWN_QUESTION when it never was. */
  async get(id: string): Promise<Approval> {
    return this.#approval(await this.#row(id))
  }

  async #row(id: string): Promise<QuestionRow> {
    checkId('question', id)
    const [row] = await this.#store.questions({ id, limit: 1 })
    if (row?.id === id && row.wait.kind === 'approval.requested') return row
    throw await notOpen(this.#store, id, 'approval')
  }

  /** Allows the call, with other arguments (`args`) if they are given. Throws APPROVAL_REFUSED. */
  async approve(id: string, decision: Decider & { readonly args?: unknown } = {}): Promise<void> {
    checkOptions('approvals.approve', decision, [...deciderOptions, 'args'])
    const { by, args, ...said } = decision
    const edited = args === undefined ? {} : { args }
    await this.#decide(id, { verdict: 'approve', ...said, ...edited }, by)
  }

  /** Forbids the call; the model is told the reason. Throws APPROVAL_REFUSED. */
  async deny(id: string, decision: Decider = {}): Promise<void> {
    checkOptions('approvals.deny', decision, deciderOptions)
    const { by, ...said } = decision
    await this.#decide(id, { verdict: 'deny', ...said }, by)
  }

  /** Puts it off for this long. Deadline and escalation stay as they are. */
  async snooze(
    id: string,
    duration: Duration,
    decision: { readonly by?: string } = {},
  ): Promise<void> {
    checkOptions('approvals.snooze', decision, ['by'])
    const until = this.#store.clock.now() + parseDuration(duration)
    await this.#decide(id, { verdict: 'snooze', until }, decision.by)
  }

  /** Hands it to somebody, by name. */
  async assign(id: string, to: string, decision: { readonly by?: string } = {}): Promise<void> {
    checkOptions('approvals.assign', decision, ['by'])
    await this.#decide(id, { verdict: 'assign', to }, decision.by)
  }

  async #decide(id: string, answer: ApprovalAnswer, by: string | undefined): Promise<void> {
    const value = asItIs(answer) // the caller may go on changing the arguments
    await this.#row(id)
    await this.#send(id, value, by)
  }

  async #approval(
    row: QuestionRow,
    reading = readAnswers(this.#store, row.run),
  ): Promise<Approval> {
    const { id, run, wait } = row
    const request = wait.record as Payloads['approval.requested']
    const { votes, changed, refused, isDecided } = standingOf(row, await reading)
    const { escalated = false } = changed
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
      isDenyOnly: unapprovable(request) !== undefined,
      assignee: changed.assignee ?? request.assignee,
      escalated,
      escalation: escalated || isDecided ? undefined : escalationOf(request),
      snoozed: changed.snoozed,
      isAnswered: isDecided,
    }
  }
}
