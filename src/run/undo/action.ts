/**
 * What an action is: a name, and what it does. Actions undo: they are registered with the runtime and
 * called by name with data, so that a run can be undone when the code of its flow is gone.
 */
import { type Duration, parseDuration } from '../../base/duration.ts'
import { EverloopError } from '../../base/errors.ts'
import { checkOptions } from '../../base/options.ts'
import { checkName } from '../check-name.ts'
import type { Action, AnyAction, RetryPolicy, UndoContext } from '../face.ts'
import { retryOf } from '../operations/retry-policy.ts'

/** Shared by all copies of everloop in a process, so that a flow file may bring its own. */
const brand = Symbol.for('everloop.action')

/** What `action` makes an action of. */
export interface ActionDefinition<Input> {
  /** Registrations name it: keep it stable. 1 to 100 characters. */
  readonly name: string
  /** At least once: after a crash inside it is called again, with the same idempotency key. */
  readonly run: (input: Input, context: UndoContext) => unknown
  /** Default: 5 attempts. */
  readonly retry?: RetryPolicy
  /** An attempt that takes longer fails with TIMEOUT, and its signal is aborted. */
  readonly timeout?: Duration
}

const attemptsByDefault = 5

/**
 * Makes an action. Nothing is undone yet: a run that registered it does so when it fails or is
 * cancelled.
 *
 * @example
 * const cancelHotel = action('cancel_hotel', ({ id }: { id: string }, { idempotencyKey }) =>
 *   hotels.cancel(id, { idempotencyKey }))
 */
export function action<Input>(
  name: string,
  run: (input: Input, context: UndoContext) => unknown,
): Action<Input>
export function action<Input>(definition: ActionDefinition<Input>): Action<Input>
export function action<Input>(
  nameOrDefinition: string | ActionDefinition<Input>,
  run?: (input: Input, context: UndoContext) => unknown,
): Action<Input> {
  const definition: Partial<ActionDefinition<Input>> =
    typeof nameOrDefinition === 'string'
      ? { name: nameOrDefinition, ...(run ? { run } : {}) }
      : nameOrDefinition
  checkOptions('action', definition, ['name', 'run', 'retry', 'timeout'])
  const { name, retry = { attempts: attemptsByDefault }, timeout } = definition
  if (typeof definition.run !== 'function') {
    throw new EverloopError(
      'BAD_OPTION',
      'An action needs `run`: a function that is handed the input and undoes something.',
    )
  }
  checkName("An action's name", name)
  retryOf(retry)
  if (timeout !== undefined) parseDuration(timeout)
  const made = { name, run: definition.run, retry, timeout }
  Object.defineProperty(made, brand, { value: true })
  return Object.freeze(made)
}

/** True for actions made by any copy of everloop. */
export function isAction(value: unknown): value is AnyAction {
  return typeof value === 'object' && value !== null && brand in value
}
