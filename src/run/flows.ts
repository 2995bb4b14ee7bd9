/** The flows a process knows, by name and version, and the actions that undo what they do. */
import { EverloopError } from '../base/errors.ts'
import { checkList } from '../base/options.ts'
import type { AnyAction, AnyFlow } from './face.ts'
import { Actions } from './undo/actions.ts'
import { isFlow } from './flow.ts'
import { type Moves, noMoves } from './moves.ts'

export class Flows {
  readonly #byName = new Map<string, Map<string, AnyFlow>>()
  readonly served: { readonly name: string; readonly version: string }[] = []

  /** Those that were handed over, and those that flows bring along. */
  readonly actions: Actions

  constructor(flows: readonly AnyFlow[], actions: readonly AnyAction[] = []) {
    checkList('open({ flows })', flows)
    checkList('open({ actions })', actions)
    for (const flow of flows) this.#add(flow)
    this.actions = new Actions([...actions, ...flows.flatMap(({ actions: own }) => own ?? [])])
  }

  /** The flow of this name and version. */
  find(name: string, version: string): AnyFlow | undefined {
    return this.#byName.get(name)?.get(version)
  }

  /**
   * Where runs of this flow may go on, by the name of the loop that has ended a turn: in the last of the
   * flows behind it in the list that takes over the loop from this version.
   */
  movesFrom({ name, version }: AnyFlow): Moves {
    const flows = this.#byName.get(name)
    if (flows === undefined || flows.size < 2) return noMoves
    const versions = [...flows.values()]
    const later = versions.slice(versions.findIndex((flow) => flow.version === version) + 1)
    return new Map(
      later.flatMap((flow) =>
        Object.entries(flow.migrate?.[version] ?? {}).map(([loop, migrate]) => [
          loop,
          { version: flow.version, migrate },
        ]),
      ),
    )
  }

  /** The flow itself, or the newest registered under the name. Throws UNKNOWN_FLOW. */
  resolve(flow: AnyFlow | string): AnyFlow {
    if (typeof flow !== 'string') {
      if (isFlow(flow)) return flow
      throw new EverloopError('BAD_OPTION', 'This is not a flow: make one with flow(…).')
    }
    const found = [...(this.#byName.get(flow)?.values() ?? [])].at(-1)
    if (found) return found
    const known = [...this.#byName.keys()].join(', ') || 'none'
    throw new EverloopError(
      'UNKNOWN_FLOW',
      `No flow "${flow}" is registered. Hand it to open({ flows }). Registered: ${known}.`,
    )
  }

  #add(flow: AnyFlow): void {
    if (!isFlow(flow)) {
      throw new EverloopError('BAD_OPTION', 'open({ flows }) takes flows made with flow(…).')
    }
    const versions = this.#byName.get(flow.name) ?? new Map<string, AnyFlow>()
    const other = versions.get(flow.version)
    if (other === flow) return
    if (other) {
      throw new EverloopError(
        'BAD_OPTION',
        `Two flows are called "${flow.name}" in version "${flow.version}". Give one another name, or the newer one another version.`,
      )
    }
    versions.set(flow.version, flow)
    this.#byName.set(flow.name, versions)
    this.served.push({ name: flow.name, version: flow.version })
  }
}
