/**
 * Texts are cut where they are long. A secret that is cut in two is recognised by nobody: not even a
 * piece of it is in the ledger, in a question or in what `onTrouble` is told.
 */
import { expect, test } from 'vitest'
import { agent, flow, guard, open, type OpenOptions, tool, verdict } from 'everloop'
import { scriptedModel } from 'everloop/testing'
import { z } from 'zod'

const secret = 'sq7THISisVERYsecret0123456789abcdefXYZ'
const piece = secret.slice(0, 9)
const text = z.object({ text: z.string() })

/** Flows in which everybody says this. */
function flowsThatSay(said: string): NonNullable<OpenOptions['flows']> {
  const fails = (): never => {
    throw new Error(said)
  }
  const about = { description: 'Says it.', input: text } as const
  const unfit = z.object({ text: z.string().refine(() => false, { error: () => said }) })
  const tools = [
    tool({ ...about, name: 'fails', effect: 'read', run: fails }),
    tool({ ...about, name: 'fails_shortly', effect: 'read', maxResult: 1024, run: fails }),
    tool({ ...about, name: 'returns', effect: 'read', maxResult: 1024, run: () => said }),
    tool({ ...about, name: 'asks', effect: 'once', approval: true, run: fails }),
    tool({ ...about, name: 'doubts', effect: 'once', settle: '1ms', run: fails }),
    tool({ ...about, name: 'unfit', effect: 'read', input: unfit, run: fails }),
  ]
  const ruling = guard({
    name: 'ruling',
    at: 'call',
    check: ({ args }) =>
      JSON.stringify(args).includes('deny') ? verdict.deny(said) : verdict.allow(),
  })
  const answer = {
    text: said,
    toolCalls: [
      ...tools.map(({ name }) => ({ id: name, name, input: { text: said } })),
      { id: 'denied', name: 'fails', input: { text: 'deny' } },
      { id: 'unknown', name: said, input: {} },
      { id: 'broken', name: 'fails', rawInput: `{"text": "${said}` },
    ],
  }
  const model = scriptedModel(({ turn }) => (turn === 0 ? answer : { error: said, status: 400 }), {
    by: 'turn',
  })
  let turns = 0
  const begin: Readonly<Record<string, unknown>> = {}
  return [
    agent({ name: 'speaks', model, tools, guards: [ruling] }),
    flow('impure', (run) =>
      run.loop('l', { state: begin }, (turn) => turn.next({ said, turn: ++turns })),
    ),
    flow('doubted', (run) =>
      run.step('s', { effect: 'once', input: { said }, settle: '1ms' }, fails),
    ),
    flow('failing', (run) => run.step('s', { retry: { attempts: 1 } }, fails)),
  ]
}

const cuts = [60, 80, 100, 150, 200, 300, 500, 1000, 1024, 2000, 4000, 8000]

test.each(cuts)('no piece of a secret is left where a text is cut at %i', async (cut) => {
  for (const before of [20, 32]) {
    const said = `${'x'.repeat(cut - before)}${secret}${'y'.repeat(300)}`
    const flows = flowsThatSay(said)
    const told: string[] = []
    const onTrouble = (error: unknown): void => void told.push(String(error))
    const secrets = { KEY: secret }
    await using ever = await open({ store: 'memory:', flows, work: {}, secrets, onTrouble })
    const entries: string[] = []
    for (const { name } of flows) {
      const run = await ever.start(name, name === 'speaks' ? { prompt: said } : undefined)
      await run.settled()
      entries.push(...(await ever.store.entries(run.id)).map((entry) => JSON.stringify(entry)))
    }
    expect(entries.join('\n')).toContain('HIDDEN_STATE')
    expect(entries.join('\n')).toContain('effect.doubted')
    const all = [...entries, ...told, JSON.stringify(await ever.questions())]
    expect(all.filter((one) => one.includes(piece))).toEqual([])
  }
})
