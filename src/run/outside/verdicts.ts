/**
 * Questions that have people choose a verdict, as everloop's own do: about a budget that is used up, for a guard,
 * about a call in doubt. What may be answered is read from the schema that lies beside the question.
 */
import { isObject } from '../../base/is-object.ts'
import { shortened } from '../../base/shortened.ts'

/** What such questions have in their schemas. */
interface VerdictSchema {
  readonly properties?: {
    readonly verdict?: {
      readonly enum?: unknown
      readonly const?: unknown
      readonly description?: unknown
    }
  }
  readonly required?: readonly string[]
  readonly anyOf?: readonly VerdictSchema[]
  readonly examples?: readonly unknown[]
}

/** The verdicts that there are; none where the schema is of another kind. */
export function verdictsOf(schema: unknown): readonly string[] {
  const { verdict } = (schema as VerdictSchema | null | undefined)?.properties ?? {}
  return Array.isArray(verdict?.enum) ? verdict.enum.map(String) : []
}

/** Whether what was answered chooses one of them. */
export const hasVerdict = (schema: unknown, value: unknown): boolean =>
  isObject(value) && verdictsOf(schema).includes(String(value['verdict']))

/** What may be answered: "continue, stop, or JSON like …". Undefined where no verdict stands for itself. */
export function verdictHint(schema: unknown): string | undefined {
  const bare = verdictsOf(schema).filter((verdict) => isBare(schema as VerdictSchema, verdict))
  if (bare.length === 0) return undefined
  const { examples } = schema as VerdictSchema
  const like = Array.isArray(examples) ? ` like ${shortened(JSON.stringify(examples[0]), 200)}` : ''
  return `${bare.join(', ')}, or JSON${like}`
}

/** What the verdicts mean, where the schema says so. */
export function verdictMeanings(schema: unknown): string | undefined {
  const description = (schema as VerdictSchema).properties?.verdict?.description
  return typeof description === 'string' ? description : undefined
}

/** True when the verdict needs no fields beside it. */
function isBare({ anyOf, required = [] }: VerdictSchema, verdict: string): boolean {
  const isOf = (branch: VerdictSchema): boolean =>
    verdictsOf(branch).includes(verdict) || branch.properties?.verdict?.const === verdict
  const alone = required.every((field) => field === 'verdict')
  return alone && anyOf?.find(isOf)?.required === undefined
}
