/** Ids by which callers name runs and questions: a store is never asked about anything but a text. */
import { EverloopError } from '../base/errors.ts'
import { shown } from '../base/shown.ts'

/** Throws BAD_NAME unless this is a text that is not empty. Whether there is something of this id is asked elsewhere. */
export function checkId(what: 'run' | 'question', id: unknown): asserts id is string {
  if (typeof id === 'string' && id !== '') return
  throw new EverloopError('BAD_NAME', `The id of a ${what} is a text${insteadText(what, id)}.`)
}

/** What was given in its place: an empty text, the thing itself, or something else. */
function insteadText(what: 'run' | 'question', given: unknown): string {
  if (given === '') return ', but this one is empty'
  const { id } = Object(given) as { readonly id?: unknown }
  return typeof id === 'string'
    ? `, but this is an object that has one: give its \`id\` (\`${what}.id\`), which is ${shown(id)}`
    : `, but this is ${shown(given)}`
}
