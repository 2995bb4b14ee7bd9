/** What comes with everything that is sent to a run. */
import { EverloopError } from '../../base/errors.ts'
import { checkOptions, checkTexts } from '../../base/options.ts'
import { actor } from '../actor.ts'
import type { MessageRecords } from '../pass/inbox.ts'

/** Who does something from outside, and under which id it is applied once. */
export interface Delivery {
  /** Who it is, for the record. */
  readonly by?: string
  /** A second delivery of this id to the same run changes nothing. */
  readonly id?: string
}

/** The delivery, checked: stores take what they are given. Throws BAD_OPTION. */
export function checkedDelivery(where: string, delivery: Delivery): Delivery {
  checkOptions(where, delivery, ['by', 'id'])
  const { by, id } = delivery
  checkTexts(where, { by, id })
  return delivery
}

/** How a paused or failed run is let go on. */
export interface GoOnOptions extends Delivery {
  /**
   * True: where the code asks again for a child that was cancelled or cannot go on, or for one with another input,
   * another run may do again what that one has done. Default: false, and the run is paused as CHILD_GONE or DRIFTED
   * instead.
   */
  readonly anew?: boolean
}

/** What the run is sent. Throws BAD_OPTION. */
export function permission(
  where: 'resume' | 'retry',
  options: GoOnOptions,
): MessageRecords['resume' | 'retry'] {
  checkOptions(where, options, ['by', 'id', 'anew'])
  const { anew, by, id } = options
  checkTexts(where, { by, id })
  if (anew !== undefined && typeof anew !== 'boolean') {
    throw new EverloopError('BAD_OPTION', `${where}: \`anew\` must be true or false.`)
  }
  return { ...actor(by), ...(anew ? { anew } : {}) }
}
