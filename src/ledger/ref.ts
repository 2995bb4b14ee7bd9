/** References: how a payload says that a value stands elsewhere. */

/**
 * A value that stands elsewhere: in the same ledger, at an entry's number and the path inside; or in
 * an artifact, at 0 and its hash; behind which stand, where it is compressed, how and its characters.
 */
export type Ref = readonly [seq: number, ...path: readonly (string | number)[]]

/** Texts shorter than this are never worth a reference. */
export const referredUnitsMin = 256
