/**
 * The parts of an answer: from what a model object handed over, of which nothing is trusted, to parts
 * that can be kept and acted upon. What is unknown is left out with a warning, never guessed at.
 */
import type { SharedV4ProviderMetadata } from '@ai-sdk/provider'
import type { AnswerPart, ToolFace } from './answer.ts'
import { uniqueIds } from './call-ids.ts'
import { plain } from './plain.ts'
import { toolInput } from './tool-input.ts'

/** A part as it came. */
export type RawPart = Readonly<Record<string, unknown>>

export interface Content {
  readonly parts: readonly AnswerPart[]
  readonly warnings: readonly string[]
}

const isCall = (part: unknown): part is RawPart =>
  isRecord(part) && part['type'] === 'tool-call' && part['providerExecuted'] !== true

/** The parts in order, with unique ids on the calls. */
export function contentOf(raw: readonly unknown[], tools: readonly ToolFace[]): Content {
  const parts: AnswerPart[] = []
  const warnings: string[] = []
  const ids = uniqueIds(raw.filter(isCall).map((part) => part['toolCallId']))
  for (const part of raw) {
    if (isCall(part)) parts.push(callPart(part, ids.shift() ?? '', tools))
    else {
      const known = isRecord(part) ? otherPart(part) : undefined
      if (known) parts.push(known)
      else if (known === undefined) {
        const type = isRecord(part) ? part['type'] : part
        warnings.push(
          `A part of unknown type ${JSON.stringify(String(type).slice(0, 100))} was left out.`,
        )
      }
    }
  }
  return { parts, warnings }
}

const nameUnitsMax = 200

function callPart(part: RawPart, id: string, tools: readonly ToolFace[]): AnswerPart {
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
    name,
    ...(complaint === undefined ? input : { rawInput: input.rawInput, invalid: complaint }),
    ...metadataOf(part),
  }
}

/** Told, not cut, when it is too long: half of a secret would be recognised by nobody. */
const toolName = (named: string): string =>
  named.length > nameUnitsMax ? `(a name of ${named.length} characters)` : named.toWellFormed()

function nameComplaint(name: string, tools: readonly ToolFace[]): string | undefined {
  if (tools.some((tool) => tool.name === name)) return undefined
  const known = tools.map((tool) => tool.name)
  const there = known.length === 0 ? 'There are no tools.' : `There are: ${known.join(', ')}.`
  return name === ''
    ? `The call names no tool. ${there}`
    : `There is no tool ${JSON.stringify(name)}. ${there}`
}

/** Undefined for unknown parts, null for those without content. */
function otherPart(part: RawPart): AnswerPart | null | undefined {
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
function filePart(part: RawPart): AnswerPart | undefined {
  const wrapped = isRecord(part['data']) ? part['data'] : { type: 'data', data: part['data'] }
  const isUrl = wrapped['type'] === 'url'
  const data = plain(isUrl ? wrapped['url'] : (wrapped['data'] ?? part['data']))
  if (!(data instanceof Uint8Array) && typeof data !== 'string') return undefined
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
  if (!isRecord(metadata) || Object.keys(metadata).length === 0) return {}
  return { providerMetadata: metadata as SharedV4ProviderMetadata }
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value.toWellFormed().slice(0, 1000) : undefined

export function isRecord(value: unknown): value is RawPart {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
