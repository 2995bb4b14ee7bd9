/**
 * The exit codes, and which error leads to which. Scripts depend on these numbers, so they are
 * documented in docs/cli.md and never change their meaning.
 */
import { type ErrorCode, EverloopError } from '../base/errors.ts'

export const exitCodes = {
  ok: 0,
  /** A run failed, an operation was refused, or a check found something. */
  failed: 1,
  /** The command line, a value on it or a flow file cannot be used. */
  usage: 2,
  notFound: 3,
  /** There is no store, or it cannot be used. */
  store: 4,
  /** The run has not ended: it waits for something outside, or is paused. */
  resting: 5,
  /** A bug of everloop. */
  internal: 70,
  interrupted: 130,
  terminated: 143,
} as const

const byCode: Partial<Record<ErrorCode, number>> = {
  BAD_OPTION: exitCodes.usage,
  BAD_NAME: exitCodes.usage,
  BAD_INPUT: exitCodes.usage,
  BAD_DURATION: exitCodes.usage,
  NOT_SERIALISABLE: exitCodes.usage,
  VALUE_TOO_LARGE: exitCodes.usage,
  FLOW_FILE: exitCodes.usage,
  UNKNOWN_FLOW: exitCodes.notFound,
  UNKNOWN_RUN: exitCodes.notFound,
  AMBIGUOUS_ID: exitCodes.notFound,
  UNKNOWN_QUESTION: exitCodes.notFound,
  UNKNOWN_ARTIFACT: exitCodes.notFound,
  BROKEN_CHAIN: exitCodes.store,
  INTERNAL: exitCodes.internal,
}

/** The exit code for whatever was thrown. */
export function exitCodeOf(error: unknown): number {
  if (!EverloopError.is(error)) return exitCodes.internal
  if (error.code.startsWith('STORE_')) return exitCodes.store
  return byCode[error.code] ?? exitCodes.failed
}
