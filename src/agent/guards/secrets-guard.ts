/** A guard on tokens and keys, told by the forms that well-known services give them. */
import { checkOptions } from '../../base/options.ts'
import type { Guard } from './guard.ts'
import { holdsSecret, withoutSecretForms } from './secret-formats.ts'
import { checkReaction, textGuard, type TextGuardOptions, textGuardOptions } from './text-guard.ts'

/**
 * Finds keys and tokens of AWS, GitHub, OpenAI, Slack and others, private keys and JSON web tokens, as they
 * stand or in base64. By default it replaces them in what models are sent and say, what tools return and
 * what is given out, and denies calls that carry them. Throws BAD_OPTION.
 *
 * @example agent({ name, model, guards: [secretsGuard()] })
 */
export function secretsGuard(options: TextGuardOptions = {}): Guard {
  checkOptions('secretsGuard', options, textGuardOptions)
  checkReaction('secretsGuard', options.reaction)
  const {
    name = 'secrets',
    at = ['request', 'answer', 'call', 'result', 'output'],
    reaction,
  } = options
  return textGuard(
    { ...options, name, at },
    {
      what: 'a key or token',
      // A call with something else in the place of a token would be another call.
      reactionAt: (position) => reaction ?? (position === 'call' ? 'deny' : 'fix'),
      finder: { finds: holdsSecret, replaced: withoutSecretForms },
    },
  )
}
