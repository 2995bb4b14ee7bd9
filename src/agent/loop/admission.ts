/** Guards on what came in. */
import type { Run } from '../../run/index.ts'
import type { Agency } from './agency.ts'
import { halt } from './halt.ts'
import { rule } from '../guards/ruling.ts'
import { type AgentState, type UserMessage, withMessages } from './state.ts'
import { inputKeys, toModel } from './turn-keys.ts'

/**
 * The state with what guards let in of what is pending. What they refuse is not in the conversation; where
 * nothing is left for the model to say, a conversation goes on listening. Throws GUARD_DENIED.
 */
export async function admit(at: Agency, run: Run, state: AgentState): Promise<AgentState> {
  const { pending, messages } = state
  const keys = inputKeys(state)
  const admitted: UserMessage[] = []
  for (const [i, message] of pending.entries()) {
    const ruling = await rule(at, run, state, {
      position: 'input',
      key: keys[i] as string,
      later: [...keys.slice(i + 1), ...toModel],
      subject: { text: message.text },
    })
    if (ruling.is === 'allow' || ruling.is === 'ask') {
      admitted.push(ruling.isFixed ? { ...message, text: ruling.subject.text } : message)
    } else if (!at.agent.conversation && messages.length === 0) {
      throw halt(
        'GUARD_DENIED',
        `Guard "${ruling.by}" denied what agent "${at.agent.name}" was asked: ${ruling.reason}`,
        run.id,
      )
    }
  }
  const after: AgentState = { ...withMessages(state, admitted), pending: [], phase: 'thinking' }
  if (!at.agent.conversation) return after
  return hasAnswered(after) || after.messages.length === 0
    ? { ...after, phase: 'listening' }
    : after
}

/** Whether there is nothing for the model to say more about. */
export const hasAnswered = ({ messages }: AgentState): boolean =>
  messages.at(-1)?.role === 'assistant'
