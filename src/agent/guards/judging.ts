/** Models as judges: what guards that ask a model are handed, and what they spend with it. */
import { EverloopError } from '../../base/errors.ts'
import type { Charge } from '../../ledger/index.ts'
import type { Agency } from '../loop/agency.ts'
import { Costs } from '../budgets/costs.ts'
import type { GuardContext } from './guard.ts'
import { unpriced } from '../budgets/known-prices.ts'
import type { Model } from '../model/port.ts'
import { resolved, settingsAside } from '../settings.ts'

export interface Judging {
  readonly judge: NonNullable<GuardContext['judge']>
  /** What the judges have cost so far, as the beginning of a record. */
  charge(): { readonly charge?: Charge }
}

/** Lets guards ask models; without a model of their own the agent's is asked. */
export function judging(at: Agency): Judging {
  const { agent, ports } = at
  const costs = new Costs(at)
  return {
    judge: async (model, prompt, signal, settings) => {
      const asked = (model ?? agent.model) as Model
      const complaint = unpriced(at, asked)
      if (complaint !== undefined) throw new EverloopError('UNKNOWN_PRICE', complaint)
      const answer = await costs.call({
        model: asked,
        prompt: [{ role: 'user', content: [{ type: 'text', text: prompt }] }],
        settings: await resolved(
          settingsAside(agent.settings, { model: model as Model | undefined, settings }),
          at,
        ),
        signal,
        ports,
        retry: agent.retry,
        silenceMs: agent.silenceMs,
      })
      if (answer.content.some(({ type }) => type === 'tool-call')) {
        throw new EverloopError(
          'MODEL_FAILED',
          'The judge proposed a call in the place of a verdict.',
        )
      }
      return answer.text
    },
    charge: () => {
      const { charge } = costs
      return charge ? { charge } : {}
    },
  }
}
