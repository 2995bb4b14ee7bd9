/** Every cell of the guards' matrix through a whole agent: one exact end each, and nothing fails open. */
import { describe, expect, test } from 'vitest'
import { agent, type GuardPosition, policy, tool } from 'everloop'
import { scriptedModel, type ScriptedModel, type TestRuntime, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { type Cell, guardMatrix, guardOf, judgeOf } from './guard-matrix.ts'
import { lastTextOf, toldOf } from './prompts.ts'

const bad = 'a forbidden word'
const nice = 'a nice word'
const no = 'A person said no.'

/** How a run with a guard ends. */
interface End {
  readonly output?: string
  readonly error?: { readonly code: string; readonly message: string }
  /** How often the model was asked. */
  readonly asked: number
  /** What was sent by the tool. */
  readonly sent?: readonly string[]
  /** What the model was told last: by a user's message, or of its call. */
  readonly told?: unknown
  /** What a person was asked. */
  readonly question?: string
}

type Column = 'allow' | 'fix' | 'deny' | 'retry' | 'yes' | 'no' | 'halt'

const halted = (asked: number, reason: string, sent: readonly string[] = []): End => ({
  error: { code: 'GUARD_HALTED', message: `Guard "g" halted agent "a": ${reason}` },
  asked,
  sent,
})
const denied = (asked: number, message: string): End => ({
  error: { code: 'GUARD_DENIED', message },
  asked,
})
/** At the positions where the model is told and asked again, twice. */
const judged = (what: 'answer' | 'output'): Readonly<Record<Column, (r: string) => End>> => {
  const deniedAgain = (reason: string): End => ({
    ...denied(
      3,
      `Guard "g" denied the ${what} of agent "a" 3 times, the last time because: ${reason}`,
    ),
    told: again(reason),
  })
  return {
    allow: () => ({ output: bad, asked: 1 }),
    fix: () => ({ output: nice, asked: 1 }),
    deny: deniedAgain,
    retry: deniedAgain,
    yes: (r) => ({ output: bad, asked: 1, question: r }),
    no: (r) => ({ ...deniedAgain(no), question: r }),
    halt: (r) => halted(1, r),
  }
}
const refused = (reason: string): unknown => ({ type: 'execution-denied', reason })
const text = (value: string): unknown => ({ type: 'text', value })
const again = (reason: string): string =>
  `Your last answer was not accepted (g): ${reason}\nAnswer again.`
const approval = (word: string): string =>
  `Agent "a" wants to call send (idempotent) with {"text":"${word}"}. Approve?`

/** What it comes to at each position. `r`: the reason that the guard gives. */
const ends: Readonly<Record<GuardPosition, Readonly<Record<Column, (r: string) => End>>>> = {
  input: {
    allow: () => ({ output: 'Done.', asked: 1, told: bad }),
    fix: () => ({ output: 'Done.', asked: 1, told: nice }),
    deny: (r) => denied(0, `Guard "g" denied what agent "a" was asked: ${r}`),
    retry: (r) => denied(0, `Guard "g" denied what agent "a" was asked: ${r}`),
    yes: (r) => ({ output: 'Done.', asked: 1, told: bad, question: r }),
    no: (r) => ({ ...denied(0, `Guard "g" denied what agent "a" was asked: ${no}`), question: r }),
    halt: (r) => halted(0, r),
  },
  request: {
    allow: () => ({ output: 'Done.', asked: 1, told: bad }),
    fix: () => ({ output: 'Done.', asked: 1, told: nice }),
    deny: (r) => denied(0, `Guard "g" denied a request of agent "a" to its model: ${r}`),
    retry: (r) => denied(0, `Guard "g" denied a request of agent "a" to its model: ${r}`),
    yes: (r) => ({ output: 'Done.', asked: 1, told: bad, question: r }),
    no: (r) => ({
      ...denied(0, `Guard "g" denied a request of agent "a" to its model: ${no}`),
      question: r,
    }),
    halt: (r) => halted(0, r),
  },
  answer: judged('answer'),
  call: {
    allow: () => ({ output: 'Done.', asked: 2, sent: [bad], told: text(bad) }),
    fix: () => ({ output: 'Done.', asked: 2, sent: [nice], told: text(nice) }),
    deny: (r) => ({
      output: 'Done.',
      asked: 2,
      told: refused(`Guard "g" denied the call: ${r}`),
    }),
    retry: (r) => ({
      output: 'Done.',
      asked: 2,
      told: refused(`Guard "g" denied the call: ${r}`),
    }),
    yes: () => ({
      output: 'Done.',
      asked: 2,
      sent: [bad],
      told: text(bad),
      question: approval(bad),
    }),
    no: () => ({
      output: 'Done.',
      asked: 2,
      told: refused('eve denied the call: No.'),
      question: approval(bad),
    }),
    halt: (r) => halted(1, r),
  },
  result: {
    allow: () => ({ output: 'Done.', asked: 2, sent: ['hello'], told: text(bad) }),
    fix: () => ({ output: 'Done.', asked: 2, sent: ['hello'], told: text(nice) }),
    deny: (r) => ({
      output: 'Done.',
      asked: 2,
      sent: ['hello'],
      told: refused(`Guard "g" withheld the result: ${r}`),
    }),
    retry: (r) => ({
      output: 'Done.',
      asked: 2,
      sent: ['hello'],
      told: refused(`Guard "g" withheld the result: ${r}`),
    }),
    yes: (r) => ({ output: 'Done.', asked: 2, sent: ['hello'], told: text(bad), question: r }),
    no: (r) => ({
      output: 'Done.',
      asked: 2,
      sent: ['hello'],
      told: refused(`Guard "g" withheld the result: ${no}`),
      question: r,
    }),
    halt: (r) => halted(1, r, ['hello']),
  },
  output: judged('output'),
}

/** The cells, those with a question once for each answer. */
const rows = guardMatrix.flatMap((cell): { readonly cell: Cell; readonly column: Column }[] => {
  const { outcome, verdict } = cell
  if (outcome === 'ask') return (['yes', 'no'] as const).map((column) => ({ cell, column }))
  return [{ cell, column: outcome === 'allow' && verdict === 'fix' ? 'fix' : outcome }]
})

/** An agent that has the bad word at this position, and what it does to the world. */
function world(position: GuardPosition) {
  const sent: string[] = []
  const send = tool({
    name: 'send',
    description: 'Sends a text.',
    input: z.object({ text: z.string() }),
    effect: 'idempotent',
    run: ({ text: said }) => {
      sent.push(said)
      return position === 'result' ? bad : said
    },
  })
  const isCalling = position === 'call' || position === 'result'
  const isSaying = position === 'answer' || position === 'output'
  const model = scriptedModel(({ turn }) => {
    if (isSaying) return { text: bad }
    if (!isCalling || turn > 0) return { text: 'Done.' }
    const said = position === 'call' ? bad : 'hello'
    return { toolCalls: [{ id: 'c1', name: 'send', input: { text: said } }] }
  })
  const prompt = position === 'input' || position === 'request' ? bad : 'Go.'
  return { sent, send, model, prompt }
}

/** Answers whatever is asked, behind a crash, until the run has come to its end. */
async function answerAll(runtime: TestRuntime, column: Column): Promise<string[]> {
  const prompts: string[] = []
  for (;;) {
    await runtime.settle()
    const [open] = await runtime.ever.questions()
    if (!open) return prompts
    prompts.push(open.prompt)
    if (prompts.length === 1) {
      runtime.crash()
      await runtime.settle()
    }
    const { approvals } = runtime.ever
    if (open.kind === 'question') {
      await runtime.ever.answer(open.id, { verdict: column === 'yes' ? 'allow' : 'deny' })
    } else if (column === 'yes') await approvals.approve(open.id, { by: 'eve' })
    else await approvals.deny(open.id, { by: 'eve', reason: 'No.' })
  }
}

/** All that the model was ever sent. */
const sentTo = ({ requests }: ScriptedModel): string =>
  JSON.stringify(requests.map(({ body }) => body))

/** Runs the agent, and tells all that came of it. */
async function outcome({ cell, column }: (typeof rows)[number], isPolicy: boolean) {
  const { position, kind, verdict } = cell
  const judge = judgeOf(verdict)
  const guards = [guardOf(kind, verdict, position, judge)]
  const { sent, send, model, prompt } = world(position)
  const a = agent({ name: 'a', model, tools: [send], ...(isPolicy ? {} : { guards }) })
  const policies = isPolicy ? [policy({ name: 'imposed', guards })] : []
  await using runtime = await testRuntime({ flows: [a], policies })
  const run = await runtime.start(a, { prompt })
  const questions = await answerAll(runtime, column)
  const settled = await runtime.settled(run)
  await runtime.verify()
  const { amounts } = await runtime.ever.account(run.id)
  return { settled, sent, model, questions: new Set(questions), judge, amounts }
}

describe.each([
  ['of the agent', false, rows],
  [
    'of a policy, imposed on an agent that knows nothing of it',
    true,
    rows.filter(({ cell }) => cell.kind === 'function'),
  ],
] as const)('a guard %s', (_, isPolicy, some) => {
  test.each(some)('$cell.position: $cell.kind says $cell.verdict: $column', async (row) => {
    const { position, kind, reason = '' } = row.cell
    const end = ends[position][row.column](reason)
    const { settled, sent, model, questions, judge, amounts } = await outcome(row, isPolicy)
    if (end.error) expect(settled).toMatchObject({ status: 'failed', error: end.error })
    else expect(settled).toEqual({ status: 'completed', output: end.output })
    expect(model.requests).toHaveLength(end.asked)
    expect(sent).toEqual(end.sent ?? [])
    expect(questions).toEqual(new Set(end.question === undefined ? [] : [end.question]))
    if (typeof end.told === 'string') expect(lastTextOf(model)).toBe(end.told)
    else if (end.told !== undefined) expect(toldOf(model, 1)).toEqual([end.told])
    if (kind === 'judge') {
      expect(judge.requests.length).toBeGreaterThan(0)
      expect(amounts['tokens']).toBeGreaterThanOrEqual(100 * judge.requests.length)
    }
    // What was not let through is nowhere behind the guard.
    if (row.column === 'allow' || row.column === 'yes') return
    if (position === 'call') expect(sent).not.toContain(bad)
    else expect(sentTo(model)).not.toContain(bad)
    expect(JSON.stringify(settled)).not.toContain(bad)
  })
})
