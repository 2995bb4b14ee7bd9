/** docs/ledger-format.md tells the truth: its numbers, texts and lists are computed again here. */
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { entryHash, headOf, payloadDigest } from '../../src/ledger/chain.ts'
import { decode, digestOf, encode } from '../../src/ledger/codec.ts'
import { type Entry, outcomeKinds, reservedKinds, waitKinds } from '../../src/ledger/entry.ts'
import { readLine, writeLine } from '../../src/ledger/export/line.ts'
import { invariants } from '../../src/ledger/invariants/invariants.ts'
import { payloadKinds } from '../../src/ledger/kinds.ts'
import { explicitKey, nameKey } from '../../src/ledger/path.ts'
import { verifyRun } from '../../src/ledger/invariants/verify.ts'

const doc = readFileSync(new URL('../../docs/ledger-format.md', import.meta.url), 'utf8')

/** The text between a heading and the next one of its level or above. */
function section(heading: string): string {
  const [, level = ''] = /^(#+) /.exec(heading) ?? []
  const from = doc.indexOf(`\n${heading}\n`)
  expect(from, heading).toBeGreaterThan(0)
  const rest = doc.slice(from + heading.length + 2)
  const end = rest.search(new RegExp(`^#{1,${level.length}} `, 'm'))
  return end === -1 ? rest : rest.slice(0, end)
}

/** The cells of a table's body, without their back-ticks. */
const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.slice(1, -1).split('|'))
    .map((cells) => cells.map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')))
    .filter(([first]) => !/^-+$/.test(first ?? ''))
    .slice(1)

const block = (name: string): string =>
  new RegExp(`^\`\`\`${name}\n([^]*?)\n\`\`\`$`, 'm').exec(doc)?.[1] ?? ''

const example = JSON.parse(block('json ledger')) as [Entry, Entry]

test('the worked example is a sound ledger', async () => {
  const verdict = await verifyRun(example, headOf(example[1]))
  expect(verdict).toEqual({ ok: true, entries: 2, erased: 0 })
  for (const [i, entry] of example.entries()) {
    expect(payloadDigest(entry.salt ?? '', entry.payload ?? '')).toBe(entry.digest)
    expect(entryHash(i === 0 ? '' : example[0].hash, entry)).toBe(entry.hash)
    expect(encode(decode(entry.payload ?? ''))).toBe(entry.payload)
  }
})

test('its preimages give its digest and hash byte by byte', () => {
  const [, entry] = example
  const digest = block('text digest')
  const chained = block('text hash')
  expect(hash('sha256', digest, 'base64url')).toBe(entry.digest)
  expect(hash('sha256', chained, 'base64url')).toBe(entry.hash)
  expect(doc).toContain(`The preimage of the second digest, ${digest.length} bytes:`)
  expect(doc).toContain(`The preimage of the second hash, ${chained.length} bytes:`)
})

test('the example of an export is one, of the two entries of the worked example', () => {
  const texts = block('text export').split('\n')
  const lines = texts.map((text) => readLine(text))
  expect(lines.map((line) => line?.is)).toEqual(['export', 'run', 'entry', 'entry', 'head', 'end'])
  for (const [i, line] of lines.entries()) {
    if (line) expect(writeLine(line)).toBe(`${texts[i]}\n`)
  }
  expect(lines.slice(2, 4)).toEqual(example.map((entry) => ({ is: 'entry', ...entry })))
  expect(lines[4]).toMatchObject({ seq: 2, hash: example[1].hash })
  const section = doc.slice(doc.indexOf('## The export document'), doc.indexOf('## Versions'))
  expect(new Set(rows(section).map(([is]) => is))).toEqual(
    new Set([...lines.map((line) => line?.is), 'artifact', 'missing-artifact', 'missing-run']),
  )
})

test('every tag reads and writes as it is shown', () => {
  const shown: Record<string, unknown> = {
    undefined,
    NaN,
    Infinity,
    'minus zero': -0,
    'big integer': -123n,
    date: new Date('2026-01-01'),
    'invalid date': new Date(NaN),
    map: new Map<unknown, unknown>([
      ['a', 1],
      [{ b: 2 }, 3],
    ]),
    set: new Set([1, 'a']),
    bytes: new Uint8Array([0, 255]),
    'key of dollar signs': { $: 1, $ref: 2 },
  }
  const table = rows(section('## Payload text').split('### ')[0] ?? '')
  expect(table.map(([name]) => name)).toEqual([...Object.keys(shown), 'error'].toSorted(byPlace))
  for (const [name = '', text = ''] of table) {
    expect(encode(decode(text)), name).toBe(text)
  }
  const values = table.filter(([name]) => name !== 'error').map(([, text = '']) => decode(text))
  expect(values).toStrictEqual(
    table.filter(([name]) => name !== 'error').map(([name = '']) => shown[name]),
  )

  function byPlace(a: string, b: string): number {
    return doc.indexOf(`\n| ${a} `) - doc.indexOf(`\n| ${b} `)
  }
})

test('the value digest is what it says', () => {
  const [, digest] = /that of the text `\{"cents":500,"order":42\}`: `(.*)`/.exec(doc) ?? []
  expect(digestOf({ order: 42, cents: 500 })).toBe(digest)
})

test('names become the keys that it shows', () => {
  const table = rows(section('## Names, keys, scopes'))
  expect(table).toHaveLength(4)
  for (const [name = '', first, second, explicit] of table) {
    expect([nameKey(name, 1), nameKey(name, 2), explicitKey(name)]).toEqual([
      first,
      second,
      explicit,
    ])
  }
})

test('it lists every kind, and no others', () => {
  const kinds = section('## Kinds').split('### Reserved kinds')
  const listed = rows(kinds[0] ?? '').map(([kind = '']) => kind)
  expect(listed.filter((kind) => /^[a-z]+\.[a-z]+$/.test(kind))).toEqual(payloadKinds)
  const named = (text: string): string[] =>
    Array.from(text.matchAll(/`([a-z]+\.[a-z]+)`/g), ([, kind = '']) => kind)
  const [outcomes = '', waits = ''] = /\*\*Outcomes\*\*[^]*?\*\*Waits\*\*[^]*?\. Code/
    .exec(doc)?.[0]
    .split('**Waits**') ?? ['', '']
  expect(named(outcomes)).toEqual(outcomeKinds)
  expect(named(waits)).toEqual(waitKinds)
  const [list = ''] = (kinds[1] ?? '').split('\n\n`run.forked` will')
  expect(named(list)).toEqual(reservedKinds)
})

test('it lists the invariants as the code says them', () => {
  const listed = section('## Invariants').match(/^- \*\*L\d+\*\* .*$/gm)
  expect(listed).toEqual(invariants.map(({ id, says }) => `- **${id}** ${says}`))
})
