/** Whether a run waits for what somebody says next to an agent, and not for a signal of a flow's own. */
import { messageSignal } from '../agent/loop/inbox.ts'
import { turnKeys } from '../agent/loop/turn-keys.ts'
import type { WaitInfo } from '../run/index.ts'

export const awaitsMessage = ({ kind, what, path }: WaitInfo): boolean =>
  kind === 'signal' && what === messageSignal && path.endsWith(`/=${turnKeys.nextMessage}`)
