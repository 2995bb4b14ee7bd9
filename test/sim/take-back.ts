/** The action that undoes what programs do. */
import { action, type AnyAction } from '../../src/run/index.ts'
import type { UndoSpec } from './effect-spec.ts'
import type { UndoCall } from './undo-body.ts'

export const takeBack = 'take back'

/** What it is given. */
export interface TakeBack {
  /** Of the registration, where that is no call. */
  readonly path?: string
  readonly spec: UndoSpec
}

/** The action, as a process has it. */
export const takeBackAction = (
  execute: (run: string, spec: UndoSpec, call: UndoCall) => Promise<unknown>,
): AnyAction =>
  action<TakeBack>({
    name: takeBack,
    retry: { attempts: 3, delay: 400 },
    timeout: 2500,
    run: ({ path, spec }, { run, attempt, idempotencyKey, of, result, signal }) =>
      execute(run, spec, {
        path,
        attempt,
        idempotencyKey,
        of: of.idempotencyKey,
        result,
        signal,
      }),
  })
