/** Copies of what code hands over, made at that moment: it may go on changing its objects while the pass waits. */
import { decode, encode } from '../ledger/index.ts'

/** The value as it is now. Throws NOT_SERIALISABLE. */
export const asItIs = <T>(value: T): T =>
  typeof value === 'object' && value !== null ? (decode(encode(value)) as T) : value

/** The same options, with the input as it is now. What is no object is left to whoever checks options. */
export const withInputAsItIs = <Options extends { readonly input?: unknown }>(
  options: Options,
): Options => (hasInput(options) ? { ...options, input: asItIs(options.input) } : options)

/** Whether a body is to be handed an input. */
export const hasInput = <Options>(
  options: Options,
): options is Options & { readonly input: unknown } =>
  typeof options === 'object' && options !== null && 'input' in options
