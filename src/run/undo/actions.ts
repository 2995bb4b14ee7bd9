/** The actions a process knows, by name. */
import { EverloopError } from '../../base/errors.ts'
import { isAction } from './action.ts'
import type { AnyAction } from '../face.ts'

export class Actions {
  readonly #byName = new Map<string, AnyAction>()

  constructor(actions: Iterable<AnyAction>) {
    for (const action of actions) this.#add(action)
  }

  /** The action of this name. */
  find(name: string): AnyAction | undefined {
    return this.#byName.get(name)
  }

  /** Throws UNKNOWN_ACTION when one of these is not there. `run`: for which run it is asked. */
  check(names: Iterable<string>, run: string): void {
    const missing = [...new Set(names)].filter((name) => !this.#byName.has(name))
    if (missing.length > 0) throw this.unknown(missing, run)
  }

  /** The error that says so. */
  unknown(names: readonly string[], run: string): EverloopError {
    const known = [...this.#byName.keys()].join(', ') || 'none'
    const which = names.map((name) => JSON.stringify(name)).join(', ')
    return new EverloopError(
      'UNKNOWN_ACTION',
      `Run "${run}" needs ${names.length === 1 ? 'action' : 'actions'} ${which} to undo what it has done, and this process does not have ${names.length === 1 ? 'it' : 'them'}. Hand it to open({ actions }), or the command line a module that exports it: --with FILE. Registered: ${known}.`,
      { run },
    )
  }

  #add(action: AnyAction): void {
    if (!isAction(action)) {
      throw new EverloopError('BAD_OPTION', 'open({ actions }) takes actions made with action(…).')
    }
    const other = this.#byName.get(action.name)
    if (other !== undefined && other !== action) {
      throw new EverloopError(
        'BAD_OPTION',
        `Two actions are called "${action.name}". What a run has registered would be undone by either: give one another name.`,
      )
    }
    this.#byName.set(action.name, action)
  }
}
