/** What `reconcile` finds out about a call whose outcome is not known, and how it says so. */

/** What is known of the call. */
export interface ReconcileContext {
  /** The one that the call was handed. */
  readonly idempotencyKey: string
  /** When the call was begun: it cannot have happened before. */
  readonly startedAt: Date
  /** Which attempt it was. */
  readonly attempt: number
  /** Aborted after a minute: then a person is asked. */
  readonly signal: AbortSignal
}

/** Finds out whether a call happened. Takes the step's input, as it was recorded. */
export type Reconcile<Input = unknown, T = unknown> = (
  input: Input,
  context: ReconcileContext,
) => Finding<T> | Promise<Finding<T>>

const brand: unique symbol = Symbol.for('everloop.finding') as never

/** What `reconcile` returns: made by `done`, `notDone` or `unknown`. */
export type Finding<T = unknown> = { readonly [brand]: true } & (
  | { readonly is: 'done'; readonly result: T }
  | { readonly is: 'notDone'; readonly reason: string | undefined }
  | { readonly is: 'unknown'; readonly reason: string | undefined }
)

/**
 * For `reconcile`: the call happened, and this is what the step returns.
 *
 * @example
 * const reconcile = async ({ id }: { id: string }) => (await bank.find(id)) ? done({ id }) : notDone()
 */
export const done = <T>(result: T): Finding<T> => ({ [brand]: true, is: 'done', result })

/** For `reconcile`: the call surely did not happen, and will not any more. The step is tried again. */
export const notDone = (reason?: string): Finding<never> => ({
  [brand]: true,
  is: 'notDone',
  reason,
})

/** For `reconcile`: it cannot be told, so a person is asked, with this reason. */
export const unknown = (reason?: string): Finding<never> => ({
  [brand]: true,
  is: 'unknown',
  reason,
})

/** True for what one of the three made, in whichever copy of everloop. */
export const isFinding = (value: unknown): value is Finding =>
  typeof value === 'object' && value !== null && brand in value
