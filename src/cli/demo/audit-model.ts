/**
 * Which model audits: the one that is named, else that of a provider whose key is in the environment
 * and whose package is installed, else the scripted one. Each time it is asked it leaves a line behind.
 */
import { EverloopError } from '../../base/errors.ts'
import type { LanguageModel } from '../../agent/model/port.ts'
import { resolveModel } from '../../agent/model/resolve.ts'
import { scriptedAuditor } from './audit-script.ts'
import { leave } from './executions.ts'

/** What is asked, and why this one. */
export interface Choice {
  /** "scripted", or as models are named. */
  readonly name: string
  readonly why: string
}

export const scripted = 'scripted'

const providers = [
  { key: 'OPENAI_API_KEY', model: 'openai/gpt-5-mini' },
  { key: 'ANTHROPIC_API_KEY', model: 'anthropic/claude-haiku-4-5' },
] as const

/** Throws UNKNOWN_MODEL for a name that cannot be used. */
export async function chooseModel(named: string | undefined): Promise<Choice> {
  if (named !== undefined) {
    if (named !== scripted) await resolveModel(named)
    return { name: named, why: 'as --model says' }
  }
  const reasons: string[] = []
  for (const { key, model } of providers) {
    if (!process.env[key]) continue
    try {
      await resolveModel(model)
      return { name: model, why: `${key} is set` }
    } catch (error) {
      if (!EverloopError.is(error)) throw error
      reasons.push(`${key} is set, but ${error.message}`)
    }
  }
  const why = reasons.length > 0 ? reasons.join(' ') : 'no key of a provider is set'
  return { name: scripted, why }
}

/** The model of this name, which leaves a line in the file each time it is asked. */
export async function modelNamed(
  name: string,
  { asked, thinkMs }: { readonly asked: string; readonly thinkMs: number },
): Promise<LanguageModel> {
  const model = name === scripted ? scriptedAuditor(thinkMs) : await resolveModel(name)
  return new Proxy(model, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (key === 'doGenerate' || key === 'doStream') leave(asked, 'model')
        return Reflect.apply(value, target, args)
      }
    },
  })
}
