/** How a run has ended or why it is paused, and what can be done about that. */
import type { RunInfo, Settled, UndoInfo } from '../run/index.ts'
import { counted } from '../base/counted.ts'
import { cleanLine } from './clean.ts'
import type { Explanation, Is } from './explanation.ts'
import type { FailedChild } from './failed-child.ts'
import { retryAdvice, type Surroundings } from './retry-advice.ts'
import type { RunAbove } from './run-above.ts'
import { sentenceOf } from './sentence.ts'
import { ago } from './times.ts'

interface AtRest {
  readonly info: RunInfo
  readonly surroundings: Surroundings
  /** It is paused in the middle of being undone. */
  readonly isUndoing: boolean
  /** The child that it is paused for. */
  readonly gone: string | undefined
  /** Who cancelled it. */
  readonly by: string | undefined
  /** What it has failed with. */
  readonly child: FailedChild | undefined
  readonly now: number
}

/** What is to be done about a pause, by its code. */
const pauseFixes: Readonly<Record<string, (id: string, isUndoing: boolean) => string>> = {
  PAUSED: (id) => `everloop runs resume ${id}`,
  // A cancel is told to the code, which does not listen.
  STALLED: (id) =>
    `Put what the flow awaits into run.step, then: everloop runs resume ${id}. Or, to end it without its code: everloop runs undo ${id} --cancel`,
  CRASH_LOOP: (id) => `Mend what kills or freezes the process, then: everloop runs resume ${id}`,
  DIVERGED: (id) =>
    `Put the old code back, then: everloop runs resume ${id}. Or: everloop runs cancel ${id}`,
  DRIFTED: (id) =>
    `Put the old code back, then: everloop runs resume ${id}. Or: everloop runs cancel ${id}`,
  HIDDEN_STATE: (id) =>
    `Move what the loop keeps outside into its state, then: everloop runs resume ${id}`,
  MIGRATION_FAILED: (id) =>
    `Mend \`migrate\` of the other version, then: everloop runs resume ${id}`,
  UNKNOWN_ACTION: (id, isUndoing) =>
    `Serve a file that exports the action, then: everloop runs resume ${id}${isUndoing ? `. Or: everloop runs undo ${id} --file FILE` : ''}`,
  INTERNAL: (id) => `Report it, with the message, then: everloop runs resume ${id}`,
  BROKEN_CHAIN: (id) => `everloop runs verify ${id}, then restore the store from a backup`,
}

/** What became of undoing it, and what to do about what could not be undone. */
function undoneText(
  undos: readonly UndoInfo[],
  id: string,
): { readonly text: string; readonly fix: string | undefined } {
  if (undos.length === 0) return { text: '', fix: undefined }
  const done = undos.filter(({ state }) => state === 'undone').length
  const left = undos.filter(({ state }) => state === 'failed' || state === 'registered')
  const names = [...new Set(left.map(({ action }) => cleanLine(action, 40)))].join(', ')
  const said = ` Of ${counted(undos.length, 'thing')} to undo, ${done === 1 ? '1 is' : `${done} are`} undone`
  return left.length === 0
    ? { text: `${said}.`, fix: undefined }
    : {
        text: `${said}; ${left.length} could not be: ${names}.`,
        fix: `everloop runs undo ${id} --file FILE (a file that exports the actions)`,
      }
}

/** Where to look for what went wrong below. */
function childText(child: FailedChild | undefined): string {
  if (child === undefined) return ''
  const which = ` It failed because of its child run ${cleanLine(child.id, 300)}`
  return child.isHere
    ? `${which}: \`everloop runs explain ${child.id}\` says more.`
    : `${which}, which is not in this store.`
}

/** Nobody may be served by its going on. */
const aboveText = (above: RunAbove | undefined): string =>
  above?.is === 'elsewhere'
    ? ` Run ${cleanLine(above.run, 300)}, which has started it, does not wait for it.`
    : ''

export function atRest(
  settled: Exclude<Settled, { status: 'waiting' }>,
  { info, surroundings, isUndoing, gone, by, child, now }: AtRest,
  is: Is,
): Explanation {
  const { undos, above } = surroundings
  const when = ago(info.updated, now)
  switch (settled.status) {
    case 'completed':
      return above?.is === 'failed'
        ? is(
            'completed',
            `Completed ${when}, but run ${cleanLine(above.run, 300)} above it has failed and does not know.`,
            `everloop runs retry ${above.run}`,
          )
        : is('completed', `Completed ${when}: there is nothing left to do.`)
    case 'cancelled': {
      const undone = undoneText(undos, info.id)
      const who = by === undefined ? '' : ` by ${cleanLine(by, 60)}`
      const sentence = `Cancelled ${when}${who}: ${sentenceOf(settled.reason)}${undone.text}`
      return is('cancelled', sentence, undone.fix)
    }
    case 'failed': {
      const { name, code, message } = settled.error
      const kind = code === undefined ? name : `${name} ${code}`
      const undone = undoneText(undos, info.id)
      const { why, fix } = retryAdvice(info.id, settled.error, surroundings)
      return is(
        'failed',
        `Failed ${when} with ${cleanLine(kind, 100)}: ${sentenceOf(message)}${childText(child)}${aboveText(above)}${undone.text}${why === undefined ? '' : ` ${why}`}`,
        undone.fix ?? fix,
      )
    }
    case 'paused': {
      if (gone !== undefined) {
        const undo = `If run ${cleanLine(gone, 300)} can be undone (everloop runs undo ${cleanLine(gone, 300)} --list), do that, then: everloop runs resume ${info.id}`
        return is(
          'paused',
          `Paused ${when} (${cleanLine(settled.code, 40)}): ${sentenceOf(settled.message)}`,
          `${undo}. Or, to have another run do all of it again: everloop runs resume ${info.id} --anew`,
        )
      }
      const fix = pauseFixes[settled.code] ?? ((id: string) => `everloop runs resume ${id}`)
      return is(
        'paused',
        `Paused ${when} (${cleanLine(settled.code, 40)}): ${sentenceOf(settled.message)}`,
        fix(info.id, isUndoing),
      )
    }
  }
}
