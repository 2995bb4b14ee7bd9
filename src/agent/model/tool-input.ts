/**
 * The input of a proposed call: from what a model wrote to data, or to a complaint that tells it what
 * to write instead. Nothing is repaired: a call whose input had to be guessed at is not executed.
 */
import { isObject } from '../../base/is-object.ts'
import { parseJson } from '../../base/parse-json.ts'
import { isTooDeep, levelsMax } from './too-deep.ts'

/** Longer inputs than this are refused. */
const inputUnitsMax = 4 * 1024 * 1024

type ToolInput =
  | { readonly input: unknown; readonly rawInput: string }
  | { readonly invalid: string; readonly rawInput: string }

/** Reads the input of a call, which a provider hands over as JSON text, or as data. */
export function toolInput(given: unknown): ToolInput {
  if (given !== undefined && given !== null && typeof given !== 'string') return decoded(given)
  const rawInput = (given ?? '').toWellFormed()
  // Models leave the input of a tool without parameters empty.
  if (rawInput.trim() === '') return { input: {}, rawInput }
  if (rawInput.length > inputUnitsMax) {
    return {
      rawInput: '', // an excerpt might end in the middle of a secret
      invalid: `The input has ${rawInput.length} characters, more than ${inputUnitsMax}. Send less.`,
    }
  }
  try {
    const input: unknown = parseJson(rawInput)
    return fits(input, rawInput)
  } catch (error) {
    return { rawInput, invalid: `The input is not valid JSON: ${(error as Error).message}` }
  }
}

/** Some providers decode for us. */
function decoded(given: unknown): ToolInput {
  try {
    const rawInput = JSON.stringify(given)
    return fits(parseJson(rawInput), rawInput)
  } catch {
    return { rawInput: '', invalid: 'The input cannot be read as JSON.' }
  }
}

function fits(input: unknown, rawInput: string): ToolInput {
  if (!isObject(input)) {
    return { rawInput, invalid: 'The input is not a JSON object.' }
  }
  if (isTooDeep(input)) {
    return {
      rawInput: '', // an excerpt might end in the middle of a secret
      invalid: `The input is nested more than ${levelsMax} levels deep.`,
    }
  }
  return { input, rawInput }
}
