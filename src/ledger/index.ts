/** The ledger's face towards store and run. */
export { blocksAfter, blockUnits, listsOf, untouched } from './block.ts'
export type { Block, Blocks, Stretch } from './block.ts'
export { checkLinks, emptyHead, flaw, headOf, seal } from './chain.ts'
export type { Head, LinkedEntry } from './chain.ts'
export { addCharge, addedTo, behindCharge, chargeOf, chargesOf, withoutCharge } from './charge.ts'
export type { Amounts } from './charge.ts'
export { decode, digestOf, encode, keep } from './codec.ts'
export { applyEdits, diff, entryUnits, equal, readsTooMuch, spliceItems } from './delta.ts'
export type { Edit, StateChange } from './delta.ts'
export { effectOf, erased } from './effect.ts'
export type { Effect } from './effect.ts'
export { isOutcome, isWait, ledgerFormat } from './entry.ts'
export type {
  Ancestor,
  AnyDraft,
  Charge,
  Entry,
  EntryKind,
  OpenScope,
  OutcomeKind,
  Payloads,
  Taint,
  Undo,
  Vote,
  WaitKind,
} from './entry.ts'
export { errorData } from './error-data.ts'
export { exportFormat, formatOf, pieceBytes, readLine, writeLine } from './export/line.ts'
export type { ExportLine } from './export/line.ts'
export { linesOf } from './export/lines.ts'
export type { TextSource } from './export/lines.ts'
export { artifactsNamed, artifactsNamedIn, childNamed } from './export/named.ts'
export { emptyState, fold } from './fold.ts'
export type { RunState } from './fold.ts'
export { artifactsOf } from './invariants/artifact-check.ts'
export type { Violation } from './invariants/invariant.ts'
export { checkInvariants } from './invariants/invariants.ts'
export { Verification, verifyRun } from './invariants/verify.ts'
export type { Verdict } from './invariants/verify.ts'
export { familyOf, placeOf } from './kinds.ts'
export {
  checkRunId,
  childPath,
  explicitKey,
  givenKey,
  isWithin,
  laterKey,
  nameKey,
  operationPath,
  unescape,
} from './path.ts'
export { PathMap } from './path-map.ts'
export { questionId, questionPlace } from './question-id.ts'
export { fieldsOf, readEntry } from './read-entry.ts'
export type { ReadEntry } from './read-entry.ts'
export type { Part } from './read-tags.ts'
export { redacted } from './redaction.ts'
export { referredUnitsMin } from './ref.ts'
export type { Ref } from './ref.ts'
export { codeOf, isEnd } from './run-status.ts'
export type { RunStatus } from './run-status.ts'
export { stateForm } from './state-form.ts'
export { undoKey, Undoables } from './undo.ts'
export type { Undoable } from './undo.ts'
export { isQuestion, mayAsk } from './wait.ts'
export type { Wait } from './wait.ts'
