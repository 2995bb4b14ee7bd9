/**
 * The guard matrix through whole agents: what becomes of the run, and what the model, a person or the
 * reader of the ledger is told, in each cell. Whatever was not allowed did not happen.
 */
import { describe, expect, test } from 'vitest'
import { agent, type Guard, tool } from 'everloop'
import { scriptedModel, type TestRuntime, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { type Cell, guardMatrix, guardOf } from './guard-matrix.ts'
import { promptOf, toldOf } from './prompts.ts'

const bad = 'a forbidden word'
const nice = 'a nice word'

/** An agent in whose run the word stands at one position only, and its world. */
function worldOf(position: Cell['position'], guards: readonly Guard[]) {
  const sent: string[] = []
  const send = tool({
    name: 'send',
    description: 'Sends a text.',
    input: z.object({ text: z.string() }),
    effect: 'idempotent',
    run: ({ text }) => {
      sent.push(text)
      return position === 'result' ? bad : 'sent'
    },
  })
  const model = scriptedModel(({ index }) => {
    if (index > 0) return { text: 'fine' }
    if (position === 'answer' || position === 'output') return { text: bad }
    if (position === 'call' || position === 'result') {
      const text = position === 'call' ? bad : 'hello'
      return { toolCalls: [{ id: 'c1', name: 'send', input: { text } }] }
    }
    return { text: 'fine' }
  })
  const prompt = position === 'input' || position === 'request' ? bad : 'Go.'
  return { sent, model, prompt, made: agent({ name: 'a', model, tools: [send], guards }) }
}

interface Seen {
  readonly end: unknown
  readonly sent: readonly string[]
  /** How often the model was asked, and what it was told last. */
  readonly requests: number
  readonly told: unknown
  /** What people were asked. */
  readonly asked: readonly string[]
}

/** Takes the run to its end; people say yes or no to all they are asked. */
async function seen({ position, kind, verdict }: Cell, says: 'yes' | 'no'): Promise<Seen> {
  const { sent, model, prompt, made } = worldOf(position, [guardOf(kind, verdict, position)])
  await using runtime = await testRuntime({ flows: [made] })
  const run = await runtime.start(made, { prompt })
  const asked: string[] = []
  while (await answered(runtime, says, asked)) await runtime.settle()
  const settled = await runtime.settled(run)
  const end =
    settled.status === 'failed'
      ? { failed: settled.error.code, says: settled.error.message }
      : settled.status === 'completed'
        ? { completed: settled.output }
        : settled
  const last = model.requests.length - 1
  const told =
    position === 'call' || position === 'result'
      ? toldOf(model, last)
      : (promptOf(model, last).at(-1)?.content[0] as { text?: string } | undefined)?.text
  return { end, sent, requests: model.requests.length, told, asked }
}

async function answered(
  { ever }: TestRuntime,
  says: 'yes' | 'no',
  asked: string[],
): Promise<boolean> {
  const [question] = await ever.questions()
  if (!question) return false
  if (question.kind === 'approval') {
    const { id, reason = '' } = await ever.approvals.get(question.id)
    asked.push(reason)
    await (says === 'yes' ? ever.approvals.approve(id) : ever.approvals.deny(id))
  } else {
    asked.push(question.prompt)
    await ever.answer(question.id, { verdict: says === 'yes' ? 'allow' : 'deny' })
  }
  return true
}

const completed = (output: string) => ({ completed: output })
const failed = (code: string, says: string) => ({ failed: code, says })

/** What is to be seen of a cell. */
function expected({ position, kind, outcome, fixed, reason = '' }: Cell, says: 'yes' | 'no'): Seen {
  const isFixed = fixed !== undefined
  const isAllowed = outcome === 'allow' || (outcome === 'ask' && says === 'yes')
  const why = outcome === 'ask' ? 'A person said no.' : reason
  /** Only a guard that looks at the text is content with the next one. */
  const isStubborn = kind !== 'regex'
  const halted = failed('GUARD_HALTED', `Guard "g" halted agent "a": ${reason}`)
  const asks = outcome === 'ask' ? [reason] : []
  switch (position) {
    case 'input':
    case 'request': {
      const what =
        position === 'input' ? 'what agent "a" was asked' : 'a request of agent "a" to its model'
      if (isAllowed) {
        return {
          end: completed('fine'),
          sent: [],
          requests: 1,
          told: isFixed ? nice : bad,
          asked: asks,
        }
      }
      const end =
        outcome === 'halt' ? halted : failed('GUARD_DENIED', `Guard "g" denied ${what}: ${why}`)
      return { end, sent: [], requests: 0, told: undefined, asked: asks }
    }
    case 'answer':
    case 'output': {
      if (isAllowed) {
        return {
          end: completed(isFixed ? nice : bad),
          sent: [],
          requests: 1,
          told: 'Go.',
          asked: asks,
        }
      }
      if (outcome === 'halt') return { end: halted, sent: [], requests: 1, told: 'Go.', asked: [] }
      const told = `Your last answer was not accepted (g): ${why}\nAnswer again.`
      if (!isStubborn) return { end: completed('fine'), sent: [], requests: 2, told, asked: asks }
      const says3 = `Guard "g" denied the ${position} of agent "a" 3 times, the last time because: ${why}`
      const asked = outcome === 'ask' ? [reason, reason, reason] : []
      return { end: failed('GUARD_DENIED', says3), sent: [], requests: 3, told, asked }
    }
    case 'call': {
      if (outcome === 'halt')
        return { end: halted, sent: [], requests: 1, told: undefined, asked: [] }
      const by =
        outcome === 'ask'
          ? 'A person denied the call: no reason was given'
          : `Guard "g" denied the call: ${why}`
      const told = isAllowed
        ? { type: 'text', value: 'sent' }
        : { type: 'execution-denied', reason: by }
      const sent = isAllowed ? [isFixed ? nice : bad] : []
      return { end: completed('fine'), sent, requests: 2, told: [told], asked: asks }
    }
    case 'result': {
      if (outcome === 'halt')
        return { end: halted, sent: ['hello'], requests: 1, told: undefined, asked: [] }
      const told = isAllowed
        ? { type: 'text', value: isFixed ? nice : bad }
        : { type: 'execution-denied', reason: `Guard "g" withheld the result: ${why}` }
      return { end: completed('fine'), sent: ['hello'], requests: 2, told: [told], asked: asks }
    }
  }
}

describe.each(['input', 'request', 'answer', 'call', 'result', 'output'] as const)(
  'at %s',
  (position) => {
    const cells = guardMatrix.filter((cell) => cell.position === position)
    test.each(cells)('a guard of kind $kind that would $verdict', async (cell) => {
      for (const says of ['yes', 'no'] as const) {
        const is = await seen(cell, says)
        const should = expected(cell, says)
        // Where the run was halted nothing was told any more.
        const told = should.told === undefined ? undefined : is.told
        expect({ ...is, told }).toEqual(should)
      }
    })
  },
)
