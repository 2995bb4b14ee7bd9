/** What is said of a call that names a tool which is not there: to the model, and to people. */
import { shortened } from '../../base/shortened.ts'

const namesUnitsMax = 2000

/** `wanted` is told as it is: whoever cuts names does so before. */
export function unknownTool(names: readonly string[], wanted: string): string {
  const there =
    names.length === 0
      ? 'There are no tools.'
      : `The tools are: ${shortened(names.join(', '), namesUnitsMax)}.`
  if (wanted === '') return `The call names no tool. ${there}`
  const near = nearest(names, wanted)
  const hint = near.length > 0 ? ` Did you mean ${near.join(' or ')}?` : ''
  return `There is no tool ${JSON.stringify(wanted)}.${hint} ${there}`
}

/** Names that share most of their pairs of characters, the nearest first, three at most. */
function nearest(names: readonly string[], wanted: string): string[] {
  const pairs = pairsOf(wanted.slice(0, 100))
  return names
    .map((name) => {
      const own = pairsOf(name)
      const shared = [...own].filter((pair) => pairs.has(pair)).length
      return { name, likeness: (2 * shared) / (own.size + pairs.size || 1) }
    })
    .filter(({ likeness }) => likeness >= 0.5)
    .toSorted((a, b) => b.likeness - a.likeness)
    .slice(0, 3)
    .map(({ name }) => name)
}

function pairsOf(text: string): Set<string> {
  const plain = ` ${text.toLowerCase().replaceAll(/[^a-z0-9]/g, '')} `
  return new Set(Array.from(plain.slice(1), (unit, i) => plain.slice(i, i + 1) + unit))
}
