/** What is no whole and sound export of runs that have ended is refused with a code, and changes nothing. */
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Ever, EverloopError, open } from 'everloop'
import type { AnyDraft, Entry } from '../../src/ledger/index.ts'
import { payloadKinds } from '../../src/ledger/kinds.ts'
import { runDrafts, step } from '../../src/testing/chain-builder.ts'
import {
  type AnyText,
  artifactLine,
  begin,
  end,
  entryLine,
  headLine,
  type Line,
  linesOf,
  runLine,
  says,
  sealed,
  textOf,
} from './documents.ts'
import { exported, onFile, strays } from './places.ts'
import { makeFolder } from '../test-folder.ts'

const put = (key: string, artifact: unknown): AnyDraft =>
  step(key, { artifact, name: 'rows', bytes: 4 })

const rows = artifactLine(Buffer.from('rows'))
const more = artifactLine(Buffer.from('more'))
const large = artifactLine(Buffer.alloc(800_000))

const entries = sealed('one', [
  put('artifact rows', rows['hash']),
  { scope: '', key: 'child', kind: 'child.started', record: { run: 'one.below', flow: 'flow' } },
  step('s', 'caf\u00e9'),
  runDrafts.completed,
])
const parent = { run: 'one', scope: '', key: 'child' }
const below = sealed('one.below', [runDrafts.failed()], { parent })

/** The right one: a run with an artifact, and one that it has started, which is missing. */
const lines: readonly Line[] = [
  begin('one'),
  runLine('one'),
  entryLine(entries[0] as Entry),
  rows,
  ...entries.slice(1).map(entryLine),
  headLine(entries.at(-1) as Entry),
  { is: 'missing-run', run: 'one.below' },
  end(1, 5, 1),
]
const text = textOf(lines)

const changed = (at: number, change: Line): string =>
  textOf(lines.with(at, { ...lines[at], ...change }))
const replaced = (at: number, ...others: readonly Line[]): string =>
  textOf(lines.toSpliced(at, 1, ...others))
const inserted = (at: number, ...others: readonly Line[]): string =>
  textOf(lines.toSpliced(at, 0, ...others))
const removed = (at: number): string => textOf(lines.toSpliced(at, 1))
/** The text with another one in the place of what stands there once. */
function edited(from: string, to: string): string {
  expect(text.split(from)).toHaveLength(2)
  return text.replace(from, to)
}
const forged = (drafts: readonly AnyText[], rest: Line = {}): string =>
  textOf(linesOf(sealed('one', [...drafts, runDrafts.completed]), rest))
/** A run that has started itself again, or each other. */
const startsItself = says('child.started', { run: 'one', flow: 'flow' }, 'c')

type Case = readonly [name: string, document: string | Buffer, told: RegExp, code?: string]

const broken: readonly Case[] = [
  // No export, or not the whole of one.
  ['nothing', '', /Line 1 .*nothing to import/],
  ['an empty line', '\n', /Line 1 .*does not begin an export/],
  ['something else', 'PK\u0003\u0004 a zip file\n', /Line 1 .*does not begin an export/],
  ['another JSON document', '{"run":"one"}\n', /Line 1 .*does not begin an export/],
  ['a list', '[]\n', /Line 1 .*does not begin an export/],
  ['an export of somebody else', edited('"everloop"', '"other"'), /Line 1 .*does not begin/],
  ['a mark of UTF-8 before it', Buffer.from(`\ufeff${text}`), /Line 1 .*does not begin/],
  ['UTF-16', Buffer.from(text, 'utf16le'), /Line 1 .*does not begin/],
  ['an end in the middle of a line', text.slice(0, -9), /Line 11 .*in the middle of a line/],
  ['no end behind the last line', text.trimEnd(), /Line 11 .*in the middle of a line/],
  ...lines.map((_, at): Case => {
    const cut = textOf(lines.slice(0, at))
    return [`the first ${at} lines`, cut, new RegExp(`Line ${at + 1} .*is missing`)]
  }),
  ...lines.slice(1).map((line, at): Case => {
    return [
      `all but line ${at + 2} (${String(line['is'])})`,
      removed(at + 1),
      /Nothing was imported/,
    ]
  }),
  ...lines.map((line, at): Case => {
    const twice = inserted(at, line)
    return [`line ${at + 1} (${String(line['is'])}) twice`, twice, /Nothing was imported/]
  }),
  ['something behind its end', `${text}\n`, /Line 12 .*no line that an export has/],
  ['two exports in one', text + text, /Line 12 .*behind the end/],
  ['an export inside of another', inserted(5, begin('one')), /another export inside/],
  [
    'a count of entries that is another',
    changed(10, { entries: 4 }),
    /Line 11 .*counts something else/,
  ],
  ['a count of runs that is another', changed(10, { runs: 2 }), /Line 11 .*counts something else/],
  [
    'a count of artifacts that is another',
    changed(10, { artifacts: 0 }),
    /Line 11 .*counts something/,
  ],

  // Lines that are written otherwise.
  ['lines that end as on Windows', text.replaceAll('\n', '\r\n'), /Line 1 .*does not begin/],
  ['white space', edited('"seq":3,', '"seq": 3,'), /Line 6 .*no line that an export has/],
  ['a field more', changed(5, { more: 1 }), /no line that an export has/],
  ['a prototype', edited('"seq":3,', '"seq":3,"__proto__":{"seq":2},'), /no line that an export/],
  ['a constructor', edited('"is":"head"', '"is":"constructor"'), /no line that an export has/],
  ['a field twice', edited('"seq":3,', '"seq":2,"seq":3,'), /no line that an export has/],
  ['a field less', edited('"queue":"default",', ''), /no line that an export has/],
  ['fields in another order', edited('"seq":3,"epoch":1,', '"epoch":1,"seq":3,'), /no line that/],
  ['a number written otherwise', edited('"seq":3,', '"seq":3.0,'), /no line that an export has/],
  ['a number that is a text', edited('"seq":3,', '"seq":"3",'), /no line that an export has/],
  ['a number that is no whole one', changed(5, { time: 1000.5 }), /no line that an export has/],
  ['a number below zero', changed(5, { epoch: -1 }), /no line that an export has/],
  ['a number beyond all', edited('"seq":3,', '"seq":9007199254740993,'), /no line that an export/],
  ['letters that are not escaped', edited('caf\\\\u00e9', 'caf\u00e9'), /no line that an export/],
  ['an escape that is none of its own', edited('"key":"s"', '"key":"\\u0073"'), /no line that an/],
  ['NUL', edited('"key":"s"', '"key":"\u0000"'), /no line that an export has/],
  ['a payload that is an object', changed(5, { payload: {} }), /no line that an export has/],
  ['labels that are no texts', changed(1, { labels: { a: 1 } }), /no line that an export has/],
  ['a parent that is no id', changed(1, { parent: '../x' }), /no line that an export has/],
  ['an id that is none', textOf([begin('a b')]), /does not begin an export/],
  ['JSON nested without end', `${text.split('\n')[0]}\n${'['.repeat(1e6)}\n`, /no line that an/],

  // Lines that stand where they do not belong.
  [
    'a run that was not announced',
    replaced(1, runLine('other')),
    /is of run "other" where run "one"/,
  ],
  [
    'an entry of another run',
    replaced(5, entryLine(below[0] as Entry)),
    /entry of run "one.below"/,
  ],
  ['the end of another run', replaced(8, headLine(below[1] as Entry)), /ends a run that has not/],
  ['an entry before its run', textOf([begin('one'), entryLine(entries[0] as Entry)]), /outside/],
  ['an artifact before its run', textOf([begin('one'), rows]), /artifact outside of a run/],
  [
    'the exported run as missing',
    textOf([begin('one'), { is: 'missing-run', run: 'one' }, end(0, 0)]),
    /exported run itself/,
  ],
  [
    'a run inside of another',
    inserted(4, runLine('one.below')),
    /stands in the middle of run "one"/,
  ],
  ['a run that nobody has started', inserted(9, runLine('stray')), /is of run "stray" where run/],
  [
    'a run behind the last',
    inserted(10, runLine('stray')),
    /which no run in the export has started/,
  ],
  [
    'a run below that belongs to another',
    replaced(9, runLine('one.below', { parent: 'x' })),
    /has another parent than run "one"/,
  ],
  [
    'a run below of an export without',
    replaced(0, begin('one', false)),
    /which no run in the export/,
  ],
  [
    'an entry that names the artifact too early',
    textOf([...lines.slice(0, 3), lines[4] as Line]),
    /Line 4 .*names artifact/,
  ],
  ['an artifact that nobody names', inserted(5, more), /does not name artifact/],
  ['an artifact that nobody names, at last', inserted(8, more), /does not name artifact/],

  // Artifacts that are others.
  ['an artifact of other bytes', replaced(3, { ...rows, data: 'bW9yZQ==' }), /have another hash/],
  [
    'an artifact that says another length',
    replaced(3, { ...rows, bytes: 5 }),
    /is not the next piece/,
  ],
  ['an artifact of too many bytes', replaced(3, { ...rows, bytes: 3 }), /is not the next piece/],
  ['an artifact that begins later', replaced(3, { ...rows, at: 1 }), /is not the next piece/],
  [
    'base64 that is written otherwise',
    replaced(3, { ...rows, data: 'cm93cx==' }),
    /is not the next/,
  ],
  ['base64 of the other alphabet', replaced(3, { ...rows, data: 'cm93cw' }), /is not the next/],
  ['an artifact that is larger than any', replaced(3, { ...rows, bytes: 2e9 }), /larger than any/],
  [
    'half of an artifact',
    replaced(3, { ...large, data: String(large['data']).slice(0, 1024 * 1024) }),
    /in the middle of an artifact/,
  ],
  [
    'an artifact in pieces of its own',
    replaced(3, { ...rows, data: 'cm8=' }, { ...rows, at: 2, data: 'd3M=' }),
    /is not the next piece/,
  ],
  [
    'another artifact in the middle of one',
    replaced(3, { ...large, data: String(large['data']).slice(0, 1024 * 1024) }, rows),
    /inside of another/,
  ],
  [
    'a gap for what an entry needs',
    replaced(3, { is: 'missing-artifact', hash: rows['hash'] }),
    /was missing where it was exported/,
  ],

  // Ledgers that are not what was written.
  ['another payload', edited('caf\\\\u00e9', 'cafe'), /entry 4 of run "one" .*L2/],
  ['another key', edited('"key":"s"', '"key":"t"'), /entry 4 of run "one" .*L2/],
  ['another hash', changed(7, { hash: 'A'.repeat(43) }), /entry 5 of run "one" .*L2/],
  ['another salt', changed(6, { salt: 'other' }), /entry 4 of run "one" .*L2/],
  ['a salt without its payload', changed(6, { payload: null }), /entry 4 of run "one" .*L2/],
  [
    'an entry less, the others counted anew',
    textOf([
      ...lines.slice(0, 6),
      { ...lines[7], seq: 4 },
      { ...lines[8], seq: 4 },
      lines[9] as Line,
      end(1, 4, 1),
    ]),
    /entry 4 of run "one" .*L2/,
  ],
  ['another head', changed(8, { hash: 'A'.repeat(43) }), /is not the run's head.*L12/],
  ['a head further on', changed(8, { seq: 9 }), /entry 6 of run "one" is missing.*L12/],
  ['a head further back', changed(8, { seq: 4 }), /stands behind the run's head.*L12/],
  [
    'a run without entries',
    textOf([begin('one'), runLine('one'), { is: 'head', run: 'one', seq: 0, hash: '' }, end(1, 0)]),
    /entry 1 of run "one" is missing/,
  ],
  ['another flow than was started', changed(1, { flow: 'other' }), /flow: "other" in the row.*L12/],
  ['another version', changed(1, { version: '2' }), /version: "2" in the row.*L12/],
  ['another queue', changed(1, { queue: 'fast' }), /queue: "fast" in the row.*L12/],
  ['labels that nobody gave', changed(1, { labels: { a: 'b' } }), /labels: .*L12/],
  ['a parent that it does not have', changed(1, { parent: 'p' }), /parent: "p" in the row.*L12/],

  // Chains that fit, and say what nobody writes: whoever computes hashes can make them.
  ['a step behind its end', forged([runDrafts.completed, step('s')]), /L6/],
  ['two outcomes of a step', forged([step('s'), step('s')]), /L7/],
  [
    'a timer that fired too early',
    forged([says('timer.set', { due: 4e12 }, 't'), says('timer.fired', {}, 't')]),
    /L9/,
  ],
  ['a payload that is no record', forged([says('step.completed', 7, 's')]), /L10/],
  [
    'a payload nested beyond all',
    forged([
      { ...step('s'), payload: `{"value":${'['.repeat(1e5)}{"$":"undefined"}${']'.repeat(1e5)}}` },
    ]),
    /L10/,
  ],
  [
    'a reference ahead',
    forged([says('input.drifted', { of: 9, recorded: 'a', given: 'b' }, 's')]),
    /L11/,
  ],
  [
    'a title that is no text',
    forged([says('note.titled', { title: 7 }, 't')]),
    /title that is no text/,
  ],
  [
    'a version that is no text',
    forged([says('run.migrated', { version: 7 })]),
    /version that is no text/,
  ],
  [
    'an error that is none',
    textOf(linesOf(sealed('one', [says('run.failed', { error: null })]))),
    /fields that nobody writes/,
  ],
  [
    'a code that is no text',
    textOf(linesOf(sealed('one', [says('run.failed', { error: { code: {} } })]))),
    /code that is no text/,
  ],
  [
    'scopes that are none',
    forged([
      runDrafts.failed(),
      says('run.retried', { forget: [], reopen: [{ path: 1, from: 1 }] }),
    ]),
    /opens what is no scope|L11/,
  ],
  [
    'a list that is none',
    forged([runDrafts.failed(), says('run.retried', { forget: 1, reopen: 1 })]),
    /fields that nobody writes|L/,
  ],
  [
    'a charge that gives back',
    forged([
      says('step.completed', { charge: { to: ['one'], amounts: { tokens: -5 } }, value: 1 }, 's'),
    ]),
    /charges what cannot be/,
  ],
  [
    'a child that is itself',
    textOf([
      ...linesOf(sealed('one', [startsItself, runDrafts.completed])).slice(0, -1),
      runLine('one'),
    ]),
    /which no run in the export has started/,
  ],

  // What this version does not know.
  ['a newer format', changed(0, { format: 2 }), /has format 2.*Update everloop/, 'EXPORT_NEWER'],
  [
    'a newer format with other fields',
    `${JSON.stringify({ is: 'export', of: 'everloop', format: 3, runs: ['one'] })}\n`,
    /has format 3/,
    'EXPORT_NEWER',
  ],
  [
    'a kind of a later version',
    forged([says('budget.raised', {})]),
    /kind "budget.raised".*Update/,
    'EXPORT_NEWER',
  ],
  [
    'a kind that nobody knows',
    forged([says('x'.repeat(500), {}, 'k')]),
    /kind "x{60}".*Update/,
    'EXPORT_NEWER',
  ],

  // Runs that would be executed in two places.
  [
    'a run that goes on',
    textOf(linesOf(sealed('one', [step('s')]))),
    /had not ended.*was active/,
    'RUN_STATE',
  ],
  [
    'a run that is paused',
    textOf(linesOf(sealed('one', [runDrafts.paused()]))),
    /was paused/,
    'RUN_STATE',
  ],
  [
    'a run that is retried',
    textOf(linesOf(sealed('one', [runDrafts.failed(), runDrafts.retried([])]))),
    /was active/,
    'RUN_STATE',
  ],
  [
    'a run below that goes on',
    replaced(
      9,
      runLine('one.below', { parent: 'one' }),
      entryLine(below[0] as Entry),
      headLine(below[0] as Entry),
    ),
    /Run "one.below" had not ended/,
    'RUN_STATE',
  ],
]

const cases = broken.map(([name, document, told, code = 'BAD_EXPORT']) => ({
  name,
  document,
  told,
  code,
}))

describe('an import', () => {
  let target: Ever
  const { path, remove } = makeFolder()
  beforeAll(async () => {
    target = await open({ store: `sqlite:${join(path, 'ledger.db')}?durability=process` })
  })
  afterAll(async () => {
    expect(strays(path)).toEqual([])
    await target.close()
    remove()
  })

  const state = async (): Promise<unknown> => ({
    runs: await target.list(),
    followed: await target.store.follow(0, 100),
    artifact: await target.store.artifact(String(rows['hash'])),
    account: await target.store.account('one'),
    queues: await target.store.queues(),
  })

  test('of the right one succeeds, so the wrong ones are wrong for what was changed', async () => {
    const other = await onFile()
    const [imported] = await other.import(text)
    expect(imported).toEqual({ run: 'one', created: true })
    expect(await exported(other, 'one')).toBe(text)
  })

  test.each(cases)('of $name is refused', async ({ document, told, code }) => {
    const before = await state()
    const error: unknown = await target.import(document).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code, message: expect.stringMatching(told) })
    expect(String(error)).toMatch(/Nothing was imported\.$/)
    expect(String(error).length).toBeLessThan(1000)
    expect(await state()).toEqual(before)
  })

  test('of a line without end is refused before the memory is full', async () => {
    let given = 0
    const endless = (function* () {
      for (const piece = 'x'.repeat(1024 * 1024); ; given++) yield piece
    })()
    const refused = { code: 'BAD_EXPORT', message: expect.stringMatching(/longer than any entry/) }
    await expect(target.import(endless)).rejects.toMatchObject(refused)
    expect(given).toBeLessThan(200)
  })

  test('of whatever fits together ends in sound runs, or with one of four codes', async () => {
    const value = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(null, 0, 1, 2, -1, 1e99, '', 'x', true, [], {}) },
      fc.constantFrom([1], ['x'], [null], [{ path: 'a', from: 1 }], [{ path: 0 }], { run: 'p' }),
      fc.constantFrom({ to: ['one', 'p'], amounts: { tokens: 1 } }, { name: 'E', code: 7 }),
    )
    const names =
      `action ancestors args attempt attempts base because by call cause charge code data
      deadline delta due effect error forget input labels lost message name of otherwise output over
      parent payload position prompt reason recorded reopen run schema scopes seeded taints text title
      to tool undo undo value verdict verdicts version via votes`.split(/\s+/)
    const record = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 5 })
    const any = fc
      .tuple(
        fc.constantFrom(...payloadKinds.filter((kind) => kind !== 'run.started')),
        fc.oneof(record, value),
        fc.constantFrom('', 'k', 'l', '1'),
        fc.constantFrom('', '', 'k', 'k/1'),
      )
      .map(([kind, said, key, scope]) => says(kind, said, key, scope))
    const last = fc.oneof(
      fc.constant(runDrafts.completed),
      record.map((said) => says('run.failed', said)),
    )
    const codes = ['BAD_EXPORT', 'EXPORT_NEWER', 'RUN_STATE', 'RUN_EXISTS']
    const count = { imported: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(
        fc.array(any, { maxLength: 3 }),
        last,
        record,
        async (drafts, ending, rest) => {
          const run = `r${count.imported + count.refused}`
          const { flow = 'flow', ...others } = rest
          const forgery = sealed(run, [...drafts, ending], { ...others, flow })
          const row = { version: rest['version'] ?? '1', labels: rest['labels'] ?? {} }
          try {
            await target.import(textOf(linesOf(forgery, row)))
            count.imported++
            expect(await target.verify(run)).toMatchObject({ ok: true })
          } catch (error) {
            expect(EverloopError.is(error) && codes.includes(error.code), String(error)).toBe(true)
            count.refused++
            expect(await target.store.run(run)).toBeUndefined()
          }
        },
      ),
      { numRuns: 300 },
    )
    expect(count.imported).toBeGreaterThan(10)
    expect(count.refused).toBeGreaterThan(100)
  })
})
