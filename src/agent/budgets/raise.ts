/** What a person may say about a budget that is used up: never less than holds already. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Amounts } from '../../ledger/index.ts'
import { amountNames, type Over, unitOf } from './budget.ts'
import { dataSchema } from '../schemas/data-schema.ts'

export interface Raise {
  readonly verdict: 'raise' | 'continue' | 'stop'
  /** The new limits, in all: what is spent counts. */
  readonly limits?: Amounts
}

/** What an answer must fit. `held`: the run's own limits so far. */
export function raiseSchema(
  over: readonly Over[],
  held: Amounts,
): StandardSchemaV1<unknown, Raise> {
  const properties: Record<string, unknown> = {}
  const example: Record<string, number> = {}
  for (const what of amountNames) {
    const used = over.filter((one) => one.what === what)
    const isUsedUp = used.length > 0
    const highest = isUsedUp
      ? Math.max(...used.flatMap(({ spent, limit }) => [spent, limit]))
      : (held[what] ?? Infinity)
    // What was never limited, or was lifted, has no limit that could be raised.
    if (!Number.isFinite(highest)) continue
    if (isUsedUp) example[what] = Math.ceil(highest * 2) || 1
    properties[what] = {
      type: 'integer',
      maximum: Number.MAX_SAFE_INTEGER, // Infinity is what "continue" is for
      ...(isUsedUp ? { exclusiveMinimum: highest } : { minimum: highest }),
      description: `The new limit in all, a whole number of ${unitOf(what)}, what is spent included; not how much more. It must be ${isUsedUp ? `more than ${highest}, which is used up` : `at least ${highest}, which holds already`}.`,
    }
  }
  return dataSchema<Raise>({
    type: 'object',
    required: ['verdict'],
    properties: {
      verdict: {
        enum: ['raise', 'continue', 'stop'],
        description:
          'raise: new limits, in `limits`. continue: without the limits that are used up. stop: the run fails.',
      },
      limits: { type: 'object', properties, additionalProperties: false, minProperties: 1 },
    },
    additionalProperties: false,
    anyOf: [
      {
        properties: {
          verdict: { const: 'raise' },
          // Whoever raises one of two would be asked about the other at once.
          limits: {
            required: Object.keys(example),
            description: 'A raise needs a new limit for all that is used up.',
          },
        },
        required: ['limits'],
      },
      // Limits that nobody would keep are a mistake, and a dear one beside "continue".
      { properties: { verdict: { enum: ['continue', 'stop'] } }, maxProperties: 1 },
    ],
    examples: [{ verdict: 'raise', limits: example }],
  })
}

/** The question, with what its number means. */
export function raisePrompt(agent: string, used: string, over: readonly Over[]): string {
  const names = [...new Set(over.map(({ what }) => what))]
  const limits = names.map((what) => `"${what}": N`).join(', ')
  const units = [...new Set(names.map(unitOf))].join(' and ')
  return `The budget of agent "${agent}" is used up: ${used}. Raise it with {"verdict": "raise", "limits": {${limits}}}, where N is the new limit in all, in ${units}; go on without it ("continue"), or stop ("stop")?`
}
