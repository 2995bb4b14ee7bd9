/**
 * Operations that wait for time, a message or a person: sleep, until, signal, ask.
 *
 * Each first commits what it waits for, then waits. Nothing lives in this process while it does: the
 * entry and the run's due time in the store are all there is. What makes no sense is refused at the moment
 * it is asked for, and so on every replay alike. Its key is used up all the same.
 */
import { EverloopError } from '../../base/errors.ts'
import { type Duration, parseDuration } from '../../base/duration.ts'
import { readDate } from '../../base/date.ts'
import { decode, digestOf, encode, operationPath, redacted } from '../../ledger/index.ts'
import type { Payloads, WaitKind } from '../../ledger/index.ts'
import type { AskOptions, SignalOptions } from '../face.ts'
import type { Item, ItemDraft } from '../pass/journal.ts'
import type { Operation } from '../pass/operation.ts'
import { checkOptions } from '../../base/options.ts'
import type { Pass } from '../pass/pass.ts'
import { checkSchema, jsonSchemaOf } from '../schema.ts'
import type { Scope } from '../pass/scope.ts'

/** Waits until the date. */
export function until(
  pass: Pass,
  scope: Scope,
  date: Date | number | string,
  explicit?: string,
): Promise<unknown> {
  const due = new Date(date).getTime()
  if (Number.isNaN(due)) throw noDate(date, pass.run)
  const key = scope.key('sleep', explicit)
  // Builds before took whatever JavaScript makes a date of: what they have recorded is served.
  if (!isDate(date) && !pass.recorded.knows(operationPath(scope.path, key))) {
    throw noDate(date, pass.run)
  }
  return sleepUntil(pass, scope, due, key)
}

const isDate = (date: unknown): boolean =>
  typeof date === 'string'
    ? readDate(date) !== undefined
    : typeof date === 'number' || date instanceof Date

const noDate = (given: unknown, run: string): EverloopError =>
  new EverloopError(
    'BAD_DURATION',
    `run.until was given ${String(given)}, which is no date. Give a Date, milliseconds since 1970, or a text in ISO 8601, like "2026-11-21T08:00:00Z".`,
    { run },
  )

/** Waits for a while. */
export function sleep(
  pass: Pass,
  scope: Scope,
  duration: Duration,
  explicit?: string,
): Promise<unknown> {
  const due = pass.store.clock.now() + parseDuration(duration)
  return sleepUntil(pass, scope, due, scope.key('sleep', explicit))
}

/** Waits until a time on the store's clock. */
function sleepUntil(pass: Pass, scope: Scope, due: number, key: string): Promise<unknown> {
  return pass.request(scope, 'timer', key, {
    begin: (operation) => register(pass, operation, 'timer.set', { due }),
    onDue: (operation) => pass.conclude(operation, 'timer.fired', {}, { notBefore: operation.due }),
  })
}

/** Waits for a signal. */
export function signal(
  pass: Pass,
  scope: Scope,
  name: string,
  options: SignalOptions<unknown>,
  whole?: true,
): Promise<unknown> {
  checkOptions('run.signal', options, ['schema', 'timeout', 'otherwise', 'key'])
  checkSchema('run.signal', 'schema', options.schema)
  const key = scope.key(name, options.key)
  const deadline = deadlineOf(pass, options)
  return pass.request(scope, 'signal', key, {
    begin: (operation) => register(pass, operation, 'signal.awaited', { name, ...deadline() }),
    onDue: (operation) => expire(pass, operation, 'signal.expired'),
    schema: options.schema,
    whole,
  })
}

/** A question to put. */
export interface Question {
  readonly prompt: string
  readonly options: AskOptions<unknown>
  /** Answers of more characters than this are kept as artifacts. Default: those of 256 K. */
  readonly largeAt?: number
}

/** Puts a question. */
export function ask(
  pass: Pass,
  scope: Scope,
  { prompt, options, largeAt }: Question,
): Promise<unknown> {
  checkOptions('run.ask', options, ['schema', 'timeout', 'otherwise', 'key'])
  checkSchema('run.ask', 'schema', options.schema)
  if (typeof prompt !== 'string' || prompt === '') {
    throw new EverloopError('BAD_OPTION', 'run.ask needs a prompt: the question as a text.', {
      run: pass.run,
    })
  }
  const schema = jsonSchemaOf(options.schema)
  // Keys are hashed into the chain and cannot be erased, so the prompt itself is not in them.
  const told = schema === undefined ? {} : { schema }
  const key = scope.key(`question ${digestOf(prompt).slice(0, 8)}`, options.key)
  const deadline = deadlineOf(pass, options)
  return pass.request(scope, 'question', key, {
    begin: (operation) =>
      register(pass, operation, 'question.asked', { prompt, ...told, ...deadline() }),
    onDue: (operation) => expire(pass, operation, 'question.expired'),
    schema: options.schema,
    largeAt,
  })
}

/** Commits what the operation waits for, unless that is recorded already, and waits. */
export function register<K extends WaitKind>(
  pass: Pass,
  operation: Operation,
  kind: K,
  record: Payloads[K],
  rest: Pick<Item, 'create' | 'deliver' | 'taken'> = {},
): void {
  const { begun } = operation
  const wait = (recorded: Payloads[WaitKind]): void => pass.wait(operation, firstDue(recorded))
  if (begun) {
    wait(begun.record)
    return
  }
  const text = encode(record)
  const payload = redacted(text, pass.options.redactor, 'record')
  // What it waits with is what a later pass will read.
  const kept = payload === text ? record : (decode(payload) as Payloads[K])
  pass.commit({
    ...rest,
    drafts: [{ ...operation.place, kind, record, payload } as ItemDraft],
    committed: ([entry]) => {
      if (!entry) return
      operation.begun = { entry, kind, record: kept }
      wait(record)
    },
  })
}

/** When something of it comes by itself for the first time: its end, or before that its escalation. */
export function firstDue(record: Payloads[WaitKind]): number | undefined {
  const due = 'due' in record ? record.due : undefined
  const escalates = 'escalate' in record ? record.escalate?.due : undefined
  return escalates === undefined ? due : Math.min(due ?? Infinity, escalates)
}

/** Ends a wait by time, unless a message came first: then that is looked at. */
export function expire(
  pass: Pass,
  operation: Operation,
  kind: 'signal.expired' | 'question.expired' | 'approval.expired',
): void {
  const item = {
    notBefore: operation.due,
    unlessNewerThan: pass.mailbox.seen,
    refused: () =>
      pass.wait(
        operation,
        operation.begun && 'due' in operation.begun.record ? operation.begun.record.due : undefined,
      ),
  }
  pass.conclude(operation, kind, {}, item)
}

interface Deadline {
  readonly due?: number
  readonly otherwise?: { readonly value: unknown }
}

/** When a wait that begins now ends by itself, and with what. Refused at once when it makes no sense. */
function deadlineOf(
  { run, store }: Pass,
  options: { readonly timeout?: Duration; readonly otherwise?: unknown },
): () => Deadline {
  const isGiven = 'otherwise' in options
  if (options.timeout === undefined) {
    if (!isGiven) return () => ({})
    throw new EverloopError(
      'BAD_OPTION',
      '`otherwise` needs a `timeout`: without one it would never be used.',
      { run },
    )
  }
  const ms = parseDuration(options.timeout)
  const otherwise = isGiven && { otherwise: { value: decode(encode(options.otherwise)) } }
  return () => ({ due: store.clock.now() + ms, ...otherwise })
}
