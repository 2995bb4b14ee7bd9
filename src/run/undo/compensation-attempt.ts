/** One attempt at a compensation: calling the action, within its time. */
import { parseDuration } from '../../base/duration.ts'
import { EverloopError } from '../../base/errors.ts'
import type { Ports } from '../../base/ports.ts'
import { timeLimit, TimeOver } from '../../base/time-limit.ts'
import { encode } from '../../ledger/index.ts'
import type { AnyAction, UndoContext } from '../face.ts'
import type { Environment } from '../pass/pass-options.ts'

export interface Attempt {
  readonly action: AnyAction
  /** Counted from 1. */
  readonly number: number
}

/** What actions of layers above are handed besides. */
export interface InsideUndoContext extends UndoContext {
  readonly environment: Environment
}

export type Attempted =
  | { readonly is: 'completed'; readonly value: unknown; readonly text: string }
  | { readonly is: 'failed'; readonly thrown: unknown }

/** Calls the action once. Never rejects. */
export async function attemptAt(
  call: Attempt & {
    readonly run: string
    readonly ports: Ports
    readonly input: unknown
    readonly result: unknown
    readonly idempotencyKey: string
    /** The idempotency key of the step that is undone. */
    readonly original: string
    /** The run was given up. */
    readonly aborted: AbortSignal
    readonly environment: Environment
  },
): Promise<Attempted> {
  const { action, number, run, ports, input, result, original, aborted, environment } = call
  const ms = action.timeout === undefined ? undefined : parseDuration(action.timeout)
  const limit = timeLimit(ports, ms, {
    outer: aborted,
    reason: () => {
      const message = `Action "${action.name}" of run "${run}" took longer than its timeout of ${ms} ms.`
      return new EverloopError('TIMEOUT', message, { run })
    },
  })
  const context: InsideUndoContext = {
    run,
    environment,
    result,
    idempotencyKey: call.idempotencyKey,
    of: { idempotencyKey: original },
    attempt: number,
    signal: limit.signal,
  }
  try {
    const started = Promise.resolve().then(() => action.run(input as never, context))
    const value = await Promise.race([started, limit.over])
    if (value instanceof TimeOver) return { is: 'failed', thrown: value.reason }
    return { is: 'completed', ...told(value) }
  } catch (thrown) {
    return { is: 'failed', thrown }
  } finally {
    limit.end()
  }
}

/** What an action returns is for people to read. What cannot be kept is left out: it is undone all the same. */
function told(value: unknown): { readonly value: unknown; readonly text: string } {
  try {
    return { value, text: encode(value) }
  } catch {
    return { value: undefined, text: encode(undefined) }
  }
}
