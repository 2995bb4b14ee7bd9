/** What comes with everything that is sent to a run. */
import { checkOptions, checkTexts } from '../../base/options.ts'

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
