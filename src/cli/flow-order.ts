/**
 * The order of a file's flows. Exports of a module have none, and to `open({ flows })` it matters: runs move
 * to versions that stand behind their own, and a name alone means the last version.
 */
import type { AnyFlow } from '../run/index.ts'

/** The same flows; each stands behind those whose runs it takes over. */
export function inOrder(flows: readonly AnyFlow[]): readonly AnyFlow[] {
  const olderThan = ({ name, migrate = {} }: AnyFlow): readonly AnyFlow[] =>
    flows.filter((other) => other.name === name && Object.hasOwn(migrate, other.version))
  /** How many versions lead to it, one behind the other. Versions that take over each other's runs end it. */
  const rank = (flow: AnyFlow, around: readonly AnyFlow[] = []): number => {
    const before = olderThan(flow).filter((other) => !around.includes(other))
    return Math.max(0, ...before.map((other) => 1 + rank(other, [...around, flow])))
  }
  return flows
    .map((flow) => ({ flow, rank: rank(flow) }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ flow }) => flow)
}
