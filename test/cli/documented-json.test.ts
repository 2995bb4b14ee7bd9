/** What docs/cli.md says of questions and approvals as JSON against what the commands give. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent, flow, guard, open, tool, verdict } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/index.ts'
import { everloopJson } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'cli.md'), 'utf8')

type Document = Readonly<Record<string, unknown>>

/** Each field below this heading, and whether it may be left out. */
function documented(heading: string): ReadonlyMap<string, { readonly mayMiss: boolean }> {
  const [, section = ''] = text.split(`### ${heading}\n`)
  const rows = section.split(/^#/m)[0]?.matchAll(/^\| `(\w+)`( \\\*)? *\|/gm) ?? []
  return new Map(Array.from(rows, ([, name = '', star]) => [name, { mayMiss: star !== undefined }]))
}

/** Only runs that an older everloop has asked in lack these. */
const recordedLater: ReadonlySet<string> = new Set(['argsSchema'])

/** The documents have these fields, each of them at least once, and no others. */
function expectFields(heading: string, documents: readonly Document[]): void {
  const fields = documented(heading)
  expect(fields.size).toBeGreaterThan(0)
  const always = [...fields].flatMap(([name, { mayMiss }]) => (mayMiss ? [] : [name]))
  for (const document of documents)
    expect(Object.keys(document)).toEqual(expect.arrayContaining(always))
  const given = new Set(documents.flatMap((document) => Object.keys(document)))
  expect([...given].toSorted()).toEqual([...fields.keys()].toSorted())
  for (const [name, { mayMiss }] of fields) {
    const isThere = documents.every((document) => name in document)
    expect([name, isThere]).toEqual([name, !mayMiss || recordedLater.has(name)])
  }
}

const even = z.number().refine((n) => n % 2 === 0, { error: 'it is odd' })
const asks = flow('asks', (run) => run.ask('How many?', { schema: even, timeout: '3d' }))
const asksAnything = flow('asks-anything', (run) => run.ask('What?'))
const pay = tool({
  name: 'pay',
  description: 'Pays.',
  input: z.object({ to: z.string().refine((to) => to !== 'Nobody') }),
  effect: 'idempotent',
  approval: ({ to }) =>
    to === 'Ada'
      ? {
          needed: true,
          approvals: 2,
          approvers: ['ann', 'bob', 'cyd'],
          timeout: '3d',
          escalate: { after: '1d', to: 'eve' },
        }
      : to === 'Bob',
  run: () => 'paid',
})
const doubtful = tool({
  name: 'doubtful',
  description: 'Fails.',
  effect: 'once',
  settle: '1ms',
  run: () => {
    throw new Error('connection lost')
  },
})
const ring = tool({
  name: 'ring',
  description: 'Rings.',
  inputSchema: { type: 'object' },
  effect: 'read',
  approval: true,
  run: () => 'rung',
})
const wary = guard({
  name: 'wary',
  at: 'call',
  check: ({ args }) =>
    JSON.stringify(args).includes('Cyd') ? verdict.ask('Cyd?') : verdict.allow(),
})
const payer = agent({
  name: 'payer',
  model: scriptedModel([
    {
      toolCalls: [
        ...['Ada', 'Bob', 'Cyd'].map((to) => ({ name: 'pay', input: { to } })),
        { name: 'ring' },
      ],
    },
    { text: 'Done.' },
  ]),
  tools: [pay, ring],
  guards: [wary],
})
const doubter = agent({
  name: 'doubter',
  model: scriptedModel([{ toolCalls: [{ name: 'doubtful' }] }]),
  tools: [doubtful],
})

test('questions and approvals as JSON have the fields that are documented', async () => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const cli = async <T>(...args: string[]): Promise<T> => {
    const { document, error } = await everloopJson<T>([...args, '--store', store])
    expect(error.code).toBe('')
    return document
  }
  const flows = [asks, asksAnything, payer, doubter]
  const ids: Record<string, string> = {}
  {
    await using ever = await open({ store, flows })
    await ever.start(asks, undefined, { id: 'asks-1' })
    await ever.start(asksAnything, undefined, { id: 'asks-2' })
    await ever.start(payer, { prompt: 'Pay.' }, { id: 'pay-1' })
    await ever.start(doubter, { prompt: 'Doubt.' }, { id: 'doubt-1' })
    await expect
      .poll(async () => {
        await ever.work({ until: 'idle' })
        return (await ever.questions()).length
      })
      .toBe(7)
    for (const { id, args } of await ever.approvals.list()) {
      ids[(args as { readonly to?: string }).to ?? 'ring'] = id
    }
    await cli('questions', 'answer', 'asks-1', '3')
    await cli('runs', 'cancel', 'doubt-1', '--yes', '--reason', 'Too late.')
    await cli('approvals', 'edit', ids['Bob'] ?? '', '{"to":"Nobody"}')
    await ever.work({ until: 'idle' })
  }
  const [bob] = (
    await cli<{ approvals: { id: string; args: { to: string } }[] }>('approvals', 'list')
  ).approvals.filter(({ args }) => args.to === 'Bob')
  await cli('approvals', 'assign', bob?.id ?? '', 'Eve', '--by', 'Ann')
  await cli('approvals', 'snooze', bob?.id ?? '', '--for', '2h')
  await cli('approvals', 'approve', ids['Ada'] ?? '', '--by', 'ann', '--reason', 'Fine.')
  await cli('approvals', 'edit', ids['Cyd'] ?? '', '{"to":"Dan"}')
  {
    await using ever = await open({ store })
    await ever.approvals.approve(ids['ring'] ?? '', { args: { at: new Date(0) } })
  }

  const listed = await cli<{ questions: Document[]; answered: string[] }>('questions', 'list')
  expect(Object.keys(listed)).toEqual(['questions', 'answered'])
  const shown = await Promise.all(
    listed.questions.map(({ id }) => cli<Document>('questions', 'show', String(id))),
  )
  expectFields('A question', shown)
  for (const [i, { refused: _, cancelling: __, ...rest }] of shown.entries()) {
    expect(rest).toEqual(listed.questions[i])
  }
  const approvals = await cli<{ approvals: Document[]; snoozed: number }>('approvals', 'list')
  expect(Object.keys(approvals)).toEqual(['approvals', 'snoozed'])
  expect(approvals.snoozed).toBe(1)
  const all = await cli<typeof approvals>('approvals', 'list', '--all')
  expect(all.snoozed).toBe(0)
  expectFields('An approval', all.approvals)
  for (const approval of all.approvals) {
    expect(await cli('approvals', 'show', String(approval['id']))).toEqual(approval)
  }
  const [{ votes } = {}] = all.approvals.filter(({ tool: name }) => name === 'ring')
  const at = { $: 'date', v: '1970-01-01T00:00:00.000Z' }
  expect(votes).toMatchObject([{ args: { at } }])
  expectFields(
    'A vote',
    all.approvals.flatMap(({ votes }) => votes as Document[]),
  )
})
