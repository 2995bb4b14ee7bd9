/**
 * Checks a call that a model proposes, before anything is done with it. A model may write anything. It
 * becomes either arguments that fit the tool, or a sentence that tells the model how to do better. Nothing
 * is coerced.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { isObject } from '../../base/is-object.ts'
import { shortened } from '../../base/shortened.ts'
import { parseJson } from '../../base/parse-json.ts'
import type { Ports } from '../../base/ports.ts'
import { decode, encode, errorData } from '../../ledger/index.ts'
import { inTime } from '../in-time.ts'
import { matchesSchema } from '../schemas/json-check.ts'
import { isTooDeep, levelsMax } from '../model/too-deep.ts'
import { unknownTool } from '../model/unknown-tool.ts'
import type { AnyTool } from '../tools/tool.ts'

/** A call as a model wrote it. */
export interface ProposedCall {
  readonly tool: string
  /** JSON text, or what was parsed of it already. */
  readonly args: unknown
}

export type CheckedCall =
  | { readonly is: 'valid'; readonly tool: AnyTool; readonly args: unknown }
  | {
      readonly is: 'unknown-tool' | 'bad-json' | 'bad-arguments'
      /** For the model. */
      readonly text: string
    }

interface Checking {
  /** Tells schemas of everloop's own that arguments were let in before, perhaps by a less strict build. */
  readonly isRecorded?: boolean
  /** Where somebody waits for what a schema answers with a promise: it has its time then. */
  readonly ports?: Ports
}

/** Longer arguments than this are refused without being parsed. */
const argumentUnitsMax = 4 * 1024 * 1024
const shownUnits = 300

/**
 * What is wrong with the call, or the tool and the arguments it gets. A promise only where the schema
 * of the tool answers with one, which never rejects.
 */
export function validateCall(
  tools: readonly AnyTool[],
  call: ProposedCall,
  checking: Checking = {},
): CheckedCall | Promise<CheckedCall> {
  const tool = tools.find(({ name }) => name === call.tool)
  if (!tool) {
    const names = tools.map(({ name }) => name)
    return { is: 'unknown-tool', text: `Error: ${unknownTool(names, call.tool)}` }
  }
  const parsed = typeof call.args === 'string' ? parseArguments(call.args) : { value: call.args }
  if ('problem' in parsed) {
    return {
      is: 'bad-json',
      text: `Error: the arguments of ${tool.name} are not JSON: ${parsed.problem} Call it again with one JSON object.`,
    }
  }
  return checkArguments(tool, parsed.value, checking)
}

/** Checks arguments that were parsed already, those that a person or a guard has edited, say. */
export function checkArguments(
  tool: AnyTool,
  args: unknown,
  { isRecorded, ports }: Checking = {},
): CheckedCall | Promise<CheckedCall> {
  const bad = (complaints: string): CheckedCall => ({
    is: 'bad-arguments',
    text: `Error: the arguments of ${tool.name} do not fit its schema: ${complaints} The schema is ${shortened(JSON.stringify(tool.inputSchema), 2000)}`,
  })
  const taken = (result: StandardSchemaV1.Result<unknown>): CheckedCall => {
    if (result.issues)
      return bad(shortened(result.issues.slice(0, 10).map(issueText).join('; '), shownUnits))
    // A flow applies its input's schema itself, to what it is started with.
    if (tool.does === 'child' && tool.input === tool.flow.input) return { is: 'valid', tool, args }
    encode(result.value) // what is recorded with the call must be data
    return { is: 'valid', tool, args: result.value }
  }
  const failed = (thrown: unknown): CheckedCall =>
    bad(`they could not be checked (${shortened(errorData(thrown).message, shownUnits)}).`)
  if (!isObject(args)) return bad('they must be one JSON object.')
  if (isTooDeep(args)) return bad(`they are nested more than ${levelsMax} levels deep.`)
  try {
    if (!tool.input) {
      const complaints = matchesSchema(tool.inputSchema, args)
      return complaints.length > 0
        ? bad(shortened(complaints.join('; '), shownUnits))
        : { is: 'valid', tool, args }
    }
    const standard = tool.input['~standard']
    const isOwn = standard.vendor === 'everloop'
    // A copy: some fill in defaults where they look, and the model's own words are recorded.
    const given = isOwn ? args : decode(encode(args))
    const result = standard.validate(given, isOwn ? { libraryOptions: { isRecorded } } : undefined)
    if (!('then' in result)) return taken(result)
    const what = `The \`input\` schema of ${tool.name}`
    const answered = ports ? inTime(ports, { what }, () => result) : result
    return Promise.resolve(answered).then(taken).catch(failed)
  } catch (thrown) {
    return failed(thrown)
  }
}

function issueText({ path, message }: StandardSchemaV1.Issue): string {
  const where = path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
  return where ? `${where}: ${message}` : message
}

function parseArguments(text: string): { readonly value: unknown } | { readonly problem: string } {
  if (text.length > argumentUnitsMax) return { problem: 'they are too long.' }
  // Some models write nothing where a tool takes nothing.
  if (text.trim() === '') return { value: {} }
  try {
    return { value: parseJson(text) }
  } catch (error) {
    return { problem: `${shortened((error as Error).message, shownUnits)}.` }
  }
}
