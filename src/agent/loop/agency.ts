/**
 * An agent at work in one pass: its definition with what the runtime adds to it, and what counts only
 * while the pass lasts. Nothing in here is needed to go on after a crash.
 */
import type { Ports } from '../../base/ports.ts'
import { type Amounts, digestOf } from '../../ledger/index.ts'
import {
  beginningIn,
  beginTimeIn,
  environmentIn,
  largeValueIn,
  limitChildren,
  portsIn,
} from '../../run/inside.ts'
import type { Run } from '../../run/index.ts'
import { Askers } from '../budgets/askers.ts'
import { type LimitedRun, limited, stricter, withRaised } from '../budgets/budget.ts'
import type { Defined } from '../defined.ts'
import { agentsIn } from '../environment.ts'
import type { Guard } from '../guards/guard.ts'
import { Limiter } from '../calls/limiter.ts'
import { AcceptedPrompts } from '../model/accepted-prompt.ts'
import { modelName } from '../model/port.ts'
import { Translation } from './prompt.ts'
import { readMore } from '../tools/read-more.ts'
import { wholeText } from '../calls/result-text.ts'
import { type Policy, policiesFor } from '../policies/policy.ts'
import { noSecrets, type Secrets } from '../secret.ts'
import type { AnyTool } from '../tools/tool.ts'
import { type DefinedTool, toolDefinition } from '../tools/tool-schema.ts'
import { UnderWay } from '../budgets/under-way.ts'

export class Agency {
  readonly agent: Defined
  readonly ports: Ports
  readonly tools: ReadonlyMap<string, AnyTool>
  readonly policies: readonly Policy[]
  /** Those of the policies first. */
  readonly guards: readonly Guard[]
  readonly secrets: Secrets
  /** Of the run, for the model in each turn: one of its own would have to be made and aborted with each. */
  readonly signal: AbortSignal
  /** What the run may spend, before a person has raised anything. */
  readonly limits: Amounts
  /** Who asked for the run, as far as is known. */
  readonly requester: string | undefined
  /** The runs around this one whose budgets it must keep. */
  readonly around: readonly LimitedRun[]
  /** On whose accounts its calls stand. */
  readonly accounts: readonly string[]
  readonly started: number
  /** The model that is asked first. */
  readonly modelName: string
  /** The tools as the model is told of them. */
  readonly #definedTools: readonly DefinedTool[]
  /** Made again only when a function tells other instructions than before. */
  #definition: { readonly instructions: string; readonly definition: string } | undefined
  readonly #parallel: Limiter
  readonly #byTool = new Map<string, Limiter>()
  readonly underWay: UnderWay = new UnderWay()
  readonly askers: Askers = new Askers()
  /** Artifacts that the model was told of before this turn: it may read these and no others. */
  artifacts: readonly string[] = []
  /** The conversation in the words of the model port. */
  readonly translation: Translation = new Translation()
  /** The same as models were given it. */
  readonly accepted: AcceptedPrompts = new AcceptedPrompts()

  constructor(agent: Defined, run: Run) {
    const { by, ancestors = [] } = beginningIn(run)
    const environment = agentsIn(environmentIn(run))
    this.agent = agent
    this.ports = portsIn(run)
    const more = agent.tools.length > 0 ? [readMore((name) => this.#textIn(run, name))] : []
    this.tools = new Map([...more, ...agent.tools].map((tool) => [tool.name, tool]))
    this.#definedTools = Array.from(this.tools.values(), toolDefinition)
    this.policies = policiesFor(agent.name, environment?.policies ?? [])
    this.guards = [...this.policies.flatMap(({ guards }) => guards), ...(agent.guards ?? [])]
    this.secrets = environment?.secrets ?? noSecrets
    this.signal = run.abortSignal
    this.limits = stricter(agent.limits, this.policies)
    this.requester = by === '' ? undefined : by // a name that is left empty names nobody
    this.around = limited(ancestors)
    this.accounts = [run.id, ...ancestors.map((one) => one.run)]
    this.started = beginTimeIn(run)
    this.modelName = modelName(agent.model)
    this.#parallel = new Limiter(agent.parallel)
  }

  /** What the model is told beside the conversation, and the digest of that. */
  definitionWith(instructions: string): {
    readonly tools: readonly DefinedTool[]
    readonly definition: string
  } {
    const tools = this.#definedTools
    if (this.#definition?.instructions !== instructions) {
      this.#definition = { instructions, definition: digestOf([instructions, tools]) }
    }
    return { tools, definition: this.#definition.definition }
  }

  /** Whether anything limits what the run may spend. */
  get isLimited(): boolean {
    return this.around.length > 0 || Object.keys(this.limits).length > 0
  }

  /**
   * Executes a call when there is room for it, of this tool and among all that execute something here:
   * what waits for a person or for another run takes the room of no other. One that was begun in an
   * earlier pass has its place.
   */
  whenFree<T>(
    { name, does, concurrency }: AnyTool,
    isBegun: boolean,
    execute: () => Promise<T>,
  ): Promise<T> {
    const among = (): Promise<T> =>
      does === 'run' ? this.#parallel.within(execute, isBegun) : execute()
    if (concurrency === undefined) return among()
    const own = this.#byTool.get(name) ?? new Limiter(concurrency)
    this.#byTool.set(name, own)
    return own.within(among, isBegun)
  }

  /** Tells runs that this one starts from now on what they may spend together with it. */
  limitChildren(run: Run, raised: Amounts): void {
    if (Object.keys(this.limits).length > 0) limitChildren(run, withRaised(this.limits, raised))
  }

  /** The text of a result that was too long to be given whole. The store has those of all runs. */
  async #textIn(run: Run, artifact: string): Promise<Uint8Array | undefined> {
    const found = this.artifacts.includes(artifact) ? await largeValueIn(run, artifact) : undefined
    return found && Buffer.from(wholeText(found.value))
  }
}
