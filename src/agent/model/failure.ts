/**
 * Why an attempt at a model came to nothing, and whether another one is worth it. Trouble of the network
 * and overload pass. So does an answer that cannot be read: the next one often can. What is the fault of
 * the request itself (any other 4xx, a missing key) would only fail again.
 */
import { excerpt } from './redact.ts'
import { retryAfterMs } from './retry-after.ts'
import type { Dispensable } from './without-refused.ts'

interface About {
  /** Whether the same model is worth another attempt. */
  readonly again: boolean
  readonly status?: number | undefined
  /** What the provider asks to wait. */
  readonly waitMs?: number | undefined
  /** What the provider said, without secrets. */
  readonly body?: string | undefined
  readonly refuses?: Refused | undefined
}

/** What a provider does not take: the reasoning in the history, to think now, or what a filter found. */
type Refused = Dispensable | 'content'

/** An attempt came to nothing. */
export class AttemptFailure extends Error {
  readonly again: boolean
  readonly status: number | undefined
  readonly waitMs: number | undefined
  readonly body: string | undefined
  readonly refuses: Refused | undefined

  constructor(message: string, { again, status, waitMs, body, refuses }: About) {
    super(message)
    this.again = again
    this.status = status
    this.waitMs = waitMs
    this.body = body
    this.refuses = refuses
  }
}

/** Errors of the AI SDK that tell of what the request or the settings are to blame for, by name. */
const lasting: ReadonlySet<string> = new Set([
  'AI_InvalidArgumentError',
  'AI_InvalidPromptError',
  'AI_LoadAPIKeyError',
  'AI_LoadSettingError',
  'AI_NoSuchModelError',
  'AI_NoSuchProviderReferenceError',
  'AI_UnsupportedFunctionalityError',
])

/** A quota that is used up has the status of a rate limit, but does not come back by waiting. */
const usedUp = /insufficient_quota/

/** Words in which a provider says in a stream what a status would have said. */
const hopeless =
  /invalid_api_key|context_length_exceeded|invalid_request|authentication_error|permission_error|not_found_error/i

/** Reasoning was signed for another conversation than the one that it is sent back in. */
const unbound = /invalid .?signature.? in .?thinking|bound to a different conversation/i

/** Calls in the history did not begin with thinking. */
const thoughtless = /expected .?thinking/i

/** What OpenAI and Azure call a refusal that comes in the place of an answer. */
const filtered: ReadonlySet<unknown> = new Set([
  'content_filter',
  'ResponsibleAIPolicyViolation',
  'content_policy_violation',
  'invalid_prompt',
])

/** The failure behind whatever was thrown, also where that does not want to be looked at. */
export function failureOf(thrown: unknown, now: number): AttemptFailure {
  try {
    return readFailure(thrown, now)
  } catch {
    return new AttemptFailure('The provider gave a reason that cannot be read.', { again: true })
  }
}

function readFailure(thrown: unknown, now: number): AttemptFailure {
  if (thrown instanceof AttemptFailure) return thrown
  const fields = fieldsOf(thrown)
  const status = statusOf(fields)
  const said = bodyOf(fields)
  const message = excerpt(`${messageOf(thrown, fields)}${causeOf(thrown)}`, 300)
  const text = said === undefined || said.includes(message) ? message : `${message} ${said}`
  const words = wordsOf(fields)
  return new AttemptFailure(
    `${status === undefined || status < 300 ? '' : `HTTP ${status}: `}${text || 'unknown error'}`,
    {
      again: isPassing(thrown, fields, { status, words }),
      status,
      waitMs: retryAfterMs(fields['responseHeaders'], now),
      body: said,
      refuses: refusedIn(words) ?? (isFiltered(fields) ? 'content' : undefined),
    },
  )
}

function refusedIn(words: string): Refused | undefined {
  if (unbound.test(words)) return 'reasoning'
  if (thoughtless.test(words)) return 'thinking'
  return undefined
}

/** All that the provider said. */
function wordsOf(fields: Fields): string {
  const words = [fields['code'], fields['type'], fields['message'], fields['responseBody']]
  return words
    .filter((word) => typeof word === 'string')
    .join(' ')
    .slice(0, 10_000)
}

/** Told by codes alone: a body that quotes the prompt may hold any words, and the AI SDK makes up some statuses. */
function isFiltered(fields: Fields): boolean {
  // A body, or an event that the AI SDK could not read.
  const told = [parsed(fields['responseBody']), fields['value']].map(fieldsOf)
  // OpenAI's event of a failed response has the error in the response.
  return [fields, ...told, ...told.map(({ response }) => fieldsOf(response))].some(
    ({ code, type, innererror }) =>
      [code, type, fieldsOf(innererror)['code']].some((word) => filtered.has(word)),
  )
}

function parsed(body: unknown): unknown {
  try {
    return typeof body === 'string' ? JSON.parse(body) : undefined
  } catch {
    return undefined
  }
}

function isPassing(
  thrown: unknown,
  fields: Fields,
  { status, words }: { readonly status: number | undefined; readonly words: string },
): boolean {
  if (usedUp.test(words)) return false
  if (status !== undefined) {
    if (status < 300) return true // it answered, and the answer could not be read
    return status === 408 || status === 409 || status === 425 || status === 429 || status >= 500
  }
  if (typeof fields['isRetryable'] === 'boolean') return fields['isRetryable']
  return !(thrown instanceof Error && lasting.has(thrown.name)) && !hopeless.test(words)
}

type Fields = Readonly<Record<string, unknown>>

/** Errors, and the objects that providers put into a stream in their place. */
function fieldsOf(thrown: unknown): Fields {
  if (typeof thrown !== 'object' || thrown === null) return {}
  const { error } = thrown as { error?: unknown }
  const inner = typeof error === 'object' && error !== null && !(thrown instanceof Error)
  return (inner ? error : thrown) as Fields
}

function statusOf(fields: Fields): number | undefined {
  const status = fields['statusCode'] ?? fields['status']
  return typeof status === 'number' && status >= 100 && status < 600 ? status : undefined
}

function messageOf(thrown: unknown, fields: Fields): string {
  if (typeof thrown === 'string') return thrown
  const { message, type } = fields
  if (typeof message === 'string' && message !== '') return message
  return typeof type === 'string' ? type : 'The provider gave no reason.'
}

/** What lies at the bottom: "fetch failed" says less than "connect ECONNREFUSED". */
function causeOf(thrown: unknown): string {
  let deepest = thrown
  for (let depth = 0; depth < 5; depth++) {
    if (!(deepest instanceof Error && deepest.cause instanceof Error)) break
    deepest = deepest.cause
  }
  if (!(deepest instanceof Error) || deepest === thrown || deepest.message === '') return ''
  // What could not be parsed is told by the body.
  return deepest.name.startsWith('AI_') || deepest instanceof SyntaxError
    ? ''
    : ` (${deepest.message})`
}

function bodyOf(fields: Fields): string | undefined {
  const body = fields['responseBody']
  return typeof body === 'string' && body.trim() !== '' ? excerpt(body, 300) : undefined
}
