/** What people call a run: recorded, and shown in lists. */
import { EverloopError } from '../../base/errors.ts'
import type { Pass } from '../pass/pass.ts'
import type { Scope } from '../pass/scope.ts'

/** Titles stand in lists. */
export const titleUnitsMax = 200

/** Says it, once. Throws BAD_OPTION. */
export function title(pass: Pass, scope: Scope, text: string, explicit?: string): Promise<unknown> {
  if (typeof text !== 'string' || text === '' || text.length > titleUnitsMax) {
    throw new EverloopError(
      'BAD_OPTION',
      `run.title takes a text of 1 to ${titleUnitsMax} characters.`,
      { run: pass.run },
    )
  }
  return pass.request(scope, 'note', scope.key('title', explicit), {
    begin: (operation) => pass.conclude(operation, 'note.titled', { title: text }),
  })
}
