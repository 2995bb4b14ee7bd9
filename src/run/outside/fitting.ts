/** What may be answered to a question, in words for whoever has given something else. */
import type { Payloads, Wait } from '../../ledger/index.ts'
import { unapprovable } from '../approvals/approval-answer.ts'
import { verdictHint, verdictMeanings } from './verdicts.ts'

/** A schema that is longer than this stands on lines of its own. */
const lineMax = 100

/** Something that people are asked, as the store has it. */
interface Asked {
  readonly id: string
  readonly wait: Pick<Wait, 'kind' | 'record'>
}

/** What fits, and the command that answers so. */
export function answerText({ id, wait: { kind, record } }: Asked): string {
  const { schema } = record as Payloads['question.asked']
  if (kind === 'approval.requested') {
    return unapprovable(record as Payloads['approval.requested']) === undefined
      ? `It is an approval: decide it with \`everloop approvals approve ${id}\` or \`deny\`.`
      : `It is an approval that can only be denied: \`everloop approvals deny ${id} --reason TEXT\`.`
  }
  const hint = verdictHint(schema)
  if (hint === undefined) return fittingText(schema, id)
  const meanings = verdictMeanings(schema)
  const meant = meanings === undefined ? '' : ` ${meanings}`
  return `It takes ${hint}: \`everloop questions answer ${id} ANSWER\`.${meant} \`everloop questions show ${id}\` says what JSON must fit.`
}

/** What an answer to this question must fit, for whoever gave another: an example of it, or the schema. */
export function fittingText(schema: unknown, question: string): string {
  const text = schemaText(schema)
  const { examples } = Object(schema) as { readonly examples?: unknown }
  if (!text.startsWith('\n') || !Array.isArray(examples) || examples.length === 0) {
    return `It must fit: ${text}`
  }
  return `This fits, for example: ${JSON.stringify(examples[0])}. \`everloop questions show ${question}\` says what else does.`
}

/** The schema as text. */
function schemaText(schema: unknown): string {
  const line = JSON.stringify(schema)
  return line.length <= lineMax ? line : `\n${JSON.stringify(schema, undefined, 2)}`
}
