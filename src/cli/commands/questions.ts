/** `everloop questions`: what runs ask people, and the answers. */
import type { Command } from 'commander'
import { EverloopError } from '../../base/errors.ts'
import type { Ever } from '../../run/index.ts'
import { act, type Call } from '../call.ts'
import { cleanLine } from '../clean.ts'
import { interruptible } from '../interrupt.ts'
import { parseValue } from '../json-input.ts'
import { plain } from '../output.ts'
import { askPerson, hintOf } from '../question-prompt.ts'
import { resolveRun } from '../rest.ts'
import { openExisting } from '../store-place.ts'
import { table } from '../table.ts'
import { ago } from '../times.ts'

interface AnswerOptions {
  readonly text?: string
  readonly by?: string
}

export function addQuestions(program: Command): void {
  const questions = program.command('questions').description('what runs ask people')
  const list = questions
    .command('list')
    .alias('ls')
    .description('open questions, the oldest first')
    .option('--run <id>', 'of one run only')
  act<{ readonly run?: string }>(list, listQuestions)
  const answer = questions
    .command('answer')
    .description('answer a question')
    .argument('<question>', 'its id, the beginning of it, or the run that asks')
    .argument('[answer]', 'the answer as JSON; "-" reads stdin')
    .option('--text <text>', 'the answer is this text')
    .option('--by <name>', 'who answers, for the record')
  act<AnswerOptions>(answer, answerQuestion)
}

async function listQuestions({
  out,
  store,
  options,
}: Call<{ readonly run?: string }>): Promise<void> {
  await using ever = await openExisting(store)
  const run = options.run === undefined ? undefined : await resolveRun(ever, options.run)
  const questions = await ever.questions(run === undefined ? {} : { run })
  const now = ever.store.clock.now()
  const documents = questions.map(({ schema, ...rest }) => ({ ...rest, schema: plain(schema) }))
  out.result({ questions: documents }, () => {
    if (questions.length === 0) return 'No question is open.'
    return table(
      [
        { title: 'QUESTION', of: ({ id }) => id },
        { title: 'ASKED', of: ({ since }) => ago(since, now) },
        { title: 'EXPIRES', of: ({ due }) => (due === undefined ? 'never' : ago(due, now)) },
        { title: 'ANSWER', of: ({ schema }) => hintOf(schema) || 'any' },
        { title: 'PROMPT', of: ({ prompt }) => cleanLine(prompt, 100) },
      ],
      questions,
    )
  })
}

async function answerQuestion({ out, store, options, args }: Call<AnswerOptions>): Promise<void> {
  const [prefix = '', given] = args
  const { text, by } = options
  if (given !== undefined && text !== undefined) {
    throw new EverloopError('BAD_OPTION', 'Give the answer as JSON or with --text, not both.')
  }
  const value = text ?? (await parseValue(given, 'The answer'))
  await using ever = await openExisting(store)
  const question = await resolveQuestion(ever, prefix)
  if (given === undefined && text === undefined) {
    if (!out.isInteractive) {
      throw new EverloopError(
        'BAD_OPTION',
        'The answer is missing: give it as JSON, or with --text.',
      )
    }
    const isAnswered = await interruptible((signal) => askPerson(ever, question, signal))
    if (!isAnswered) throw new EverloopError('BAD_OPTION', 'Nothing was answered.')
  } else {
    await ever.answer(question, value, by === undefined ? {} : { by })
  }
  out.result({ question, answered: true }, () => `Answered question ${question}.`)
}

/** The question whose id begins so. A run with one open question stands for it. */
async function resolveQuestion(ever: Ever, prefix: string): Promise<string> {
  const open = await ever.store.questions({ id: prefix, limit: 6 })
  const exact = open.find(({ id }) => id === prefix)
  if (exact) return exact.id
  const [only] = open
  if (only && open.length === 1) return only.id
  if (open.length > 1) {
    const some = open.slice(0, 5).map(({ id }) => id)
    throw new EverloopError(
      'AMBIGUOUS_ID',
      `"${prefix}" fits several questions: ${some.join(', ')}${open.length > 5 ? ' and more' : ''}. Give more of the id.`,
    )
  }
  // Not open: `answer` says whether it ever was. Its run may be shortened all the same.
  const at = prefix.lastIndexOf('/')
  if (at < 0) return prefix
  return `${await resolveRun(ever, prefix.slice(0, at))}${prefix.slice(at)}`
}
