/** The message that tells a run to end. */
import { encode } from '../../ledger/index.ts'
import type { NewMessage } from '../../store/store.ts'
import type { Operation } from './operation.ts'

/** Tells a run to end, for this reason. */
export const cancelMessage = (run: string, reason: string): NewMessage => ({
  run,
  kind: 'cancel',
  name: '',
  payload: encode({ reason }),
})

/** The message that cancels the child an operation waits for, if it does. */
export const cancelChild =
  (reason: string) =>
  ({ child }: Pick<Operation, 'child'>): NewMessage[] =>
    child === undefined ? [] : [cancelMessage(child, reason)]
