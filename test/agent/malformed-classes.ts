/**
 * Classes of malformed model behaviour, each with the script that shows it and the one outcome that
 * it has. Providers read their wires differently, so some classes have outcomes of their own for some
 * providers; none accepts two.
 */
import type { Malformation, Script, ScriptedAnswer } from 'everloop/testing'

/** What Node says of a connection that the other side has reset. */
const reset = process.versions.node.startsWith('22.') ? '(other side closed)' : '(read ECONNRESET)'

export type ProviderName = 'openai chat' | 'openai responses' | 'openai-compatible' | 'anthropic'

export interface ExpectedCall {
  /** Default: the id that the script gives. A pattern where the provider's package draws one. */
  readonly id?: string | RegExp
  readonly name?: string
  /** How the complaint begins. Without it the call is valid and has its input. */
  readonly invalid?: string
}

export type Outcome =
  /** An answer: with the text or the calls of the script, unless something else is said. */
  | {
      readonly is: 'answer'
      readonly text?: string
      readonly calls?: readonly ExpectedCall[]
      readonly finishReason?: string
      /** What everloop warns of. */
      readonly warnings?: readonly string[]
      readonly failedAttempts?: number
    }
  /** MODEL_FAILED after this many attempts, with this in its message. */
  | { readonly is: 'failed'; readonly attempts: number; readonly says: string }

export interface MalformedClass {
  readonly name: string
  readonly script: Script
  readonly outcome: Outcome
  /** How patient the caller is, where that is what the class is about. */
  readonly limits?: { readonly silenceMs: number }
  /** Where the outcome is another one. */
  readonly except?: Partial<Record<ProviderName, Outcome>>
}

/** What the class comes to with this provider. */
export const outcomeOf = ({ outcome, except }: MalformedClass, provider: ProviderName): Outcome =>
  except?.[provider] ?? outcome

export const saidText = 'It is sunny in Köln today, and it rains in Ulm. ☔'
export const saidObject: { readonly city: string; readonly degrees: number } = {
  city: 'Köln',
  degrees: 21,
}
export const saidCalls: readonly {
  readonly name: string
  readonly input: { readonly city: string }
}[] = [
  { name: 'weather', input: { city: 'Köln' } },
  { name: 'weather', input: { city: 'Ulm' } },
]

const answer: Outcome = { is: 'answer' }
const twoCalls: Outcome = { is: 'answer', finishReason: 'tool-calls', calls: [{}, {}] }

/** With two attempts with each model, as test/agent/wire.ts has them. */
const failed = (says: string, attempts = 2): Outcome => ({ is: 'failed', attempts, says })
const ended = failed('The stream ended before the model had finished.')
const unfinished = failed('Response stream ended without a finish reason.')
const strangePart = failed('Type validation failed')

const both = (call: ExpectedCall): Outcome => ({
  is: 'answer',
  finishReason: 'tool-calls',
  calls: [call, call],
})

const always = (says: object, malformed: Malformation): Script => {
  const one = { ...says, malformed } as ScriptedAnswer
  return () => one
}
const text = (name: Malformation, outcome: Outcome, except?: MalformedClass['except']) =>
  classOf(name, always({ text: saidText }, name), outcome, except)
const calls = (name: Malformation, outcome: Outcome, except?: MalformedClass['except']) =>
  classOf(name, always({ toolCalls: saidCalls }, name), outcome, except)

const classOf = (
  name: string,
  script: Script,
  outcome: Outcome,
  except?: MalformedClass['except'],
): MalformedClass => ({ name, script, outcome, ...(except === undefined ? {} : { except }) })

/** Limits that are reached in a test, and only by a model that is silent for ever. */
const impatient = (one: MalformedClass): MalformedClass => ({
  ...one,
  limits: { silenceMs: 100 },
})
const silent = failed('The model sent nothing for 100ms.')

const cut = { 'openai-compatible': unfinished } as const

const drawn = /^[A-Za-z0-9-]{10,}$/
const finishedTwice: Outcome = {
  is: 'answer',
  warnings: ['The stream finished more than once; the first counts.'],
}
const unknownUsage: Outcome = { is: 'answer', warnings: ['The usage is not known.'] }

export const malformedClasses: readonly MalformedClass[] = [
  // What is said.
  calls('bad-json', both({ invalid: 'The input is not valid JSON' })),
  calls('trailing-comma', both({ invalid: 'The input is not valid JSON' })),
  calls('deep-json', both({ invalid: 'The input is nested more than 200 levels deep.' })),
  calls(
    'wrong-tool-name',
    both({
      name: 'weather_x',
      invalid: 'There is no tool "weather_x". Did you mean weather? The tools are: weather.',
    }),
  ),
  calls('no-tool-name', strangePart, {
    'openai chat': failed("Expected 'function.name' to be a string."),
    'openai-compatible': failed("Expected 'function.name' to be a string."),
  }),
  calls(
    'duplicate-ids',
    { ...twoCalls, calls: [{ id: 'call_same' }, { id: 'call_same_2' }] },
    {
      'openai chat': { ...twoCalls, calls: [{ id: 'call_same' }, { id: drawn }] },
      'openai-compatible': { ...twoCalls, calls: [{ id: 'call_same' }, { id: drawn }] },
    },
  ),
  calls('no-ids', both({ id: drawn }), {
    'openai responses': strangePart,
    anthropic: strangePart,
  }),
  classOf('code-fence', always({ object: saidObject }, 'code-fence'), {
    is: 'answer',
    text: `Here it is:\n\`\`\`json\n${JSON.stringify(saidObject)}\n\`\`\`\nAnything else?`,
  }),
  text('null-content', { is: 'answer', text: '', warnings: ['The answer is empty.'] }),
  text('nul-and-surrogates', { is: 'answer', text: `${saidText}\u0000\uFFFD and \uFFFD.` }),
  text('missing-usage', unknownUsage, {
    anthropic: failed('Expected a normalized Anthropic stream error'),
  }),
  text('negative-usage', unknownUsage),
  text('string-usage', strangePart, {
    anthropic: failed('Expected a normalized Anthropic stream error'),
  }),
  text('unknown-finish-reason', { is: 'answer', finishReason: 'other' }),
  text('missing-finish-reason', ended, {
    'openai-compatible': unfinished,
  }),
  // How it travels.
  text('cut-before-first-chunk', ended, cut),
  text('cut-mid-json', ended, cut),
  text('cut-mid-utf8', ended, cut),
  text('cut-before-finish', ended, cut),
  text('events-out-of-order', answer, { anthropic: finishedTwice }),
  text('utf8-split', answer),
  calls('input-split', twoCalls),
  text('huge-line', answer),
  text('empty-body', ended, cut),
  text('html', ended, cut),
  text('error-in-200', failed('HTTP 500: The engine is overloaded, try again later.'), {
    'openai responses': strangePart,
    'openai-compatible': failed('The engine is overloaded, try again later.'),
  }),
  // Followed as a browser would, without the body: nothing is there.
  text('redirect', failed('HTTP 404', 1)),
  impatient(text('slow-drip', silent)),
  text('connection-reset', failed(reset)),
  text('wrong-content-type', answer),
  text('bom', answer),
  text('unknown-event', strangePart, { 'openai responses': answer }),
  text('double-finish', answer, { anthropic: finishedTwice }),
  // Errors with odd headers.
  classOf(
    'rate-limit-odd-headers',
    [
      {
        error: 'slow down',
        status: 429,
        headers: { 'retry-after': 'soon', 'retry-after-ms': '-5' },
      },
      { text: saidText },
    ],
    { is: 'answer', failedAttempts: 1 },
  ),
  classOf(
    'rate-limit-for-years',
    [
      { error: 'slow down', status: 429, headers: { 'retry-after': '999999999999' } },
      { text: saidText },
    ],
    { is: 'answer', failedAttempts: 1 },
  ),
  classOf(
    'server-error-odd-headers',
    [
      {
        error: 'boom',
        status: 500,
        headers: { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT', 'content-type': 'text/plain' },
      },
      { text: saidText },
    ],
    { is: 'answer', failedAttempts: 1 },
  ),
  classOf(
    'quota-is-used-up',
    () => ({ error: 'You exceeded your quota (insufficient_quota).', status: 429 }),
    failed('HTTP 429: You exceeded your quota', 1),
  ),
  impatient(classOf('no-answer', () => ({ hang: true }), silent)),
  classOf('no-connection', () => ({ error: 'gone' }), failed('Cannot connect to API')),
]
