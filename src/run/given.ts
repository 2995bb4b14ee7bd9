/** What code hands over, taken as it is then: it may go on changing its objects while the pass waits. */
import { decode, encode } from '../ledger/index.ts'

/** The value as it is now. Throws NOT_SERIALISABLE. */
export const asItIs = <T>(value: T): T =>
  typeof value === 'object' && value !== null ? (decode(encode(value)) as T) : value

/** The same options, with the input as it is now. */
export const withInputAsItIs = <Options extends { readonly input?: unknown }>(
  options: Options,
): Options => ('input' in options ? { ...options, input: asItIs(options.input) } : options)
