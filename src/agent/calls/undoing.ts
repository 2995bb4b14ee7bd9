/** A tool's `undo` as a registered action, so that it can be executed without the agent's code. */
import type { InsideUndoContext } from '../../run/inside.ts'
import { action, type AnyAction } from '../../run/index.ts'
import type { AgentDefinition } from '../definition.ts'
import { agentsIn } from '../environment.ts'
import { noSecrets } from '../secret.ts'

/** The action's name. */
export const undoName = (agent: string, tool: string): string => `${agent}.${tool}`

/** The actions of an agent's tools. */
export function undoActions({
  name,
  tools = [],
}: Pick<AgentDefinition<unknown>, 'name' | 'tools'>): readonly AnyAction[] {
  return tools.flatMap((tool) => {
    if (tool.does !== 'run' || !tool.undo) return []
    const { undo, timeout = '1m' } = tool
    return action({
      name: undoName(name, tool.name),
      timeout,
      run: (input, context) => {
        const { run, result, idempotencyKey, of, signal, attempt, environment } =
          context as InsideUndoContext
        const secrets = agentsIn(environment)?.secrets ?? noSecrets
        const also = { runId: run, idempotencyKey, of, signal, attempt, secrets }
        return undo(input, result as never, also)
      },
    })
  })
}
