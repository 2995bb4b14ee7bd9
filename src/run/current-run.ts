/** The run that code belongs to, for code that is not handed it. */
import { current } from './current.ts'
import type { Run } from './face.ts'
import { RunHandle } from './handle.ts'

/**
 * The handle of the scope in which the calling code stands, however deep inside a library it is;
 * undefined outside of runs. In the body of a step (a tool's function, say) it can be asked for the run's
 * id; operations throw NESTED_OPERATION there, as on every other handle.
 *
 * @example const log = (text: string) => console.log(currentRun()?.id ?? '-', text)
 */
export function currentRun(): Run | undefined {
  const place = current()
  return place && new RunHandle(place.pass, place.scope)
}
