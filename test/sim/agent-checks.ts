/** What must hold when the model of an agent is asked. Everything is computed anew, from the ledger. */
import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import { explicitKey, unescape } from '../../src/ledger/index.ts'
import type { Mirror } from './mirror.ts'
import type { Must } from './must.ts'
import { TurnView } from './turn-view.ts'
import type { Actor } from './start-checks.ts'

/** The model is told of all calls of an answer, in their order, and of what has really come of them. */
export function checkRequest({ world, run }: Actor, prompt: LanguageModelV4Prompt): void {
  const must = mustOf(world.report, run)
  for (const [i, message] of prompt.entries()) {
    if (message.role === 'tool') {
      must(prompt[i - 1]?.role === 'assistant', 'N3', 'results without calls are sent')
    }
    if (message.role !== 'assistant') continue
    const calls = message.content.flatMap((part) =>
      part.type === 'tool-call' ? [part.toolCallId] : [],
    )
    if (calls.length === 0) continue
    const next = prompt[i + 1]
    const results = next?.role === 'tool' ? next.content : []
    const ids = results.flatMap((part) => (part.type === 'tool-result' ? [part.toolCallId] : []))
    must(
      ids.join() === calls.join(),
      'N3',
      `of the calls ${calls.join()} the model is told the results ${ids.join()}`,
    )
    for (const result of results) {
      if (result.type !== 'tool-result' || result.output.type !== 'text') continue
      const path = /^effect of (.*)/.exec(result.output.value)?.[1]
      if (path === undefined) continue
      // An id that comes again in a later answer is told with a number, and recorded as it came.
      const { toolCallId: told } = result
      must(
        [told, told.replace(/_\d+$/, '')].some((id) =>
          path.endsWith(`/${explicitKey(`call:${id}`)}`),
        ),
        'N3',
        `call ${result.toolCallId} is told what came of ${path}`,
      )
      must(
        run.successes.has(path),
        'outcome',
        `the model is told of "${path}", which has no outcome`,
      )
      const ruling = `guard:result:${unescape(path.slice(path.indexOf('=call:') + '=call:'.length))}`
      const turn = TurnView.around(run, path)
      const isShown = turn.passes(ruling) && turn.fixed(ruling) === undefined
      must(isShown, 'C1', `the model is told what "${path}" has come to, and a guard withheld it`)
    }
  }
}

export const mustOf =
  (report: Actor['world']['report'], run: Mirror): Must =>
  (condition, invariant, what) =>
    report.check(condition, invariant, () => `run ${run.id}: ${what}`)
