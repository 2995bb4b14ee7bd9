/**
 * The entry: one line of a run's ledger, and the kinds of lines there are.
 *
 * This format is frozen: docs/ledger-format.md specifies it, and every later version of everloop
 * reads it. New kinds and new optional payload fields may be added; nothing is ever renamed or
 * given another meaning.
 */
import type { ErrorData } from '../base/errors.ts'
import type { StateChange } from './delta.ts'

/** The number written into every genesis entry. */
export const ledgerFormat = 1

/** One line of a run's ledger. Texts are printable ASCII, except inside the decoded payload. */
export interface Entry {
  readonly run: string
  /** 1, 2, 3 … without a gap. */
  readonly seq: number
  /** The lease epoch under which it was written; 0 for the genesis. */
  readonly epoch: number
  /** Milliseconds since 1970 on the store's clock; never goes back within a run. */
  readonly time: number
  /** The scope it belongs to, see path.ts. */
  readonly scope: string
  readonly kind: EntryKind
  /** The operation it belongs to, unique with the scope; "" for what concerns the whole run. */
  readonly key: string
  /** Random text that keeps an erased payload from being guessed; null when erased. */
  readonly salt: string | null
  /** SHA-256 over salt and payload, see chain.ts. */
  readonly digest: string
  /** Encoded record of the kind, see codec.ts; null when erased. */
  readonly payload: string | null
  /** SHA-256 over the predecessor's hash and all fields above except salt and payload. */
  readonly hash: string
}

/** An entry as its writer hands it over, before it gets a place in the chain. */
export interface Draft<K extends PayloadKind = PayloadKind> {
  readonly scope: string
  readonly kind: K
  readonly key: string
  readonly record: Payloads[K]
}

/** Any draft, narrowed by its kind. */
export type AnyDraft = { [K in PayloadKind]: Draft<K> }[PayloadKind]

/** A scope that is open, and the first of its entries that a resume needs. */
export interface OpenScope {
  readonly path: string
  readonly from: number
}

/** Who did something from outside, as far as is known. */
interface Actor {
  readonly by?: string | undefined
}

/** What whoever lets a run go on agrees to. */
interface Consent {
  /** Other runs may take the place of children that cannot go on, and do again what those have done. */
  readonly anew?: true | undefined
}

/** Until when something is waited for. */
interface Deadline {
  readonly due?: number | undefined
  /** What the outcome is when the time is over; without it the wait fails. */
  readonly otherwise?: { readonly value: unknown } | undefined
}

/** What had not ended when its scope closed: keys relative to the scope. */
interface Abandoning {
  readonly abandoned?: readonly string[] | undefined
}

/** How a run was undone before it ended: how many compensations came to which end. */
interface Undone {
  readonly undo?:
    | { readonly completed: number; readonly failed: number; readonly skipped: number }
    | undefined
}

/** An action that undoes something, by the name under which it is registered, and what it is given. */
export interface Undo {
  readonly action: string
  readonly input?: unknown
}

/** A run above another one, with the limits of its budget at the time the other one began. */
export interface Ancestor {
  readonly run: string
  readonly limits?: Readonly<Record<string, number>> | undefined
  /** When it was started, where it has limits: one of them may be of time. */
  readonly started?: number | undefined
}

/** Something that came from outside: what a call of a tool has read there. */
export interface Taint {
  readonly call: string
  readonly tool: string
  /** Whose call it was, where it was another run's. */
  readonly run?: string | undefined
}

/** What something cost, by kind of amount: tokens, micro-dollars, calls. */
export interface Charge {
  readonly to: readonly string[]
  readonly amounts: Readonly<Record<string, number>>
}

/** How somebody decided about a call, and what they had been shown. */
export interface Vote extends Actor {
  readonly verdict: 'approved' | 'denied'
  readonly args?: unknown
  readonly reason?: string | undefined
  /** Through what they answered: "cli", "api" … */
  readonly channel?: string | undefined
  /** Digest of what was shown to them. */
  readonly shown?: string | undefined
  readonly time: number
}

/** What each kind's payload holds. Optional fields are left out when they are not set. */
export interface Payloads {
  // The run. All of these stand in scope "" with key "".
  'run.started': {
    readonly format: number
    readonly flow: string
    readonly version: string
    readonly input: unknown
    readonly queue: string
    readonly labels?: Readonly<Record<string, string>> | undefined
    readonly deadline?: number | undefined
    readonly notBefore?: number | undefined
    readonly parent?:
      | { readonly run: string; readonly scope: string; readonly key: string }
      | undefined
    /** The runs around this one, the nearest first: what it costs stands on their accounts too. */
    readonly ancestors?: readonly Ancestor[] | undefined
    /** What of its input came from outside. */
    readonly taints?: readonly Taint[] | undefined
    /** The run's chance derives from this entry's hash; without it from the run's id. */
    readonly seeded?: true | undefined
  } & Actor
  /** Something from outside has reached the run: by a call of its own, or by a run below whose outcome is the entry behind. */
  'run.tainted': { readonly taints: readonly Taint[] }
  'run.overtaken': { readonly lost: 'crash' | 'lease'; readonly times: number }
  /** With `deadline`, the run is ending because its time is over, and will have failed. */
  'run.cancelling': { readonly reason: string; readonly deadline?: true | undefined } & Actor
  'run.paused': {
    readonly code: string
    readonly message: string
    readonly detail?: unknown
  } & Actor
  'run.resumed': Consent & Actor
  /** From the turn on that stands behind this entry, the code of this version executes the run. */
  'run.migrated': { readonly version: string }
  /**
   * Compensation begins: the code has ended with this error or was cancelled for this reason, and is
   * not executed again. Or, after the run's end, somebody has asked for it.
   */
  'run.undoing': {
    readonly because: 'failed' | 'cancelled' | 'asked'
    readonly error?: ErrorData | undefined
    readonly reason?: string | undefined
    /** As `run.failed` has it. */
    readonly cause?: number | undefined
  } & Actor &
    Abandoning
  /** Failed outcomes in `forget` no longer count, and the scopes they closed are open again. */
  'run.retried': {
    readonly forget: readonly number[]
    readonly reopen: readonly OpenScope[]
  } & Consent &
    Actor
  'run.completed': { readonly output: unknown } & Abandoning
  'run.failed': {
    readonly error: ErrorData
    /** The failed outcome the error came from, where it came from one. */
    readonly cause?: number | undefined
  } & Abandoning &
    Undone
  /** With `by` where it ended without its code: else `run.cancelling` has it. */
  'run.cancelled': {
    readonly reason: string
    readonly error?: ErrorData | undefined
  } & Actor &
    Abandoning &
    Undone
  // Operations. Scope and key are the operation's.
  'step.completed': {
    /** What it cost, and the runs on whose accounts that stands. First in the payload. */
    readonly charge?: Charge | undefined
    readonly value: unknown
    /** Left out when 1. */
    readonly attempts?: number | undefined
    /** Digest of the input that was given, see codec.ts. */
    readonly input?: string | undefined
    /** Rows of the user's were committed with it. */
    readonly transacted?: true | undefined
  }
  'step.failed': {
    readonly charge?: Charge | undefined
    readonly error: ErrorData
    readonly attempts: number
    readonly input?: string | undefined
  }
  'step.retrying': { readonly attempt: number; readonly error: ErrorData; readonly due: number }
  // Effects are steps: scope, key and family are the step's.
  /** Written before the body is called, so that a crash leaves the call in doubt, not forgotten. */
  'effect.intended': {
    readonly effect: 'idempotent' | 'once'
    /** Counted from 1. */
    readonly attempt: number
    /** When a request of this attempt can no longer be on its way: its timeout and settle time. */
    readonly due?: number | undefined
    /** How many calls before this one were cut short by a crash, and are not counted as attempts. */
    readonly lost?: number | undefined
    /** What the call was given, for people and for undoing it without the flow's code. */
    readonly args?: unknown
    readonly input?: string | undefined
    readonly undo?: Undo | undefined
  }
  /** It is not known whether the call took effect. With `prompt`, a person is asked. */
  'effect.doubted': {
    readonly attempt: number
    readonly why: 'crashed' | 'timed-out' | 'aborted' | 'threw'
    readonly error?: ErrorData | undefined
    /** When the call's outcome may be looked for. */
    readonly due?: number | undefined
    readonly prompt?: string | undefined
    readonly schema?: unknown
    /** Why it could not be found out without a person. */
    readonly reason?: string | undefined
  }
  /** It is known again. What follows from it stands in the entry behind. */
  'effect.resolved': {
    readonly attempt: number
    readonly verdict: 'done' | 'notDone' | 'failed'
    /** `call`: the call itself told, when it threw NotDone, ended late, or was not made at all. */
    readonly via: 'call' | 'reconcile' | 'person'
    readonly reason?: string | undefined
  } & Actor
  /** An answer about an effect that cannot be: the question is open again. */
  'effect.refused': { readonly reason: string } & Actor
  // Compensation. `of` is the number of the entry that registered what is undone. Scope "", and a key
  // of its own (see undo.ts), but for the registration, which is an operation of the code.
  'undo.registered': Undo
  'undo.retrying': {
    readonly of: number
    readonly attempt: number
    readonly error: ErrorData
    readonly due: number
  }
  'undo.completed': {
    readonly of: number
    readonly value: unknown
    readonly attempts?: number | undefined
  } & Actor
  'undo.failed': {
    readonly of: number
    readonly error: ErrorData
    readonly attempts: number
  } & Actor
  'undo.skipped': { readonly of: number; readonly reason: string } & Actor
  'timer.set': { readonly due: number }
  'timer.fired': Readonly<Record<string, never>>
  'signal.awaited': { readonly name: string } & Deadline
  'signal.received': { readonly value: unknown; readonly id?: string | undefined } & Actor
  /** The holder's schema refused a signal: the wait goes on. */
  'signal.refused': { readonly reason: string; readonly id?: string | undefined } & Actor
  'signal.expired': Readonly<Record<string, never>>
  'question.asked': {
    readonly prompt: string
    /** JSON Schema of the answer, when the schema could tell one. */
    readonly schema?: unknown
  } & Deadline
  'question.answered': { readonly value: unknown } & Actor
  /** The holder's schema refused an answer: the question is open again. */
  'question.refused': { readonly reason: string } & Actor
  'question.expired': Readonly<Record<string, never>>
  // A tool call that a person must allow. The digest binds the decision to exactly this call.
  'approval.requested': {
    readonly prompt: string
    readonly schema?: unknown
    readonly call: string
    readonly tool: string
    readonly args: unknown
    /** JSON Schema of the arguments, for checking edited ones where they are given. */
    readonly argsSchema?: unknown
    /** Of tool name, tool definition and arguments. */
    readonly digest: string
    /** How many different people must approve. */
    readonly approvals: number
    /** Those who may, when not everybody. */
    readonly approvers?: readonly string[] | undefined
    /** Those who may not: who asked for the run, where policy says so. When empty, who that is is not known. */
    readonly barred?: readonly string[] | undefined
    readonly assignee?: string | undefined
    readonly escalate?: { readonly due: number; readonly to: string } | undefined
    /** Who is asking for it, and which guard or policy wants it. */
    readonly reason?: string | undefined
  } & Deadline
  /** One of several approvals. */
  'approval.voted': Vote
  /** Put off, or handed to somebody. */
  'approval.changed': {
    readonly snoozed?: number | undefined
    readonly assignee?: string | undefined
    readonly escalated?: true | undefined
  } & Actor
  'approval.refused': { readonly reason: string } & Actor
  'approval.decided': {
    readonly verdict: 'approved' | 'denied'
    /** Other arguments than the model proposed. */
    readonly args?: unknown
    readonly reason?: string | undefined
    readonly votes: readonly Vote[]
  } & Actor
  'approval.expired': Readonly<Record<string, never>>
  /** Something has changed the call since it was requested. */
  'approval.voided': { readonly reason: string }
  /** What the guards of one position said of one thing. */
  'guard.decided': {
    readonly position: string
    readonly verdicts: readonly {
      readonly guard: string
      readonly verdict: 'allow' | 'deny' | 'fix' | 'retry' | 'ask' | 'halt'
      readonly reason?: string | undefined
      readonly error?: ErrorData | undefined
    }[]
    /** What the thing became, when a guard has replaced it. */
    readonly fixed?: { readonly value: unknown } | undefined
    readonly [more: string]: unknown
  }
  /** A call was not made, because it would have gone beyond a budget; or it is made after all, and nothing is `over`. */
  'budget.reserved': {
    readonly over: readonly {
      readonly what: string
      readonly spent: number
      readonly limit: number
    }[]
  }
  'message.received': { readonly value: unknown; readonly id?: string | undefined } & Actor
  'context.compacted': { readonly charge?: Charge | undefined; readonly value: unknown }
  'child.started': {
    readonly run: string
    readonly flow: string
    readonly input?: string | undefined
  }
  'child.completed': { readonly output: unknown }
  'child.failed': { readonly status: 'failed' | 'cancelled'; readonly error: ErrorData }
  /** What people call the run from here on. */
  'note.titled': { readonly title: string }
  'note.written': { readonly text: string; readonly data?: unknown }
  /** Another input than the recorded one was given at the same key; the recorded outcome stands. */
  'input.drifted': { readonly of: number; readonly recorded: string; readonly given: string }
  // Scopes. Scope and key are those of the operation in the parent that opened it.
  'scope.closed': { readonly value: unknown } & Abandoning
  'scope.failed': {
    readonly error: ErrorData
    readonly cause?: number | undefined
    /** The scopes that this closing closed, so that a retry can open them again. */
    readonly scopes: readonly OpenScope[]
  } & Abandoning
  /** Scope: the loop. Key: the turn's number. */
  'turn.committed': StateChange & {
    /** Characters that live in the state, and that a resume reads for it. */
    readonly live: number
    readonly chain: number
    /** The version that executes the run from here on, where another one did before. */
    readonly version?: string | undefined
  } & Abandoning
}

/** A kind whose payload this version writes. */
export type PayloadKind = keyof Payloads

/**
 * Kinds that are set aside, so that a reader of this version knows them as everloop's own. No
 * version may use them for anything else.
 */
export const reservedKinds = [
  'budget.settled',
  'budget.raised',
  'agent.defined',
  'run.titled',
  'run.forked',
  'run.redacted',
] as const

/** Every kind an entry may have. */
export type EntryKind = PayloadKind | (typeof reservedKinds)[number]

/** Kinds that end an operation: what the flow's code is handed. */
export const outcomeKinds = [
  'step.completed',
  'step.failed',
  'timer.fired',
  'signal.received',
  'signal.expired',
  'question.answered',
  'question.expired',
  'child.completed',
  'child.failed',
  'note.written',
  'note.titled',
  'undo.registered',
  'undo.completed',
  'undo.failed',
  'undo.skipped',
  'approval.decided',
  'approval.expired',
  'approval.voided',
  'guard.decided',
  'budget.reserved',
  'message.received',
  'context.compacted',
  'scope.closed',
  'scope.failed',
] as const

/** Kinds that say an operation has begun and its outcome is still to come. */
export const waitKinds = [
  'step.retrying',
  'timer.set',
  'signal.awaited',
  'question.asked',
  'child.started',
  'effect.intended',
  'effect.doubted',
  'effect.resolved',
  'undo.retrying',
  'approval.requested',
] as const

export type OutcomeKind = (typeof outcomeKinds)[number]
export type WaitKind = (typeof waitKinds)[number]

const outcomes: ReadonlySet<string> = new Set(outcomeKinds)
const waits: ReadonlySet<string> = new Set(waitKinds)

export const isOutcome = (kind: EntryKind): kind is OutcomeKind => outcomes.has(kind)
export const isWait = (kind: EntryKind): kind is WaitKind => waits.has(kind)
