/** A tool by which the model asks a person: the call waits for the answer, for minutes or for years. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { EverloopError } from '../../base/errors.ts'
import { type Duration, parseDuration } from '../../base/duration.ts'
import { checkOptions } from '../../base/options.ts'
import { checkSchema } from '../../run/schema.ts'
import { type AskTool, branded, commonToolOptions, toolFace, type ToolOptions } from './tool.ts'

/** What `askPerson` makes a tool of. */
export interface AskPersonDefinition<Input, Answer> extends ToolOptions<Input> {
  /** What an answer must fit. Default: a text. */
  readonly output?: StandardSchemaV1<unknown, Answer>
  /** The question, made of the model's arguments. */
  readonly prompt: (input: Input) => string
  /** When nobody has answered after this long, the model is told so. */
  readonly timeout?: Duration
}

/**
 * Defines a tool that puts a question to a person.
 *
 * @example
 * askPerson({
 *   name: 'ask_customer',
 *   description: 'Asks the customer something that only they know.',
 *   input: z.object({ question: z.string() }),
 *   prompt: ({ question }) => question,
 * })
 */
export function askPerson<Input, Answer = string>(
  definition: AskPersonDefinition<Input, Answer>,
): AskTool<Input, Answer> {
  checkOptions('askPerson', definition, [...commonToolOptions, 'output', 'prompt', 'timeout'])
  const { output, prompt, timeout } = definition
  // A question that was put is found in the ledger, so it is never put twice.
  const face = toolFace(definition, 'read')
  checkSchema(`Tool "${face.name}"`, 'output', output)
  if (typeof prompt !== 'function') {
    throw new EverloopError(
      'BAD_OPTION',
      `Tool "${face.name}" needs a \`prompt\`: a function that makes the question of the arguments.`,
    )
  }
  if (timeout !== undefined) parseDuration(timeout)
  return branded({ ...face, does: 'ask', output, prompt, timeout })
}
