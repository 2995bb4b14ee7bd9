/** What a run waits for, and what helps it on. */
import type { Ever, RunInfo, WaitInfo } from '../run/index.ts'
import { hintOf, takesWords } from './answer-words.ts'
import { awaitsMessage } from './awaits-message.ts'
import { cleanLine } from './clean.ts'
import { endingBelow } from './ending-below.ts'
import type { Explanation, Is } from './explanation.ts'
import { openQuestion } from './open-question.ts'
import { lastRefusal, lastRefusedSignal } from './refusal.ts'
import { ended, excerpt, quoted } from './sentence.ts'
import { ago, dateAndAgo, dateTime } from './times.ts'
import { untakenText } from './untaken-signals.ts'

export interface Waiting {
  readonly info: RunInfo
  readonly on: readonly WaitInfo[]
  readonly now: number
  /** Left out where it has been gone down deep enough. */
  readonly explainChild: ((child: string) => Promise<Explanation>) | undefined
}

export async function waiting(ever: Ever, about: Waiting, is: Is): Promise<Explanation> {
  const { info, on, now } = about
  const text = await waitsText(ever, about)
  const [first] = on
  if (!first || !text) {
    const since = dateAndAgo(info.updated, now)
    const below = await endingBelow(ever, info.id)
    if (below === undefined) return is('message', `Waiting for a message since ${since}.`)
    return is(
      'child',
      `Waiting since ${since} for the end of run ${cleanLine(below, 300)} below it, which was cancelled or is being undone.`,
      `everloop runs explain ${below}`,
    )
  }
  const untaken = await untakenText(ever, info.id, on)
  return is(first.kind, `${ended(`Waiting ${text.text}`)}${untaken}`, text.fix)
}

/** All that it waits for, behind "waiting", and what helps with the first of it; undefined where that is nothing. */
export async function waitsText(ever: Ever, about: Waiting): Promise<WaitText | undefined> {
  const { on } = about
  const [first, second] = on
  if (!first) return undefined
  const one = await waitText(ever, first, about)
  if (!second) return one
  const other = await waitText(ever, second, about)
  const more = on.length > 2 ? `; and for ${on.length - 2} more` : ''
  return { text: `for ${on.length} things: ${one.text}; ${other.text}${more}`, fix: one.fix }
}

interface WaitText {
  readonly text: string
  readonly fix: string | undefined
}

async function waitText(
  ever: Ever,
  wait: WaitInfo,
  { info: { id: run }, now, explainChild }: Waiting,
): Promise<WaitText> {
  const { kind, what, question, since, due } = wait
  // A question is what people have to read before they answer.
  const told = excerpt(what, kind === 'question' ? 600 : 200)
  const until = due === undefined ? '' : `, at most until ${dateAndAgo(due, now)}`
  const refused =
    kind === 'signal'
      ? await lastRefusedSignal(ever, run, wait.path)
      : question && (await lastRefusal(ever, { id: question, run }))
  const why = refused === undefined ? '' : `was refused: ${quoted(cleanLine(refused, 200))}`
  const before = why && ` (the last answer ${why})`
  const again = due === undefined ? 'later' : `${ago(due, now)}, at ${dateTime(due)}`
  switch (kind) {
    case 'approval':
      return {
        text: `for an approval since ${dateAndAgo(since, now)}${until}${before}: ${told}`,
        fix: question && `everloop approvals show ${question}`,
      }
    case 'effect':
      return {
        text:
          question === undefined
            ? `to know what came of ${told}${until}: it may take effect so long; then its \`reconcile\` is asked, or a person`
            : `for somebody to say what came of a call${until}${before}: ${told}`,
        fix: question && `everloop questions show ${question}`,
      }
    case 'undo':
      return {
        text: `to undo something once more ${again}: it failed with ${quoted(told)}`,
        fix: undefined,
      }
    case 'question': {
      const asked = await openQuestion(ever, question ?? '')
      const hint = asked && takesWords(asked) ? hintOf(asked) || 'a text' : undefined
      const words = hint === undefined ? '' : `; answer: ${hint}`
      return {
        text: `since ${dateAndAgo(since, now)} for an answer to ${quoted(told)} (question ${question ?? ''}${words})${until}${why && `; the last one ${why}`}`,
        fix: `everloop questions answer ${question ?? ''} ${hint === undefined ? 'JSON' : 'ANSWER'}`,
      }
    }
    case 'signal':
      if (awaitsMessage(wait)) {
        return {
          text: `since ${dateAndAgo(since, now)} for the next message of its conversation${until}`,
          fix: `everloop signal ${run} message '"…"'`,
        }
      }
      return {
        text: `since ${dateAndAgo(since, now)} for the signal ${quoted(told)}${until}${why && `; the last one ${why}`}`,
        fix: `everloop signal ${run} ${shellWord(what)} JSON`,
      }
    case 'timer':
      return {
        text: due === undefined ? 'for a date' : `until ${dateAndAgo(due, now)}`,
        fix: undefined,
      }
    case 'retry':
      return {
        text: `to try step "${cleanLine(wait.path, 100)}" again ${again}: it failed with ${quoted(told)}`,
        fix: undefined,
      }
    case 'child': {
      if (!explainChild)
        return { text: `for its child ${what}`, fix: `everloop runs explain ${what}` }
      const child = await explainChild(what)
      const sentence = child.sentence.replace(/\.$/, '')
      return {
        text: `since ${dateAndAgo(since, now)} for its child ${what}, which says: ${sentence}`,
        fix: child.fix,
      }
    }
  }
}

/**
 * A name out of a flow as one word of a POSIX shell, because people copy what is printed here. One
 * that cannot be printed as it is (controls, line breaks, great length) leaves a placeholder.
 */
function shellWord(text: string): string {
  return cleanLine(text, 200) === text ? `'${text.replaceAll("'", `'\\''`)}'` : 'NAME'
}
