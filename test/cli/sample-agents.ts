/**
 * Agents for the tests of the CLI: what each of them does and asks is written to the file LOG, with
 * the time and the process.
 */
import { appendFileSync } from 'node:fs'
import { z } from 'zod'
import { agent, type ApprovalRule, askPerson, flow, guard, tool, verdict } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/index.ts'

/** What models write is not trusted: this would clear the screen and turn the text around. */
export const evil = 'Bob\u001b[2J\u202e\u0007'

interface Payment {
  readonly to: string
  readonly cents: number
}

const log = (what: string): void => {
  const file = process.env['LOG']
  if (file !== undefined) appendFileSync(file, `${what} ${Date.now()} ${process.pid}\n`)
}

log('loaded')

const input = z.object({
  // What no JSON Schema can say.
  to: z.string().refine((to) => to !== 'Nobody', 'Nobody cannot be paid.'),
  cents: z.number().int().positive(),
})

const paying = (
  name: string,
  approval: ApprovalRule<Payment>,
  payments: readonly Payment[],
  takes: z.ZodType<Payment> = input,
) => {
  const pay = tool({
    name: 'pay',
    description: process.env['OTHER_TOOL'] === undefined ? 'Pays.' : 'Pays twice.',
    input: takes,
    effect: 'idempotent',
    approval,
    run: ({ to, cents }, { runId }) => {
      log(`paid ${JSON.stringify(to)} ${cents} ${runId}`)
      return 'paid'
    },
  })
  const toolCalls = payments.map((payment, i) => ({
    id: `p${i + 1}`,
    name: 'pay',
    input: payment,
  }))
  const model = scriptedModel([{ toolCalls }, { text: `Done ${evil}.` }], { by: 'turn' })
  return agent({ name, model, tools: [pay] })
}

const ada = { to: 'Ada', cents: 100 }
const bob = { to: evil, cents: 20_000 }
const cyd = { to: 'Cyd', cents: 300 }

/** Three calls, one of which needs an approval. */
export const payer = paying('payer', ({ cents }) => cents > 10_000, [ada, bob, cyd])
/** Not by the one who asked for it. */
export const careful = paying('careful', { needed: true, notBy: 'requester' }, [ada])
/** Nobody decides in time. */
export const hasty = paying('hasty', { needed: true, timeout: '30m' }, [ada])
/** Somebody else is asked when nobody has decided in time. */
export const patient = paying(
  'patient',
  { needed: true, approvals: 2, timeout: '3d', escalate: { after: '1d', to: `Eve${evil}` } },
  [ada],
)
/** One call for which somebody is asked. */
export const slow = paying('slow', true, [ada])
/** No other field than these. */
export const exact = paying('exact', true, [ada], z.strictObject(input.shape))
/** Two must allow it. */
export const grave = paying('grave', { needed: true, approvals: 2 }, [ada])
/** Only these, one of whom may have started the run. */
export const chosen = paying(
  'chosen',
  { needed: true, notBy: 'requester', approvers: ['ada', 'cyd'] },
  [ada],
)
/** The call that waits is made two runs below. */
export const middle = flow('middle', (run) => run.child(slow, { prompt: 'Pay.' }))
export const above = flow('above', async (run) => {
  const asks = run.ask('Which color?')
  await run.child(middle, undefined)
  return asks
})
/** The same with time for a race. */
export const racing = paying('racing', { needed: true, timeout: '8s' }, [ada])

/** A call that must not repeat, of which nobody but a person can tell what came of it. */
export const doubtful = agent({
  name: 'doubtful',
  model: scriptedModel(
    ({ turn, text }) =>
      turn === 0
        ? { toolCalls: [{ id: 'r', name: 'refund', input: bob }] }
        : { text: `Heard: ${text}` },
    { by: 'turn' },
  ),
  tools: [
    tool({
      name: 'refund',
      description: 'Refunds.',
      input,
      effect: 'once',
      settle: '1ms',
      run: () => {
        log('refunded')
        throw new Error('connection lost')
      },
    }),
  ],
})

/** Its budget ends before its work. */
export const poor = agent({
  name: 'poor',
  model: scriptedModel([{ toolCalls: [{ id: 'p', name: 'pay', input: ada }] }, { text: 'Done.' }], {
    by: 'turn',
  }),
  tools: [
    tool({
      name: 'pay',
      description: 'Pays.',
      input,
      effect: 'idempotent',
      run: () => 'paid',
    }),
  ],
  budget: { turns: 1 },
})

/** Asks a person before it asks its model. */
export const wary = agent({
  name: 'wary',
  model: scriptedModel([{ text: 'Sent.' }]),
  guards: [guard({ name: 'wary', at: 'request', check: () => verdict.ask('Send it?') })],
})

/** Goes on as long as somebody speaks, and a guard has the last word about what it says. */
export const talker = agent({
  name: 'talker',
  model: scriptedModel(({ text }) => ({ text: `Heard: ${text}` }), { by: 'turn' }),
  conversation: true,
  guards: [
    guard({
      name: 'softly',
      at: 'answer',
      check: ({ text }) =>
        text.includes('LOUD')
          ? verdict.fix(text.replace('LOUD', 'softly'), 'Too loud.')
          : verdict.allow(),
    }),
  ],
})

/** Asks a person for words, and for data. */
export const curious = agent({
  name: 'curious',
  model: scriptedModel(
    ({ turn, text }) =>
      turn === 0
        ? {
            toolCalls: [
              { id: 'w', name: 'ask_words' },
              { id: 'd', name: 'ask_data' },
            ],
          }
        : { text: `Heard: ${text}` },
    { by: 'turn' },
  ),
  tools: [
    askPerson({ name: 'ask_words', description: 'Asks.', prompt: () => 'What color?' }),
    askPerson({
      name: 'ask_data',
      description: 'Asks.',
      prompt: () => 'How many?',
      output: z.object({ count: z.number() }),
    }),
  ],
})
