/** An answer with another text: what stands in the conversation when a guard has replaced what was said. */
import type { AnswerPart } from './answer.ts'

/**
 * The parts in their order, with this text in the place of what was said. Reasoning stays, as providers
 * refuse calls without the reasoning they gave. But where the provider keeps the text itself and metadata
 * names it, all metadata of the answer goes: it would bring the original text back.
 */
export function retold(parts: readonly AnswerPart[], text: string): readonly AnswerPart[] {
  const told: AnswerPart = { type: 'text', text }
  const first = parts.findIndex(({ type }) => type === 'text')
  if (first < 0) {
    const call = parts.findIndex(({ type }) => type === 'tool-call')
    return parts.toSpliced(call < 0 ? parts.length : call, 0, told)
  }
  const rest = parts.flatMap((part, at): AnswerPart[] =>
    part.type === 'text' ? (at === first ? [told] : []) : [part],
  )
  const isKept = parts.some(({ type, providerMetadata }) => type === 'text' && providerMetadata)
  return isKept ? rest.flatMap(withoutMetadata) : rest
}

/** Without what its provider would know it by. Parts that are nothing without it go. */
function withoutMetadata(part: AnswerPart): AnswerPart[] {
  const { providerMetadata, ...rest } = part
  if (providerMetadata && (part.type === 'reasoning' || part.type === 'custom')) return []
  return [rest]
}
