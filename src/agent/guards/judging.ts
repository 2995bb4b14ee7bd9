/** Models as judges: what guards that ask a model are handed, and what they spend with it. */
import { EverloopError } from '../../base/errors.ts'
import type { Amounts, Charge } from '../../ledger/index.ts'
import type { Run } from '../../run/index.ts'
import type { Agency } from '../loop/agency.ts'
import { overText } from '../budgets/budget.ts'
import { Costs } from '../budgets/costs.ts'
import { usedUp } from '../budgets/spending.ts'
import type { Guard, GuardContext } from './guard.ts'
import { unpriced } from '../budgets/known-prices.ts'
import type { Model } from '../model/port.ts'
import { resolved, settingsAside } from '../settings.ts'

export interface Judging {
  /** What this guard asks models with. */
  readonly judgeFor: (guard: Guard) => NonNullable<GuardContext['judge']>
  /** What the judges have cost so far, as the beginning of a record. */
  charge(): { readonly charge?: Charge }
}

/**
 * Lets guards ask models; without a model of their own the agent's is asked. A guard that has not said that it does
 * was not asked for room beforehand: where the budget is used up it asks nobody, and so denies.
 */
export function judging(at: Agency, run: Run, raised: Amounts): Judging {
  const { agent, ports } = at
  const costs = new Costs(at)
  const hasRoom = async ({ name }: Guard): Promise<void> => {
    const over = await usedUp(at, run, { raised, spent: costs.amounts })
    if (over.length === 0) return
    throw new EverloopError(
      'BUDGET_STOPPED',
      `Guard "${name}" asks a model, and the budget is used up (${overText(over)}). Give it \`judges: true\`: then a person is asked first.`,
    )
  }
  return {
    judgeFor: (guard) => async (model, prompt, signal, settings) => {
      if (!guard.judges) await hasRoom(guard)
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
