/** Steps as the runtime's own layers ask for them, where the calling code stands. */
import { current } from '../../src/run/current.ts'
import type { LiveContext, StepCall } from '../../src/run/operations/attempt.ts'
import { step } from '../../src/run/operations/step.ts'

export function innerStep<T>(
  name: string,
  body: (context: LiveContext) => T | Promise<T>,
  rest: Partial<Pick<StepCall, 'charge' | 'options'>> = {},
): Promise<T> {
  const place = current()
  if (!place) throw new Error('A step was asked for outside of a run.')
  return step(place.pass, place.scope, { name, options: {}, ...rest, body }) as Promise<T>
}
