/** `everloop questions`: what runs ask people, and the answers. */
import type { Command } from 'commander'
import { EverloopError } from '../../base/errors.ts'
import { type Ever, fittingText, notOpen, type Question } from '../../run/index.ts'
import { aboutOf, hintOf, readingsOf, takesWords } from '../answer-words.ts'
import { act, type Call } from '../call.ts'
import { cancelling } from '../cancelling.ts'
import { clean, cleanLine } from '../clean.ts'
import { interruptible } from '../interrupt.ts'
import { parseValue } from '../json-input.ts'
import { namedQuestion } from '../named-question.ts'
import { plain } from '../output.ts'
import { askPerson } from '../question-prompt.ts'
import { answeredText, expiredFix, expiredText, isExpired } from '../deciders.ts'
import { fields } from '../fields.ts'
import { jsonText } from '../json-text.ts'
import { openQuestion } from '../open-question.ts'
import { lastRefusal } from '../refusal.ts'
import { resolveRun } from '../rest.ts'
import { runsThatAsk } from '../runs-below.ts'
import { openExisting } from '../store-place.ts'
import { table } from '../table.ts'
import { ago, dateAndAgo } from '../times.ts'

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
    .option('--run <id>', 'of one run and of those below it only')
  act<{ readonly run?: string }>(list, listQuestions)
  const show = questions
    .command('show')
    .description('everything about a question, and what an answer must fit')
    .argument('<question>', 'its id, the beginning of it, or the run that asks')
  act(show, showQuestion)
  const answer = questions
    .command('answer')
    .description('answer a question')
    .argument('<question>', 'its id, the beginning of it, or the run that asks')
    .argument('[answer]', 'the answer as JSON, or bare words where they fit; "-" reads stdin')
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
  const runs =
    options.run === undefined
      ? undefined
      : await runsThatAsk(ever, await resolveRun(ever, options.run))
  const questions = await openQuestions(ever, runs)
  const answered = await answeredQuestions(ever, runs)
  const now = ever.store.clock.now()
  const documents = questions.map(({ schema, ...rest }) => ({ ...rest, schema: plain(schema) }))
  out.result({ questions: documents, answered }, () => {
    const rest = answered.map((id) => out.style('dim', `${id}: ${answeredText}`))
    if (questions.length === 0) return ['No question is open.', ...rest]
    const lines = table<Question>(
      [
        { title: 'QUESTION', of: ({ id }) => id },
        // The id says it too, but not to those who see it for the first time.
        ...(runs === undefined ? [] : [{ title: 'RUN', of: ({ run }: Question) => run }]),
        { title: 'ASKED', of: ({ since }) => ago(since, now) },
        { title: 'EXPIRES', of: ({ due }) => (due === undefined ? 'never' : ago(due, now)) },
        {
          title: 'ANSWER',
          of: (question) => (isExpired(question, now) ? expiredText : hintOf(question) || 'any'),
        },
        { title: 'PROMPT', of: ({ prompt }) => cleanLine(prompt, 100) },
      ],
      questions,
    )
    return [...lines, ...rest]
  })
}

type Runs = readonly string[] | undefined

/** Of these runs, or of all; the oldest first. */
async function openQuestions(ever: Ever, runs: Runs): Promise<readonly Question[]> {
  if (runs === undefined) return ever.questions()
  const lists = await Promise.all(runs.map((run) => ever.questions({ run })))
  return lists.flat().toSorted((a, b) => a.since - b.since)
}

/** The ids of those whose answers no worker has taken yet. */
async function answeredQuestions(ever: Ever, runs: Runs): Promise<readonly string[]> {
  const rows = await ever.store.questions({})
  return rows
    .filter(({ run, state }) => state === 'answered' && (runs?.includes(run) ?? true))
    .map(({ id }) => id)
}

async function showQuestion({ out, store, args }: Call): Promise<void> {
  await using ever = await openExisting(store)
  const id = await resolveQuestion(ever, args[0] ?? '')
  const question = await openQuestion(ever, id)
  if (!question) throw await notOpen(ever.store, id)
  const now = ever.store.clock.now()
  const { schema, run, prompt, since, due } = question
  const refused = await lastRefusal(ever, question)
  const cancel = await cancelling(ever, run)
  const more = {
    ...(refused === undefined ? {} : { refused }),
    ...(cancel === undefined ? {} : { cancelling: cancel }),
  }
  out.result({ ...question, schema: plain(schema), ...more }, () => {
    const next = isExpired(question, now) ? expiredFix : nextFor(question)
    const lines = fields(out, [
      ['question', id],
      ['run', run],
      ['cancelling', cancel && cleanLine(cancel)],
      ['about', aboutOf(question)],
      ['asks', clean(prompt)],
      ['since', dateAndAgo(since, now)],
      ['expires', due === undefined ? 'never' : dateAndAgo(due, now)],
      ['refused before', refused && cleanLine(refused, 400)],
      ['answer', hintOf(question) || (isText(schema) ? 'a text' : 'any JSON')],
      ['schema', schema === undefined ? undefined : jsonText(schema)],
    ])
    return [...lines, out.style('dim', `Next: ${next}`)]
  })
}

function nextFor({ id, kind }: Question): string {
  switch (kind) {
    case 'approval':
      return `everloop approvals show ${id}`
    case 'effect':
      return `everloop questions answer ${id} '{"verdict":"done","result":JSON}' (what the call returned; a bare done returns nothing), or retry, or fail`
    default:
      return `everloop questions answer ${id} …`
  }
}

async function answerQuestion({ out, store, options, args }: Call<AnswerOptions>): Promise<void> {
  const [prefix = '', given] = args
  const { text, by } = options
  if (given !== undefined && text !== undefined) {
    throw new EverloopError('BAD_OPTION', 'Give the answer as JSON or with --text, not both.')
  }
  await using ever = await openExisting(store)
  const question = await resolveQuestion(ever, prefix)
  // Said before what was given is read: whatever it is, it comes too late.
  if (!(await openQuestion(ever, question))) throw await notOpen(ever.store, question)
  if (given === undefined && text === undefined) {
    if (!out.isInteractive) {
      throw new EverloopError(
        'BAD_OPTION',
        'The answer is missing: give it as JSON, or with --text.',
      )
    }
    const isAnswered = await interruptible((signal) => askPerson(ever, question, { signal, by }))
    if (!isAnswered) throw new EverloopError('BAD_OPTION', 'Nothing was answered.')
  } else {
    const who = by === undefined ? {} : { by }
    if (text !== undefined) await ever.answer(question, text, who)
    else await answerTyped(ever, question, given ?? '', who)
  }
  out.result(
    { question, answered: true },
    () =>
      `Answered question ${question}: a worker hands it to the run, whose code has the last word.`,
  )
}

/** JSON, or bare words where the schema takes a text, a choice or a yes. */
async function answerTyped(
  ever: Ever,
  id: string,
  given: string,
  who: { readonly by?: string },
): Promise<void> {
  const question = given === '-' ? undefined : await openQuestion(ever, id)
  if (question === undefined || !takesWords(question)) {
    await ever.answer(id, await parseAnswer(given, question), who)
    return
  }
  let complaint: EverloopError | undefined
  for (const value of readingsOf(given, question)) {
    try {
      await ever.answer(id, value, who)
      return
    } catch (error) {
      if (!EverloopError.is(error) || error.code !== 'BAD_INPUT') throw error
      complaint ??= error
    }
  }
  throw complaint
}

/** Throws BAD_INPUT that says which JSON is wanted. */
async function parseAnswer(given: string, question: Question | undefined): Promise<unknown> {
  try {
    return await parseValue(given, 'The answer')
  } catch (error) {
    if (!EverloopError.is(error) || question?.schema === undefined) throw error
    // No word will do, and what will is said where the answer is checked.
    if (question.kind === 'approval') return given
    const wanted = fittingText(plain(question.schema), question.id)
    throw new EverloopError('BAD_INPUT', `${error.message} ${wanted}`, { cause: error })
  }
}

const isText = (schema: unknown): boolean =>
  typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === 'string'

/** The question that is meant. A run with one open question stands for it. */
async function resolveQuestion(ever: Ever, prefix: string): Promise<string> {
  const named = await namedQuestion(ever, prefix, 'question')
  if (named) return named.id
  // Not open: whether it ever was is said where it is used. Its run may be shortened all the same.
  const at = prefix.lastIndexOf('/')
  if (at < 0) throw await notOpen(ever.store, await runOr(ever, prefix))
  return `${await resolveRun(ever, prefix.slice(0, at))}${prefix.slice(at)}`
}

/** The run whose id begins so, or the text itself. */
async function runOr(ever: Ever, prefix: string): Promise<string> {
  try {
    return await resolveRun(ever, prefix)
  } catch (error) {
    if (EverloopError.is(error) && error.code === 'UNKNOWN_RUN') return prefix
    throw error
  }
}
