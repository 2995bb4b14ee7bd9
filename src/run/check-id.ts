/** Ids by which callers name runs and questions: a store is never asked about anything but a text. */
import { EverloopError } from '../base/errors.ts'
import { shown } from '../base/shown.ts'

/** Throws BAD_NAME unless this is a text. Whether there is something of this id is asked elsewhere. */
export function checkId(what: 'run' | 'question', id: unknown): asserts id is string {
  if (typeof id === 'string') return
  throw new EverloopError('BAD_NAME', `The id of a ${what} is a text, but this is ${shown(id)}.`)
}
