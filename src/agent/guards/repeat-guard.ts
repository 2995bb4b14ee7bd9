/** A guard on going round in circles: the same call again and again. */
import { EverloopError } from '../../base/errors.ts'
import { checkCount, checkOptions } from '../../base/options.ts'
import { digestOf } from '../../ledger/index.ts'
import { type Guard, guard, historyMax } from './guard.ts'
import { checkReaction, react } from './text-guard.ts'
import { verdict } from './verdict.ts'

/** How often a call may repeat. */
export interface RepeatGuardOptions {
  readonly name?: string
  /** How often a call with the same arguments may be made, in one answer too. Default 3. */
  readonly max?: number
  /** Only this many calls before count, 64 at most. Default 50. */
  readonly within?: number
  /** Default "deny". */
  readonly reaction?: 'deny' | 'ask' | 'halt'
}

/**
 * Denies a call that was made as often as allowed with the same arguments, in whatever order they stand.
 * Throws BAD_OPTION.
 *
 * @example agent({ name, model, guards: [repeatGuard({ max: 2, reaction: 'ask' })] })
 */
export function repeatGuard(options: RepeatGuardOptions = {}): Guard {
  checkOptions('repeatGuard', options, ['name', 'max', 'within', 'reaction'])
  const { name = 'repeat', max = 3, within = 50, reaction = 'deny' } = options
  checkReaction('repeatGuard', reaction, ['deny', 'ask', 'halt'])
  checkCount('repeatGuard: `max`', max, 1)
  checkCount('repeatGuard: `within`', within, 1)
  const shown = Math.min(within, historyMax)
  if (max > shown) {
    throw new EverloopError(
      'BAD_OPTION',
      `repeatGuard: \`max\` is ${max}, but only ${shown} calls before count (\`within\`, ${historyMax} at most): it would let every call pass.`,
    )
  }
  return guard({
    name,
    at: 'call',
    check: ({ tool, args }, { history }) => {
      const digest = digestOf(args)
      const same = history
        .slice(-within)
        .filter((call) => call.tool === tool.name && call.digest === digest)
      if (same.length < max) return verdict.allow()
      return react(
        reaction,
        `${tool.name} was called ${same.length} times with these arguments already. Doing it again will not help: try something else, or say what is missing.`,
      )
    },
  })
}
