/**
 * Scopes as operations: `scope`, `cleanup`, `map`, `all`. A body is executed in a scope of its own,
 * and closing it writes one entry into the parent: the result, or the error.
 *
 * A scope that is recorded as closed is served from that entry; its inside is not read again.
 */
import { Cancelled, EverloopError, StepError } from '../../base/errors.ts'
import type { ErrorData } from '../../base/errors.ts'
import { childPath, encode, errorData } from '../../ledger/index.ts'
import { within } from '../current.ts'
import type { BranchOptions } from '../face.ts'
import { type Encoded, isLarge, payloadWith } from '../replay/large.ts'
import type { Operation } from '../pass/operation.ts'
import { checkCount, checkOptions } from '../../base/options.ts'
import type { Pass } from '../pass/pass.ts'
import { Scope } from '../pass/scope.ts'

/** Executes the body in a new scope under this key of the parent. */
export function inScope(
  pass: Pass,
  parent: Scope,
  key: string,
  body: (scope: Scope) => unknown,
  shielded?: boolean,
): Promise<unknown> {
  return pass.request(parent, 'scope', key, {
    shielded,
    begin: (operation) => {
      const scope = new Scope(pass.run, childPath(parent.path, key), parent.time, parent, shielded)
      void enter(pass, scope, body).then((end) =>
        whenEnding(pass, scope, () => close(pass, operation, scope, end)),
      )
    },
  })
}

type End =
  | { readonly is: 'closed'; readonly value: unknown }
  | { readonly is: 'failed'; readonly thrown: unknown }

async function enter(pass: Pass, scope: Scope, body: (scope: Scope) => unknown): Promise<End> {
  try {
    return {
      is: 'closed',
      value: await within({ pass, scope, step: undefined }, () => body(scope)),
    }
  } catch (thrown) {
    return { is: 'failed', thrown }
  }
}

/**
 * Calls `end` when a scope may end whose code has: at once, unless the ledger holds nothing of it (P2). What has
 * been recorded since was asked for without its outcome.
 */
export function whenEnding(pass: Pass, { path }: Scope, end: () => void): void {
  if (pass.isReplaying && !pass.operations.isRecorded(path)) pass.whenLive(end)
  else end()
}

function close(pass: Pass, operation: Operation, scope: Scope, end: End): void {
  // The parent has ended first, or the code was told of a cancel: nobody waits for the result.
  if (pass.isOver || scope.isLeaving) return
  const failed = end.is === 'failed' ? failure(pass, end.thrown) : undefined
  const open = failed ? pass.operations.openWithin(scope) : []
  pass.leave(scope, ({ abandoned: keys, deliver }) => {
    const abandoned = keys === undefined ? {} : { abandoned: keys }
    if (failed) {
      pass.conclude(
        operation,
        'scope.failed',
        { ...failed, scopes: open, ...abandoned },
        { deliver },
      )
      return
    }
    const { value } = end as { readonly value: unknown }
    try {
      const item = { ...closedWith(scope, value, abandoned), deliver }
      pass.conclude(operation, 'scope.closed', { value, ...abandoned }, item)
    } catch (thrown) {
      const record = { ...failure(pass, thrown), scopes: open, ...abandoned }
      pass.conclude(operation, 'scope.failed', record, { deliver })
    }
  })
}

/** What is written of a scope that closes with this value. Throws NOT_SERIALISABLE. */
export function closedWith({ values }: Scope, value: unknown, abandoned: object): Encoded {
  const referring = values.isEmpty ? encode(value) : encode(value, { refer: values.refer })
  // An artifact is read without the ledger around it, so it refers to nothing.
  const text = isLarge(referring) ? encode(value) : referring
  return payloadWith('value', text, abandoned)
}

/** An error that leaves a scope, as data. A StepError stays recognisable as one. */
export function failure(pass: Pass, thrown: unknown): { error: ErrorData; cause?: number } {
  try {
    const cause = pass.origins.of(thrown)
    return { error: scopeErrorData(thrown), ...(cause === undefined ? {} : { cause }) }
  } catch {
    return { error: errorData(thrown) } // a Proxy that refuses to be looked at: ours do not
  }
}

function scopeErrorData(thrown: unknown): ErrorData {
  if (thrown instanceof StepError) {
    const { name, message, code, step, attempts, cause } = thrown
    return { name, message, code, data: { step, attempts, cause } }
  }
  if (thrown instanceof Cancelled) {
    const { name, message, code, reason } = thrown
    return { name, message, code, data: { reason } }
  }
  return EverloopError.is(thrown) ? passedOn(thrown) : errorData(thrown)
}

/** An error of an inner scope is not wrapped again at each level it leaves. */
function passedOn(error: EverloopError): ErrorData {
  const { name, message, code, cause } = error
  if (code === 'SCOPE_FAILED') return cause as ErrorData
  return { name, message, code }
}

/** Executes the body for each item in a branch of its own. */
export function map(
  pass: Pass,
  parent: Scope,
  call: {
    readonly asked: 'run.map' | 'run.all'
    readonly name: string
    readonly count: number
    readonly options: BranchOptions
    readonly branch: (scope: Scope, index: number) => unknown
  },
): Promise<unknown> {
  const { asked, name, count, options, branch } = call
  checkOptions(asked, options, ['concurrency'])
  const { concurrency = Infinity } = options
  if (concurrency !== Infinity) checkCount('concurrency', concurrency, 1, { run: pass.run })
  return inScope(pass, parent, parent.key(name), async (scope) => {
    const results: unknown[] = []
    let begun = 0
    const next = async (): Promise<void> => {
      while (begun < count) {
        const index = begun++
        results[index] = await inScope(pass, scope, String(index), (inner) => branch(inner, index))
      }
    }
    // One failure fails the whole: closing the scope aborts what the other lanes are doing.
    await Promise.all(Array.from({ length: Math.min(concurrency, count) }, next))
    return results
  })
}
