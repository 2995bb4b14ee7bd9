/** Names under which flows and actions are registered, and found again by later builds. */
import { EverloopError } from '../base/errors.ts'
import { shown } from '../base/shown.ts'

/** Throws BAD_NAME unless this can be one. `what` begins the sentence: "A flow's name". */
export function checkName(what: string, name: unknown): asserts name is string {
  if (typeof name === 'string' && /^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?$/.test(name)) return
  throw new EverloopError(
    'BAD_NAME',
    `${what} must be 1 to 100 printable ASCII characters without spaces at its ends, but this is ${shown(name)}.`,
  )
}
