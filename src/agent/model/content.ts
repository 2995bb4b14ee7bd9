/**
 * The parts of an answer: from what a model object handed over, of which nothing is trusted, to parts
 * that can be kept and acted upon. What is unknown is left out with a warning, never guessed at.
 */
import type { SharedV4ProviderMetadata } from '@ai-sdk/provider'
import { isObject } from '../../base/is-object.ts'
import type { DefinedTool } from '../tools/tool-schema.ts'
import type { AnswerPart } from './answer.ts'
import { type CallId, callIds } from './call-ids.ts'
import { plain } from './plain.ts'
import { toolInput } from './tool-input.ts'
import { unknownTool } from './unknown-tool.ts'

/** A part as it came. */
export type RawPart = Readonly<Record<string, unknown>>

export interface Content {
  readonly parts: readonly AnswerPart[]
  readonly warnings: readonly string[]
}

const isCall = (part: unknown): part is RawPart =>
  isObject(part) && part['type'] === 'tool-call' && part['providerExecuted'] !== true

/** Who answered, what it was offered, and how its answer ended. */
export interface Origin {
  /** "provider/model". */
  readonly model: string
  readonly tools: readonly DefinedTool[]
  /** It had no more tokens left. */
  readonly isCut: boolean
}

/** The parts in order, with unique ids on the calls. */
export function contentOf(raw: readonly unknown[], origin: Origin): Content {
  const parts: AnswerPart[] = []
  const warnings: string[] = []
  const calls = raw.filter(isCall)
  const ids = callIds(calls.map((part) => part['toolCallId']))
  for (const part of raw) {
    if (isCall(part)) {
      const isCut = origin.isCut && part === calls.at(-1) && isBlank(part['input'])
      parts.push(callPart(isCut ? { ...part, isCut } : part, ids.shift() ?? { id: '' }, origin))
    } else {
      const known = isObject(part) ? otherPart(part) : undefined
      if (typeof known === 'string') warnings.push(known)
      else if (known) parts.push(known)
      else if (known === undefined) {
        const type = isObject(part) ? part['type'] : part
        warnings.push(
          `A part of unknown type ${JSON.stringify(String(type).slice(0, 100))} was left out.`,
        )
      }
    }
  }
  return { parts, warnings }
}

/** Whether nothing of the input may have come: provider packages make `{}` of that. */
const isBlank = (input: unknown): boolean =>
  ['', '{}'].includes(toolInput(input).rawInput.replace(/\s/g, ''))

const nameUnitsMax = 200

function callPart(part: RawPart, { id, given }: CallId, { model, tools }: Origin): AnswerPart {
  const named = part['toolName']
  const name = typeof named === 'string' ? toolName(named) : ''
  const input = toolInput(part['input'])
  const complaint =
    part['isCut'] === true
      ? 'The call was cut off before it was complete. Send it again.'
      : nameComplaint(name, tools)
  return {
    type: 'tool-call',
    id,
    ...(given === undefined ? {} : { given: { id: given, by: model } }),
    name,
    ...(complaint === undefined ? input : { rawInput: input.rawInput, invalid: complaint }),
    ...metadataOf(part),
  }
}

/** Told, not cut, when it is too long: half of a secret would be recognised by nobody. */
const toolName = (named: string): string =>
  named.length > nameUnitsMax ? `(a name of ${named.length} characters)` : named.toWellFormed()

function nameComplaint(name: string, tools: readonly DefinedTool[]): string | undefined {
  const names = tools.map((tool) => tool.name)
  return names.includes(name) ? undefined : unknownTool(names, name)
}

/** Undefined for unknown parts, null for those without content, a warning for those left out. */
function otherPart(part: RawPart): AnswerPart | string | null | undefined {
  switch (part['type']) {
    case 'text':
    case 'reasoning': {
      const text = typeof part['text'] === 'string' ? part['text'].toWellFormed() : ''
      const metadata = metadataOf(part)
      // A part without text may still carry a signature that the provider wants back.
      if (text === '' && metadata.providerMetadata === undefined) return null
      return { type: part['type'], text, ...metadata }
    }
    case 'file':
      return filePart(part)
    case 'source':
      return sourcePart(part)
    case 'custom':
      // The head of a message of Anthropic's: its usage and id have been told.
      if (part['kind'] === 'anthropic.message_start') return null
      return { type: 'custom', kind: textOf(part['kind']) ?? '', ...metadataOf(part) }
    default:
      return undefined
  }
}

/** V4 wraps the data, V2 and V3 do not. */
function filePart(part: RawPart): AnswerPart | string | undefined {
  const wrapped = isObject(part['data']) ? part['data'] : { type: 'data', data: part['data'] }
  const isUrl = wrapped['type'] === 'url'
  const data = plain(isUrl ? wrapped['url'] : (wrapped['data'] ?? part['data']))
  if (!(data instanceof Uint8Array) && typeof data !== 'string') return undefined
  if (isUrl && !URL.canParse(String(data))) {
    return 'A file was left out: it is told by a URL that is not whole, so nobody can fetch it.'
  }
  return {
    type: 'file',
    mediaType: textOf(part['mediaType']) ?? 'application/octet-stream',
    data,
    ...(isUrl ? { isUrl } : {}),
    ...metadataOf(part),
  }
}

function sourcePart(part: RawPart): AnswerPart {
  const text = (key: string): Record<string, string> =>
    typeof part[key] === 'string' ? { [key]: part[key].toWellFormed() } : {}
  return {
    type: 'source',
    id: textOf(part['id']) ?? '',
    ...text('title'),
    ...text('url'),
    ...text('mediaType'),
    ...metadataOf(part),
  }
}

/** Metadata of the provider, if there is any. */
export function metadataOf(part: RawPart): { providerMetadata?: SharedV4ProviderMetadata } {
  const metadata = plain(part['providerMetadata'])
  if (!isObject(metadata) || Object.keys(metadata).length === 0) return {}
  return { providerMetadata: metadata as SharedV4ProviderMetadata }
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value.toWellFormed().slice(0, 1000) : undefined
