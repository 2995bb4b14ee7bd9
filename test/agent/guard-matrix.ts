/**
 * What becomes of something at each position, for each verdict and each kind of guard: one exact
 * result a cell. Read by the tests of guards alone and by those of whole agents.
 */
import { guard, type Guard, judgeGuard, regexGuard, verdict } from 'everloop'
import type { GuardPosition, GuardSubjects, GuardVerdict } from 'everloop'
import { type ScriptedModel, scriptedModel } from 'everloop/testing'

export type Kind = 'regex' | 'function' | 'judge' | 'throws' | 'times out' | 'returns nothing'
export type Said = GuardVerdict['is']

/** One cell: what is asked of the guard, and what comes of it. */
export interface Cell {
  readonly position: GuardPosition
  readonly kind: Kind
  readonly verdict: Said
  readonly outcome: 'allow' | 'deny' | 'retry' | 'ask' | 'halt'
  /** For whoever is told: the model, a person, or people who look into the ledger. */
  readonly reason?: string
  /** What stands in the place of what was replaced. */
  readonly fixed?: unknown
}

/** The word that guards of kind "regex" look for. */
export const trigger = 'forbidden'

const tool = {
  name: 'send',
  effect: 'once',
  taints: false,
  writes: 'outside',
} as const

/** Something with the word in it, for each position. */
export const subjects: GuardSubjects = {
  input: { text: 'a forbidden word' },
  request: {
    model: 'm',
    tools: ['send'],
    messages: [{ role: 'user', content: [{ type: 'text', text: 'a forbidden word' }] }],
  },
  answer: { text: 'a forbidden word', calls: [] },
  call: { id: 'c1', tool, args: { text: 'a forbidden word' } },
  result: {
    id: 'c1',
    tool,
    args: {},
    value: 'a forbidden word',
    text: 'a forbidden word',
    isError: false,
  },
  output: { text: 'a forbidden word', value: 'a forbidden word' },
}

/** What a fix makes of each of them. */
const fixes: Readonly<Record<GuardPosition, unknown>> = {
  input: 'a nice word',
  request: [{ role: 'user', content: [{ type: 'text', text: 'a nice word' }] }],
  answer: 'a nice word',
  call: { text: 'a nice word' },
  result: 'a nice word',
  output: 'a nice word',
}

/** A model that judges as a guard of this verdict needs it. */
export const judgeOf = (said: Said): ScriptedModel =>
  scriptedModel(() => ({
    text: JSON.stringify({ answer: said === 'allow' ? 'no' : 'yes', reason: 'I say so.' }),
    usage: { input: 90, output: 10 },
  }))

/**
 * The guard that gives this verdict about the subjects above. It is called "g". A judge asks the
 * model, or, without one, a function.
 */
export function guardOf(kind: Kind, said: Said, at: GuardPosition, model?: ScriptedModel): Guard {
  const name = 'g'
  switch (kind) {
    case 'regex': {
      const options = { name, at, what: 'a bad word' }
      if (said === 'allow') return regexGuard({ ...options, patterns: 'unheard of' })
      return regexGuard({ ...options, patterns: trigger, replacement: 'nice', reaction: said })
    }
    case 'function':
      return guard({ name, at, check: () => verdictOf(said, at) })
    case 'judge': {
      const answer = said === 'allow' ? 'no' : 'yes'
      const judge = (): Promise<string> =>
        Promise.resolve(JSON.stringify({ answer, reason: 'I say so.' }))
      const options = { name, at, question: 'Is it bad?', ...(model ? { model } : { judge }) }
      return judgeGuard(said === 'allow' ? options : { ...options, reaction: said as 'deny' })
    }
    case 'throws':
      return guard({
        name,
        at,
        check: () => {
          throw new Error('out of order')
        },
      })
    case 'times out':
      return guard({ name, at, timeout: '5s', check: () => new Promise<never>(() => {}) })
    case 'returns nothing':
      return guard({ name, at, check: () => undefined as never })
  }
}

function verdictOf(said: Said, at: GuardPosition): GuardVerdict {
  switch (said) {
    case 'allow':
      return verdict.allow()
    case 'deny':
      return verdict.deny('Not so.')
    case 'fix':
      return verdict.fix(fixes[at], 'Mended.')
    case 'retry':
      return verdict.retry('Once more.')
    case 'ask':
      return verdict.ask('Is this all right?')
    case 'halt':
      return verdict.halt('Enough.')
  }
}

type Row = readonly [said: Said, outcome: Cell['outcome'], reason?: string]

/** Where the model can try again. */
const afterModel: Readonly<Record<'regex' | 'function' | 'judge', readonly Row[]>> = {
  regex: [
    ['allow', 'allow'],
    ['deny', 'deny', 'It holds a bad word.'],
    ['fix', 'allow'],
    ['retry', 'retry', 'It holds a bad word.'],
    ['ask', 'ask', 'It holds a bad word. Let it go on?'],
    ['halt', 'halt', 'It holds a bad word.'],
  ],
  function: [
    ['allow', 'allow'],
    ['deny', 'deny', 'Not so.'],
    ['fix', 'allow'],
    ['retry', 'retry', 'Once more.'],
    ['ask', 'ask', 'Is this all right?'],
    ['halt', 'halt', 'Enough.'],
  ],
  // A judge says yes or no: it has nothing to put in the place of what it refuses.
  judge: [
    ['allow', 'allow'],
    ['deny', 'deny', 'I say so.'],
    ['retry', 'retry', 'I say so.'],
    ['ask', 'ask', 'I say so. Let it go on?'],
    ['halt', 'halt', 'I say so.'],
  ],
}

/** Before the model has said anything a wish for another try denies. */
const beforeModel: typeof afterModel = {
  regex: afterModel.regex.map((row) =>
    row[0] === 'retry' ? ['retry', 'deny', 'It holds a bad word.'] : row,
  ),
  function: afterModel.function.map((row) =>
    row[0] === 'retry' ? ['retry', 'deny', 'Once more.'] : row,
  ),
  judge: afterModel.judge.map((row) => (row[0] === 'retry' ? ['retry', 'deny', 'I say so.'] : row)),
}

/** Guards that give no verdict, whatever they were made for. */
const broken: readonly (readonly [Kind, string])[] = [
  ['throws', 'Guard "g" failed, so this was denied.'],
  ['times out', 'Guard "g" did not answer within 5s, so this was denied.'],
  ['returns nothing', 'Guard "g" returned no verdict, so this was denied.'],
]

const saids: readonly Said[] = ['allow', 'deny', 'fix', 'retry', 'ask', 'halt']

function cellsAt(position: GuardPosition): Cell[] {
  const rows = position === 'input' || position === 'request' ? beforeModel : afterModel
  const decided = (['regex', 'function', 'judge'] as const).flatMap((kind) =>
    rows[kind].map(([said, outcome, reason]): Cell => ({
      position,
      kind,
      verdict: said,
      outcome,
      ...(reason === undefined ? {} : { reason }),
      ...(said === 'fix' ? { fixed: fixes[position] } : {}),
    })),
  )
  const failed = broken.flatMap(([kind, reason]) =>
    saids.map((said): Cell => ({ position, kind, verdict: said, outcome: 'deny', reason })),
  )
  return [...decided, ...failed]
}

export const guardMatrix: readonly Cell[] = (
  ['input', 'request', 'answer', 'call', 'result', 'output'] as const
).flatMap(cellsAt)
