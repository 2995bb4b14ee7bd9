/** The flows a process knows, by name and version. */
import { EverloopError } from '../base/errors.ts'
import type { AnyFlow } from './face.ts'
import { isFlow } from './flow.ts'

export class Flows {
  readonly #byName = new Map<string, Map<string, AnyFlow>>()
  readonly served: { readonly name: string; readonly version: string }[] = []

  constructor(flows: readonly AnyFlow[]) {
    for (const flow of flows) this.#add(flow)
  }

  /** The flow of this name and version. */
  find(name: string, version: string): AnyFlow | undefined {
    return this.#byName.get(name)?.get(version)
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
