/** What stands in the conversation of an agent's run, as people are shown it. */
import type { Vote } from '../../ledger/index.ts'
import type { Escalation } from '../../run/approvals/escalation.ts'

/** Where an item stands. */
export interface Place {
  /** The entry it was read from, and its time. */
  readonly seq: number
  readonly time: number
}

/** Something that happened in the conversation. */
export type ConversationItem = Place &
  (
    | { readonly is: 'user'; readonly text: string; readonly by?: string }
    | {
        readonly is: 'assistant'
        readonly text: string
        /** A limit of tokens has cut it off: the model's, or `maxOutputTokens`. */
        readonly isCut?: true
        readonly model: string
        readonly calls: readonly {
          readonly id: string
          readonly tool: string
          readonly args: unknown
        }[]
        readonly amounts: Readonly<Record<string, number>>
      }
    | { readonly is: 'result'; readonly call: string; readonly value: unknown }
    /** It is a run of its own, which has begun: `result` or `error` tells its end. */
    | { readonly is: 'child'; readonly call: string; readonly run: string }
    | {
        readonly is: 'error'
        readonly call: string
        readonly error: string
        /** False where the call made no sense, and nothing was called. */
        readonly wasMade: boolean
      }
    /** A guard did not let it be made, by itself or with the answer that it stands in. */
    | { readonly is: 'unmade'; readonly call: string; readonly reason: string }
    | {
        readonly is: 'approval'
        readonly call: string
        readonly verdict: 'approved' | 'denied' | 'expired' | 'voided'
        /** What its policy had for the case that nobody decides in time, when it has expired. */
        readonly otherwise?: 'approve' | 'deny'
        readonly by?: string
        /** Why it was decided so; of one that is voided, what has changed. */
        readonly reason?: string
        readonly args?: unknown
        /** Through what the deciding vote came: "cli", "api" … */
        readonly channel?: string
        /** Of everybody who voted, the deciding vote last. */
        readonly votes?: readonly Vote[]
      }
    /** A person is asked: for leave to make a call, what came of one in doubt, or something else. */
    | {
        readonly is: 'asked'
        /** The id to answer under. */
        readonly question: string
        readonly prompt: string
        /** The call that it is about, or that it is. */
        readonly call?: string
        /** To whom it goes when nobody has decided by then; `escalated` tells that it has. */
        readonly escalation?: Escalation
      }
    /** Nobody had decided in time, and somebody else was asked: by itself, or `by` whoever chose them then. */
    | {
        readonly is: 'escalated'
        readonly call: string
        readonly to: string
        readonly by?: string
      }
    /** One of several approvals that a call wants, and not yet the last. */
    | ({ readonly is: 'vote'; readonly call: string } & Omit<Vote, 'time'>)
    /** It was not known whether a call took effect, and what became of that. */
    | {
        readonly is: 'doubt'
        readonly call: string
        readonly verdict: 'open' | 'done' | 'notDone' | 'failed'
        /** Why it is not known, while it is open. */
        readonly why?: 'crashed' | 'timed-out' | 'aborted' | 'threw'
        /** What told: the call itself, its reconciliation, or a person. */
        readonly via?: 'call' | 'reconcile' | 'person'
        readonly by?: string
        /** What it threw, while it is open; else what was said by whoever knew. */
        readonly reason?: string
      }
    /** What became of undoing a call that took effect, or may have. */
    | {
        readonly is: 'undo'
        readonly call: string
        readonly state: 'undone' | 'failed' | 'skipped'
        readonly by?: string
        /** Why it failed, or was left out. */
        readonly reason?: string
      }
    /** A guard that did not simply allow. */
    | {
        readonly is: 'guard'
        readonly guard: string
        readonly position: string
        /** At `call` and `result`: the call that it looked at. */
        readonly call?: string
        readonly verdict: string
        readonly reason?: string
        /** What all fixes at this place have made of it. */
        readonly fixed?: unknown
      }
    | { readonly is: 'question'; readonly prompt: string; readonly answer: unknown }
    | { readonly is: 'summary'; readonly text: string }
    /** The run has failed; whatever stands behind it came of a retry. */
    | { readonly is: 'failed'; readonly error: string; readonly code?: string }
    | { readonly is: 'cancelled'; readonly reason: string; readonly by?: string }
  )

type WithoutPlace<T> = T extends unknown ? Omit<T, keyof Place> : never

/** An item before it is said where it stands. */
export type Unplaced = WithoutPlace<ConversationItem>
