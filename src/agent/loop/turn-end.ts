/**
 * How a turn ends: with another one, with the output, or with listening.
 *
 * - N4 What was said to the agent while it worked is in the conversation of the next turn.
 */
import { EverloopError } from '../../base/errors.ts'
import { isPromiseLike } from '../../run/promise-like.ts'
import type { Next, Turn } from '../../run/index.ts'
import type { Agency } from './agency.ts'
import type { CallEnd } from '../calls/call.ts'
import { higher } from '../budgets/budget.ts'
import { conclude, concludeNow } from './conclusion.ts'
import { halt } from './halt.ts'
import { Inbox } from './inbox.ts'
import { progressOf } from './progress.ts'
import { type Refusal, sentBack } from './sent-back.ts'
import { type AgentState, heard, withoutStrikes } from './state.ts'

export class TurnEnd {
  readonly #at: Agency
  readonly #run: Turn<AgentState>
  readonly #inbox: Inbox

  /** From now on messages are taken as they come. */
  constructor(at: Agency, run: Turn<AgentState>) {
    this.#at = at
    this.#run = run
    this.#inbox = new Inbox(run)
  }

  /** Whether somebody has spoken since the turn began. */
  get hasMessages(): boolean {
    return this.#inbox.hasMessages
  }

  /** Whether the agent is to end now, although the model would go on. */
  isStopped(state: AgentState, ends: readonly CallEnd[] = []): boolean {
    const { turns = Infinity, tools = [], when } = this.#at.agent.stop ?? {}
    const isDone = ends.some(
      ({ result, hasReturned }) => hasReturned && tools.includes(result.tool),
    )
    if (isDone || state.turns >= turns) return true
    const said: unknown = when?.(progressOf(this.#run.id, state))
    // Every promise would count as yes.
    if (!isPromiseLike(said)) return Boolean(said)
    said.then(undefined, () => {}) // what becomes of it is nobody's business
    throw new EverloopError(
      'BAD_OPTION',
      'agent.stop.when must return true or false at once, not a promise.',
      { run: this.#run.id },
    )
  }

  /** Whether the model gets no further try. Who has spoken meanwhile is heard in any case (N4). */
  isLast(state: AgentState): boolean {
    return this.isStopped(state) && !this.hasMessages
  }

  /** The next turn begins with this state. */
  async goOn(after: AgentState): Promise<Next> {
    return this.#next(heard(after, await this.#inbox.close()))
  }

  /** With what people have raised in this turn, whoever has asked them. */
  #next(state: AgentState): Next {
    const raised = higher(state.raised, this.#at.askers.raised)
    return this.#run.next(raised === state.raised ? state : { ...state, raised })
  }

  /** Has the model answer again. Throws GUARD_DENIED when it gets no further try. */
  async sendBack(answered: AgentState, refusal: Omit<Refusal, 'what'>): Promise<Next> {
    const { agent } = this.#at
    if (!this.isLast(answered)) {
      return this.goOn(sentBack(this.#at, this.#run, answered, { ...refusal, what: 'answer' }))
    }
    throw halt(
      'GUARD_DENIED',
      `Agent "${agent.name}" was stopped, and guard "${refusal.by}" denied its last answer: ${refusal.reason}`,
      this.#run.id,
    )
  }

  /** Ends with what was said last, or waits for the next message. */
  async conclude(spoken: AgentState): Promise<Next> {
    const concluded = await conclude(this.#at, this.#run, spoken, () => this.isLast(spoken))
    if (concluded.is === 'again') return this.goOn(concluded.state)
    const forgiven = withoutStrikes(spoken)
    if (!this.#at.agent.conversation) return this.#end(forgiven, concluded.output)
    // Somebody spoke while the last answer was given: then it was not the last one.
    const late = await this.#inbox.close()
    if (late.length > 0) return this.#next(heard(forgiven, late))
    return this.#next({ ...forgiven, phase: 'listening' })
  }

  /** Ends with what was said last, unless somebody speaks before that is durable (N4). */
  async stop(state: AgentState): Promise<Next> {
    const concluded = await concludeNow(this.#at, this.#run, state, () => !this.hasMessages)
    return concluded.is === 'again' ? this.goOn(state) : this.#end(state, concluded.output)
  }

  /** Ends the run; nothing comes back then. Or the next turn begins with what was said meanwhile. */
  async #end(state: AgentState, output: unknown): Promise<Next> {
    return this.#next(heard(state, await this.#inbox.orEnd(output)))
  }
}
