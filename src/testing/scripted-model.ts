/** The scripted model of tests: it takes its time from the runtime that asks it. */
import {
  scriptedModel as modelOn,
  type ScriptedModel,
  type ScriptedModelOptions,
} from '../scripted/model.ts'
import type { Script } from '../scripted/script.ts'
import { portsHere } from './real-work.ts'

/**
 * A model that answers from a script. Throws BAD_OPTION for one that has answers of no known form.
 *
 * @example
 * const model = scriptedModel([
 *   { toolCalls: [{ name: 'weather', input: { city: 'Ulm' } }] },
 *   { text: 'It rains in Ulm.' },
 * ])
 */
export function scriptedModel(script: Script, options: ScriptedModelOptions = {}): ScriptedModel {
  return modelOn(script, options, portsHere)
}
