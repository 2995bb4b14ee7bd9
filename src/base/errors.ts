/**
 * Every error everloop throws: one root class, one list of stable codes.
 *
 * Codes are part of the public face: they are documented one by one in docs/errors.md (a test
 * compares the two), never renamed, and meant to be switched on. A message says what happened, to
 * which run and step, what was expected and what to do, in this order.
 */
import { counted } from './counted.ts'

/** All codes, with the sentence that the documentation and `--json` consumers rely on. */
export const errorCodes = {
  // What a caller handed over.
  BAD_OPTION: 'an option is unknown, misspelt or of the wrong type',
  BAD_NAME: 'a name or id is empty, too long or has characters that are not allowed',
  BAD_INPUT: 'an input, answer or output does not fit its schema',
  BAD_DURATION: 'a duration or date cannot be read',
  NOT_SERIALISABLE: 'a value cannot be kept as data',
  VALUE_TOO_LARGE: 'a value is larger than one payload may be',
  BAD_EXPORT: 'what is to be imported is no whole and sound export of a run',
  EXPORT_NEWER: 'what is to be imported was written by a newer everloop',
  // Runs and flows.
  UNKNOWN_FLOW: 'no flow of this name is registered',
  UNKNOWN_RUN: 'no run has this id',
  AMBIGUOUS_ID: 'an id prefix fits more than one',
  RUN_EXISTS: 'a run of this id exists with another flow, input or ledger',
  RUN_ENDED: 'the run has ended and takes nothing more',
  RUN_FAILED: 'the run failed',
  RUN_CANCELLED: 'the run was cancelled',
  RUN_STATE: 'the run is not in a state that allows this',
  DEADLINE: 'the run did not end before its deadline',
  // Inside a flow.
  STEP_FAILED: 'a step failed and has no attempts left',
  SCOPE_FAILED: 'a branch, scope or loop ended with an error',
  CHILD_FAILED: 'a child run did not complete',
  TIMEOUT: 'a step took longer than its timeout',
  NOT_DONE: 'the effect of a call surely did not happen',
  IN_DOUBT: 'a person let a call fail of which it is not known whether it happened',
  EXPIRED: 'a wait passed its deadline without a default',
  CANCELLED: 'the run is being cancelled',
  WRONG_SCOPE: 'a handle was used while an inner scope is current',
  NESTED_OPERATION: 'a durable operation was started inside a step body',
  DUPLICATE_KEY: 'an explicit key was used twice in one scope',
  NOT_A_TURN: 'a loop body did not return run.next or run.done',
  NO_TRANSACTIONS: 'the store cannot commit rows of users together with a step',
  // Why a run is paused.
  PAUSED: 'an operator paused the run',
  STALLED: 'the flow waits on something that is not a durable operation',
  CRASH_LOOP: 'the run lost its worker three times or more without progress',
  DIVERGED: 'the code asked for other operations than the ledger holds',
  CHILD_GONE: 'another run would do again what a child that has ended has done',
  DRIFTED: 'a step that must not repeat was asked for with another input than recorded',
  HIDDEN_STATE: 'a loop keeps state outside its state value',
  MIGRATION_FAILED: 'the state of a loop could not be brought into the form of another version',
  UNKNOWN_ACTION: 'no action of this name is registered, so nothing can be undone with it',
  // Questions.
  UNKNOWN_QUESTION: 'no question has this id',
  QUESTION_CLOSED: 'the question was answered, expired or withdrawn before',
  // Tools, guards and secrets.
  UNKNOWN_SECRET: 'the worker has no secret of this name',
  // Models.
  UNKNOWN_MODEL: 'a text names no model, or the package of its provider is not installed',
  MODEL_FAILED: 'no model answered, after all attempts',
  MODEL_REFUSED: 'a content filter stopped the model',
  SCRIPT_EXHAUSTED: 'a scripted model was asked more often than its script answers',
  // Agents.
  APPROVAL_REFUSED: 'a decision about a call was refused',
  GUARD_DENIED: 'a guard does not let the agent go on',
  GUARD_HALTED: 'a guard ended the run',
  BUDGET_STOPPED: 'a budget is used up and a person said stop',
  UNKNOWN_PRICE: 'money is limited and the price of a model is not known',
  OUTPUT_INVALID: 'the final answer of an agent does not fit its schema',
  // Ledger and store.
  BROKEN_CHAIN: 'the ledger was changed outside everloop or is damaged',
  FENCED: 'another worker has taken over the run',
  STORE_UNAVAILABLE: 'the store cannot be opened or written at the moment',
  STORE_MISSING: 'there is no store at this place',
  STORE_FULL: 'the disk or the store is full',
  STORE_FAILED: 'the store failed in a way that needs a restart',
  STORE_CLOSED: 'the store or runtime was closed',
  STORE_FOREIGN: 'the file is not an everloop store',
  STORE_NEWER: 'the store was written by a newer everloop',
  STORE_OLDER:
    'the store was written by an older everloop, and is not brought up to date by a look at it',
  STORE_READ_ONLY: 'the store cannot be written',
  STORE_NETWORK: 'the store lies on a network file system',
  UNKNOWN_ARTIFACT: 'no artifact has this hash',
  // The surroundings.
  UNSUPPORTED_NODE: 'this Node.js is too old',
  FLOW_FILE: 'a flow file cannot be loaded or exports no such flow',
  CONFORMANCE: 'a store does not behave as the contract says',
  INTERNAL: 'everloop broke one of its own rules',
} as const

/** A stable error code. */
export type ErrorCode = keyof typeof errorCodes

/** What an error can say about where it happened. */
export interface ErrorPlace {
  readonly run?: string | undefined
  readonly step?: string | undefined
}

const brand = Symbol.for('everloop.error')

/** The root of all errors of everloop. */
export class EverloopError extends Error {
  readonly code: ErrorCode
  /** The run concerned, where there is one. */
  readonly run: string | undefined
  /** The step or other operation concerned, by its key in the run. */
  readonly step: string | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorPlace & { readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.run = options.run
    this.step = options.step
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'EverloopError', configurable: true })
    Object.defineProperty(this.prototype, brand, { value: true })
  }

  /** True for errors of everloop, whichever copy of it made them: `instanceof` knows those of its own copy only. */
  static is(value: unknown): value is EverloopError {
    try {
      return typeof value === 'object' && value !== null && brand in value
    } catch {
      return false // a Proxy that refuses to be looked at: ours do not
    }
  }
}

/**
 * Makes an error without a trace, for telling why something has ended as it should. A trace takes a while,
 * and keeps all alive that was being executed for as long as somebody has the error.
 */
export function untraced<Made extends Error>(make: () => Made): Made {
  const { stackTraceLimit } = Error
  if (!setTraceLimit(0)) return make() // somebody has frozen it
  try {
    return make()
  } finally {
    setTraceLimit(stackTraceLimit)
  }
}

const setTraceLimit = (frames: number): boolean => Reflect.set(Error, 'stackTraceLimit', frames)

/** An error as data: what the ledger keeps of anything that was thrown. */
export interface ErrorData {
  readonly name: string
  readonly message: string
  readonly code?: string | undefined
  /** Own enumerable properties, `cause` and `errors`, as far as they can be kept as data. */
  readonly data?: unknown
}

/** A step failed for good. The same fields live and on replay. */
export class StepError extends EverloopError {
  override readonly step: string
  /** How often the body was tried. */
  readonly attempts: number
  /** What the body threw at last, as data: never the original object. */
  override readonly cause: ErrorData

  constructor(fields: {
    readonly run: string
    readonly step: string
    readonly attempts: number
    readonly cause: ErrorData
  }) {
    const { run, step, attempts, cause } = fields
    const tries = counted(attempts, 'attempt')
    super('STEP_FAILED', `Step "${step}" failed after ${tries}: ${cause.name}: ${cause.message}`, {
      run,
      step,
      cause,
    })
    this.step = step
    this.attempts = attempts
    this.cause = cause
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'StepError', configurable: true })
  }
}

/** A pending or later operation of a run that is being cancelled. */
export class Cancelled extends EverloopError {
  /** The reason given to `cancel`. */
  readonly reason: string

  constructor(fields: { readonly run: string; readonly reason: string }) {
    super('CANCELLED', `Run "${fields.run}" is being cancelled: ${fields.reason}`, {
      run: fields.run,
    })
    this.reason = fields.reason
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'Cancelled', configurable: true })
  }
}

/**
 * Thrown by the body of a step that must not repeat: the effect surely did not happen, so the call may
 * be made again.
 *
 * @example if (response.status === 429) throw new NotDone('The bank is busy.')
 */
export class NotDone extends EverloopError {
  constructor(message = 'The effect did not happen.', options: { readonly cause?: unknown } = {}) {
    super('NOT_DONE', message, options)
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'NotDone', configurable: true })
  }
}

/** A rule of everloop itself does not hold: a bug, never retried. */
export class InvariantError extends EverloopError {
  constructor(message: string, place: ErrorPlace = {}) {
    super('INTERNAL', `${message} This is a bug in everloop: please report it.`, place)
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'InvariantError', configurable: true })
  }
}

/** Throws an InvariantError unless the condition holds. Kept on in production. */
export function assert(condition: unknown, message: string, place?: ErrorPlace): asserts condition {
  if (!condition) throw new InvariantError(message, place)
}
