/**
 * How models are to answer: the settings of agents, compactions and judges, and those of a question that is
 * asked outside the conversation.
 */
import { checkOptions } from '../base/options.ts'
import type { ModelSettings } from './model/answer.ts'
import type { Model } from './model/port.ts'
import { type SecretReference, type Secrets, withSecrets } from './secret.ts'

/**
 * How the model is to answer: passed on to the provider, with the values of secrets in the place of
 * references.
 */
export type AgentSettings = Omit<ModelSettings, 'headers'> & {
  readonly headers?: Readonly<Record<string, string | SecretReference | undefined>>
}

const names = Object.keys({
  maxOutputTokens: true,
  temperature: true,
  stopSequences: true,
  topP: true,
  topK: true,
  presencePenalty: true,
  frequencyPenalty: true,
  seed: true,
  reasoning: true,
  providerOptions: true,
  headers: true,
} satisfies Record<keyof AgentSettings, true>)

/** Throws BAD_OPTION for what is no setting. */
export function checkSettings(where: string, settings: unknown): void {
  checkOptions(where, settings, names)
}

/** The settings with the values of secrets. Throws UNKNOWN_SECRET. */
export async function resolved(
  settings: AgentSettings | undefined,
  secrets: Secrets,
): Promise<ModelSettings | undefined> {
  return (await withSecrets(settings, secrets)) as ModelSettings | undefined
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
