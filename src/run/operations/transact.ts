/**
 * Transactional steps: the body changes rows of the user's in the very transaction that records the
 * step. Both are there or neither is, whatever dies when; so the body's effect happens once, without a
 * key and without a doubt.
 */
import { EverloopError } from '../../base/errors.ts'
import { digestOf, encode, errorData, operationPath } from '../../ledger/index.ts'
import type { Transaction } from '../../store/store.ts'
import { within } from '../current.ts'
import type { TransactOptions } from '../face.ts'
import type { Item } from '../pass/journal.ts'
import { payloadWith } from '../replay/large.ts'
import type { Live, Operation } from '../pass/operation.ts'
import { operationEntry, type OperationEntry } from '../pass/operation-entry.ts'
import { checkOptions } from '../../base/options.ts'
import type { Pass } from '../pass/pass.ts'
import { isPromiseLike } from '../promise-like.ts'
import type { Scope } from '../pass/scope.ts'

export interface TransactCall {
  readonly name: string
  readonly options: TransactOptions & { readonly input?: unknown }
  readonly body: (transaction: Transaction) => unknown
}

/** Registers a transactional step and returns what its body returned, now or long ago. */
export function transact(pass: Pass, scope: Scope, call: TransactCall): Promise<unknown> {
  const { name, options } = call
  checkOptions('run.transact', options, ['key', 'input'])
  const key = scope.key(name, options.key)
  if (!pass.store.transact) throw noTransactions(pass, operationPath(scope.path, key))
  return pass.request(scope, 'step', key, new Transacted(pass, call))
}

class Transacted implements Live {
  readonly input: string | undefined
  readonly #pass: Pass
  readonly #call: TransactCall

  constructor(pass: Pass, call: TransactCall) {
    this.#pass = pass
    this.#call = call
    this.input = 'input' in call.options ? digestOf(call.options.input) : undefined
  }

  begin(operation: Operation): void {
    const pass = this.#pass
    const { begun } = operation
    if (begun && begun.kind !== 'step.retrying') {
      // A call that is under way, or in doubt, is not forgotten because the code has changed.
      pass.diverge(
        `At "${operation.path}" the ledger holds ${begun.kind}, but the code asks for a transaction.`,
      )
      return
    }
    const given = this.input === undefined ? {} : { input: this.input }
    let made: OperationEntry<'step.completed'> | undefined
    pass.commit({
      drafts: [],
      transact: (transaction) => {
        const value = this.#execute(operation, transaction)
        const rest = { ...given, transacted: true } as const
        const encoded = payloadWith('value', encode(value), rest)
        const recording = {
          kind: 'step.completed',
          record: { value, ...rest },
          ...encoded,
        } as const
        made = operationEntry(operation, recording, pass.options.redactor)
        return { artifacts: made.artifacts, drafts: [made.draft] }
      },
      committed: ([entry]) => {
        if (entry && made && !operation.scope.closed) pass.recorded.push(made.line(entry))
      },
      failed: (thrown) => {
        const record = { error: errorData(thrown), attempts: 1, ...given }
        pass.conclude(operation, 'step.failed', record)
      },
    } satisfies Item)
  }

  #execute(operation: Operation, transaction: Transaction): unknown {
    const { scope, path } = operation
    const pass = this.#pass
    if (operation.phase !== 'busy' || scope.closed || pass.isOver) {
      throw new EverloopError('CANCELLED', `Nobody waits for step "${path}" any more.`)
    }
    pass.options.onBody?.(path, pass.run)
    const value = operation.call(within, { pass, scope, step: path }, this.#call.body, transaction)
    if (isPromiseLike(value)) {
      value.then(undefined, () => {}) // what becomes of it is nobody's business
      throw new EverloopError(
        'BAD_OPTION',
        `The function of run.transact("${this.#call.name}") returned a promise. A transaction waits for nothing: do what takes time in steps before it, and hand it their values.`,
        { run: pass.run, step: path },
      )
    }
    return value
  }
}

const noTransactions = (pass: Pass, path: string): EverloopError =>
  new EverloopError(
    'NO_TRANSACTIONS',
    `run.transact("${path}") needs a store that holds your own tables, and the store of run "${pass.run}" (${pass.store.about.kind}) holds none. Open "sqlite:PATH", or use run.step with an idempotency key.`,
    { run: pass.run, step: path },
  )
