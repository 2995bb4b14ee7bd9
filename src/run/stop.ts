/** Why a pass comes to its end although the code could go on, and what is written about it. */
import type { AnyDraft } from '../ledger/index.ts'

export type Stop =
  | Pause
  /** The worker stops: another one may go on at once. */
  | { readonly is: 'yield' }

export interface Pause {
  readonly is: 'pause'
  readonly code: string
  readonly message: string
  readonly detail?: unknown
  readonly by?: string | undefined
  /** The message that asked for it. */
  readonly taken?: number | undefined
}

/** The entry of a pause. */
export const pausedDraft = ({ code, message, detail, by }: Omit<Pause, 'is'>): AnyDraft => ({
  scope: '',
  kind: 'run.paused',
  key: '',
  record: {
    code,
    message,
    ...(detail === undefined ? {} : { detail }),
    ...(by === undefined ? {} : { by }),
  },
})
