/** Reports that an invariant is broken unless the condition holds. */
export type Must = (condition: boolean, invariant: string, what: string) => void
