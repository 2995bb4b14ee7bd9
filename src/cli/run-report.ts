/** What `everloop run` says when the run has come to rest, and the code that it exits with. */
import { conversation } from '../agent/conversation/conversation.ts'
import type { Ever, Settled, WaitInfo } from '../run/index.ts'
import { awaitsMessage } from './awaits-message.ts'
import type { Call } from './call.ts'
import { clean, cleanLine } from './clean.ts'
import { exitCodes } from './exit.ts'
import { explain } from './explain.ts'
import { flowText, serveCommand } from './flow-text.ts'
import { jsonText } from './json-text.ts'
import { plain } from './output.ts'
import type { Unserved } from './rest.ts'

interface Report {
  readonly out: Call['out']
  readonly ever: Ever
  readonly id: string
  readonly settled: Settled
}

export async function report({ out, ever, id, settled }: Report): Promise<number> {
  switch (settled.status) {
    case 'completed':
      out.result({ run: id, status: 'completed', output: plain(settled.output) }, () =>
        settled.output === undefined ? '' : shown(settled.output),
      )
      return exitCodes.ok
    case 'failed': {
      const { name, code, message } = settled.error
      const kind = code === undefined ? name : `${name} (${code})`
      out.result({ run: id, status: 'failed', error: plain(settled.error) }, () => '')
      out.note(`${out.onError('red', 'failed')} ${cleanLine(kind, 80)}: ${clean(message)}`)
      const { fix } = await explain(ever, id)
      if (fix !== undefined) out.note(`Next: ${fix}`)
      return exitCodes.failed
    }
    case 'cancelled':
      out.result({ run: id, status: 'cancelled', reason: settled.reason }, () => '')
      out.note(`${out.onError('red', 'cancelled')} ${clean(settled.reason)}`)
      return exitCodes.failed
    case 'paused':
    case 'waiting':
      return reportResting(out, ever, id, settled)
  }
}

async function reportResting(
  out: Call['out'],
  ever: Ever,
  id: string,
  settled: Extract<Settled, { readonly status: 'paused' | 'waiting' }>,
): Promise<number> {
  const { status } = settled
  const { sentence, fix, reason } = await explain(ever, id)
  const on = status === 'waiting' ? { on: settled.on } : { code: settled.code }
  const answer = status === 'waiting' ? await lastAnswer(ever, id, settled.on) : undefined
  const document = {
    run: id,
    status,
    reason,
    sentence,
    ...(fix === undefined ? {} : { fix }),
    ...on,
    ...(answer === undefined ? {} : { answer }),
  }
  out.result(document, () => (answer === undefined ? '' : clean(answer)))
  out.note(painted(out, status, sentence))
  if (fix !== undefined) out.note(`Next: ${fix}`)
  return exitCodes.resting
}

/** The run was started before, by another version of its flow, and waits for that one. */
export function reportUnserved({
  out,
  id,
  unserved,
  served,
}: {
  readonly out: Call['out']
  readonly id: string
  readonly unserved: Unserved
  readonly served: string
}): number {
  const { status } = unserved
  const sentence = unservedText(id, unserved, served)
  const fix = serveCommand(unserved)
  out.result({ run: id, status, reason: 'not-served', sentence, fix }, () => '')
  out.note(painted(out, status, sentence))
  out.note(`Next: ${fix}`)
  return exitCodes.resting
}

export const unservedText = (
  id: string,
  of: Pick<Unserved, 'flow' | 'version'>,
  served: string,
): string =>
  `Run ${id} is of ${flowText(of)}, which is not served here: this process has version "${served}".`

/** The status stands before the sentence, unless the sentence begins with it. */
function painted(out: Call['out'], status: string, sentence: string): string {
  const beginning = sentence.slice(0, status.length)
  return beginning.toLowerCase() === status
    ? `${out.onError('yellow', beginning)}${sentence.slice(status.length)}`
    : `${out.onError('yellow', status)} ${sentence}`
}

/** What an agent said last that waits for the next message; undefined for every other wait. */
async function lastAnswer(
  ever: Ever,
  id: string,
  on: readonly WaitInfo[],
): Promise<string | undefined> {
  if (!on.some(awaitsMessage)) return undefined
  const { items } = await conversation(ever, id)
  const at = items.findLastIndex((item) => item.is === 'assistant' && item.calls.length === 0)
  const answer = items[at]
  if (answer?.is !== 'assistant') return undefined
  // What a guard has put in its place is what counts.
  const fixed = items
    .slice(at)
    .findLast((item) => item.is === 'guard' && typeof item.fixed === 'string')
  return fixed?.is === 'guard' && typeof fixed.fixed === 'string' ? fixed.fixed : answer.text
}

/** A text as it is, for pipes; everything else as JSON. */
const shown = (output: unknown): string =>
  typeof output === 'string' ? clean(output) : jsonText(output)
