/** What people call the runs of an agent: said once, before anything else is done. */
import { EverloopError } from '../../base/errors.ts'
import { isRecorded, titleIn, titleUnitsMax } from '../../run/inside.ts'
import type { Turn } from '../../run/index.ts'
import type { AgentState } from './state.ts'

/** A text, or a function of the prompt. */
export type Title = string | ((prompt: string) => string)

const key = 'title'

/** Gives the run its title, in its first turn. `isPast`: something is recorded of what comes then. */
export async function entitle(
  run: Turn<AgentState>,
  { pending }: AgentState,
  { title, isPast }: { readonly title: Title | undefined; readonly isPast: boolean },
): Promise<void> {
  // What is recorded is asked for, whatever the definition says by now; its text stands.
  if (isRecorded(run, key)) return titleIn(run, key, key)
  if (title === undefined || isPast) return
  const text = titleOf(title, pending.map((message) => message.text).join('\n'))
  if (text !== '') await titleIn(run, text, key)
}

/** The title, cut to what fits. Nothing to read is none. */
function titleOf(title: Title, prompt: string): string {
  const text: unknown = typeof title === 'function' ? title(prompt) : title
  if (typeof text === 'string') return text.trim().slice(0, titleUnitsMax).toWellFormed()
  throw new EverloopError('BAD_OPTION', 'agent.title must return a text.')
}

/** Throws BAD_OPTION. */
export function checkTitle(title: unknown): void {
  if (typeof title === 'function' || (typeof title === 'string' && title.trim() !== '')) return
  throw new EverloopError(
    'BAD_OPTION',
    'agent.title must be a text, or a function that returns one.',
  )
}
