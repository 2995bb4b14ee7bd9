/**
 * How models are to answer: the settings of agents, compactions and judges, and those of a question that is
 * asked outside the conversation.
 */
import { EverloopError } from '../base/errors.ts'
import { isObject } from '../base/is-object.ts'
import { checkOptions, meant } from '../base/options.ts'
import type { Ports } from '../base/ports.ts'
import { inTime } from './in-time.ts'
import type { ModelSettings } from './model/answer.ts'
import type { Model } from './model/port.ts'
import { isSecret, type SecretReference, type Secrets, withSecrets } from './secret.ts'

/**
 * How the model is to answer: passed on to the provider, with the values of secrets in the place of
 * references.
 */
export type AgentSettings = Omit<ModelSettings, 'headers'> & {
  readonly headers?: Readonly<Record<string, string | SecretReference | undefined>>
}

type Reasoning = NonNullable<AgentSettings['reasoning']>

const reasonings: readonly string[] = Object.keys({
  none: true,
  minimal: true,
  low: true,
  medium: true,
  high: true,
  xhigh: true,
  max: true,
  'provider-default': true,
} satisfies Record<Reasoning, true>)

/** What a setting must be, in words, and whether it is. */
type Rule = readonly [must: string, fits: (value: unknown) => boolean]

const number: Rule = ['a number', Number.isFinite]

const rules: Readonly<Record<keyof AgentSettings, Rule>> = {
  maxOutputTokens: [
    'a whole number of at least 1',
    (value) => Number.isSafeInteger(value) && Number(value) >= 1,
  ],
  temperature: number,
  stopSequences: [
    'a list of texts',
    (value) => Array.isArray(value) && value.every((text) => typeof text === 'string'),
  ],
  topP: number,
  topK: number,
  presencePenalty: number,
  frequencyPenalty: number,
  seed: ['a whole number', Number.isSafeInteger],
  reasoning: [`one of ${reasonings.join(', ')}`, (value) => reasonings.includes(value as string)],
  providerOptions: [
    'an object of options by provider, as { openai: { … } }',
    (value) =>
      isObject(value) && Object.values(value).every((own) => own === undefined || isObject(own)),
  ],
  headers: [
    'an object of texts or secrets by name',
    (value) =>
      isObject(value) &&
      Object.values(value).every(
        (text) => text === undefined || typeof text === 'string' || isSecret(text),
      ),
  ],
}

/** Throws BAD_OPTION for what is no setting, and for what no provider could make sense of. */
export function checkSettings(where: string, settings: unknown): void {
  checkOptions(where, settings, Object.keys(rules))
  for (const [name, value] of Object.entries(settings as object)) {
    const [must, fits] = rules[name as keyof AgentSettings]
    if (value === undefined || fits(value)) continue
    const near = name === 'reasoning' && typeof value === 'string' ? meant(value, reasonings) : ''
    throw new EverloopError('BAD_OPTION', `${where}.${name} must be ${must}.${near}`)
  }
}

/** The settings with the values of secrets. Throws UNKNOWN_SECRET, and TIMEOUT where one does not come. */
export async function resolved(
  settings: AgentSettings | undefined,
  { secrets, ports }: { readonly secrets: Secrets; readonly ports: Ports },
): Promise<ModelSettings | undefined> {
  const timely: Secrets = {
    get: (name) => inTime(ports, { what: `Fetching secret "${name}"` }, () => secrets.get(name)),
  }
  return (await withSecrets(settings, timely)) as ModelSettings | undefined
}

/**
 * The settings of a question outside the conversation, for a summary or a judge. The agent's own model is
 * reached as the agent reaches it (a gateway may want its header). How the agent's answers are to be does
 * not concern it.
 */
export function settingsAside(
  own: AgentSettings | undefined,
  asked: { readonly model?: Model | undefined; readonly settings?: AgentSettings | undefined },
): AgentSettings | undefined {
  const { model, settings } = asked
  if (settings !== undefined || model !== undefined || own === undefined) return settings
  const { headers, providerOptions } = own
  return {
    ...(headers && { headers }),
    ...(providerOptions && { providerOptions: optionsAside(providerOptions) }),
  }
}

/** A question outside the conversation must not be asked in one that the provider keeps. */
const ofTheConversation: ReadonlySet<string> = new Set([
  'conversation',
  'previousResponseId',
  'instructions',
])

/** Providers refuse what is said about tools where there are none, and thinking where none began. */
function optionsAside(options: NonNullable<ModelSettings['providerOptions']>): typeof options {
  const entries = Object.entries(options).map(([provider, own]) => {
    const rest = Object.entries(own).filter(
      ([name]) => !/tool|^thinking$/i.test(name) && !ofTheConversation.has(name),
    )
    return [provider, Object.fromEntries(rest)] as const
  })
  return Object.fromEntries(entries)
}
