/** A flow as a tool, an agent above all: a call is a child run of its own, with its own ledger. */
import { EverloopError } from '../../base/errors.ts'
import type { Flow } from '../../run/face.ts'
import { isFlow } from '../../run/flow.ts'
import { checkOptions } from '../../base/options.ts'
import { branded, type ChildTool, commonToolOptions, toolFace, type ToolOptions } from './tool.ts'

/** The flow's input is what the model's arguments must fit, unless `input` says otherwise. */
export type AgentToolOptions<Given> = ToolOptions<Given>

/**
 * Defines a tool that starts a run of a flow and waits for its output.
 *
 * @example agentTool(researcher, { name: 'research', description: 'Researches a question in depth.' })
 */
export function agentTool<Input, Output, Given>(
  flow: Flow<Input, Output, Given>,
  options: AgentToolOptions<NoInfer<Given>>,
): ChildTool<Given, Output> {
  checkOptions('agentTool', options, commonToolOptions)
  if (!isFlow(flow)) {
    throw new EverloopError('BAD_OPTION', 'agentTool takes a flow or an agent, and options.')
  }
  // What a flow's own schema makes of arguments, only the flow sees: it applies it itself.
  const input = options.input ?? (flow.input as ToolOptions<Given>['input'])
  if (input === undefined && options.inputSchema === undefined) {
    throw new EverloopError(
      'BAD_OPTION',
      `agentTool: flow "${flow.name}" has no \`input\` schema, so the model cannot be told its arguments. Give \`input\` or \`inputSchema\`.`,
    )
  }
  // Its start is recorded with the call: a repeat finds the run that there is.
  const face = toolFace({ ...options, ...(input ? { input } : {}) }, 'idempotent')
  return branded({ ...face, does: 'child', flow, output: flow.output })
}
