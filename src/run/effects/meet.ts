/** What the ledger holds of an operation that the code asks for: where it had got to, and whether the two fit. */
import type { Operation } from '../pass/operation.ts'
import { isLine, type Line, type Recorded } from '../replay/recorded.ts'

/**
 * True when this is the last word about a call that may be on its way, may have happened, or was
 * left in doubt by a person: nothing may make it again without finding out.
 */
const isUnsettled = (line: Line): boolean =>
  isInDoubt(line) || (isLine(line, 'effect.resolved') && line.record.verdict === 'failed')

/** True when this is the last word about a call that holds the close of its scope. */
const isInDoubt = (line: Line): boolean =>
  line.kind === 'effect.doubted' ||
  (isLine(line, 'effect.intended') && line.record.effect === 'once')

/**
 * Tells the operation what the ledger holds of its beginning. A retry that has forgotten the last attempt
 * at an effect may have kept those before it: what became of the last one is what counts.
 */
export function meet(operation: Operation, recorded: Recorded): void {
  const { path, live } = operation
  const begun = recorded.begun.get(path)
  const last = recorded.calls.size > 0 ? recorded.calls.get(path)?.last : undefined
  operation.begun = begun && last && begun.entry.seq > last.entry.seq ? begun : (last ?? begun)
  if (operation.begun && isInDoubt(operation.begun)) operation.holds = true
  else if (live.unrepeatable && recorded.holds(path)) operation.holds = true
}

/** Why the code cannot have asked for the operation when the ledger holds this; undefined when it can. */
export function misfitOf(operation: Operation, line: Line): string | undefined {
  const { path, family, live } = operation
  const isRisky = isUnsettled(line) && !live.unrepeatable
  if (operation.fits(line.kind) && !isRisky) return undefined
  return isRisky
    ? `At "${path}" the ledger holds a call that must not repeat (${line.kind}), but the code asks for a ${family} that may: its \`effect\` is not "once".`
    : `At "${path}" the ledger holds ${line.kind}, but the code asks for a ${family}.`
}
