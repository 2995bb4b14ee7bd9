/** Verifying a run finds every kind of damage where it was done, without holding the ledger. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptyHead, entryHash, headOf, seal } from '../../src/ledger/chain.ts'
import { type AnyDraft, type Entry, type EntryKind, reservedKinds } from '../../src/ledger/entry.ts'
import { verifyRun } from '../../src/ledger/invariants/verify.ts'
import { payloadKinds } from '../../src/ledger/kinds.ts'
import { draft, ledgerOf, resealed, run, started, step, story } from './ledger.ts'

const entries = ledgerOf(story)
const head = headOf(entries.at(-1) as Entry)

/** The first thing that is wrong. */
async function firstOf(damaged: readonly Entry[], at = head): Promise<unknown> {
  const verdict = await verifyRun(damaged, at)
  return verdict.ok ? undefined : { id: verdict.violations[0]?.id, seq: verdict.violations[0]?.seq }
}

const positions = fc.integer({ min: 1, max: entries.length })

describe('verifyRun', () => {
  test('passes a sound ledger, from a list, a stream and pages', async () => {
    async function* stream(): AsyncGenerator<Entry> {
      for (const entry of entries) yield await Promise.resolve(entry)
    }
    const page = (after: number): Promise<readonly Entry[]> =>
      Promise.resolve(entries.slice(after, after + 7))
    const verdict = { ok: true, entries: entries.length, erased: 0 }
    expect(await verifyRun(entries, head)).toEqual(verdict)
    expect(await verifyRun(stream(), head)).toEqual(verdict)
    expect(await verifyRun(page, head)).toEqual(verdict)
  })

  test('counts what was erased', async () => {
    const erased = entries.map((e) => (e.seq % 2 === 0 ? { ...e, payload: null, salt: null } : e))
    expect(await verifyRun(erased, head)).toEqual({ ok: true, entries: 26, erased: 13 })
  })

  test('finds an edit at the entry that was edited', async () => {
    const edit = fc.constantFrom<Partial<Entry>>(
      { payload: '{"value":"other"}' },
      { key: 'other' },
      { scope: 'other' },
      { kind: 'step.failed' },
      { time: 7 },
      { epoch: 9 },
      { hash: 'A'.repeat(43) },
    )
    await fc.assert(
      fc.asyncProperty(positions, edit, async (seq, change) => {
        const damaged = entries.map((entry) =>
          entry.seq === seq ? { ...entry, ...change } : entry,
        )
        // An entry that is what it would be edited to is not damaged.
        fc.pre(JSON.stringify(damaged) !== JSON.stringify(entries))
        const verdict = await verifyRun(damaged, head)
        const found = verdict.ok ? [] : verdict.violations
        expect(found.find(({ id }) => id === 'L2')).toMatchObject({ seq })
      }),
    )
  })

  test('finds a deletion behind the gap', async () => {
    for (let seq = 1; seq < entries.length; seq++) {
      const damaged = entries.filter((entry) => entry.seq !== seq)
      expect(await firstOf(damaged)).toEqual({ id: 'L1', seq: seq + 1 })
    }
  })

  test('finds a deletion that was covered up by counting anew', async () => {
    for (let seq = 2; seq < entries.length; seq++) {
      const damaged = entries
        .filter((entry) => entry.seq !== seq)
        .map((entry, i) => ({ ...entry, seq: i + 1 }))
      const verdict = await verifyRun(damaged, head)
      const broken = verdict.ok ? undefined : verdict.violations.find(({ id }) => id === 'L2')
      expect(broken).toMatchObject({ seq })
    }
  })

  test('finds an insertion', async () => {
    await fc.assert(
      fc.asyncProperty(positions, async (seq) => {
        const forged = seal(step('forged'), {
          run,
          epoch: 1,
          time: 0,
          head: headOf(entries[seq - 1] as Entry),
          salt: 's',
        })
        const damaged = entries.toSpliced(seq, 0, forged)
        expect(await firstOf(damaged)).toMatchObject({ seq: seq + 1 })
      }),
    )
  })

  test('finds two entries that changed places', async () => {
    for (let at = 1; at < entries.length - 1; at++) {
      const damaged = entries.with(at, entries[at + 1] as Entry).with(at + 1, entries[at] as Entry)
      expect(await firstOf(damaged)).toMatchObject({ id: 'L1', seq: at + 2 })
    }
  })

  test('finds a truncation by the head, at the first entry that is gone', async () => {
    for (let kept = 0; kept < entries.length; kept++) {
      expect(await firstOf(entries.slice(0, kept))).toEqual({ id: 'L12', seq: kept + 1 })
    }
  })

  test('finds what was written behind the head', async () => {
    const earlier = headOf(entries[10] as Entry)
    expect(await firstOf(entries, earlier)).toEqual({ id: 'L12', seq: 12 })
  })

  test('finds a rewrite of everything only by a head that was kept elsewhere', async () => {
    const rewritten = resealed(
      entries.map((entry) => (entry.seq === 2 ? { ...entry, key: 'other' } : entry)),
      entryHash,
    )
    const ownHead = headOf(rewritten.at(-1) as Entry)
    expect(await verifyRun(rewritten, ownHead)).toMatchObject({ ok: true })
    expect(await firstOf(rewritten, head)).toEqual({ id: 'L12', seq: 26 })
  })

  test('compares the rows when it is given them', async () => {
    const open = ledgerOf([started, step('a', 'x')])
    const at = headOf(open[1] as Entry)
    const rows = { status: { is: 'active' as const, code: undefined }, questions: [] }
    expect(await verifyRun(open, at, { ...rows, scopes: [{ path: 'x', from: 2 }] })).toMatchObject({
      ok: true,
    })
    expect(await verifyRun(open, at, { ...rows, scopes: [] })).toMatchObject({
      violations: [{ id: 'L12', seq: 2, what: 'open scopes: none in the row, not "x" from 2' }],
    })
  })

  test('stops after a hundred violations: it is clear by then', async () => {
    const drafts = [started, ...Array.from({ length: 500 }, () => step('again'))]
    const verdict = await verifyRun(ledgerOf(drafts), head)
    expect(verdict).toMatchObject({ ok: false })
    expect(verdict.ok ? 0 : verdict.violations.length).toBe(100)
  })

  test('tells of a hundred violations at most, of the rows too', async () => {
    const whole = ledgerOf([started, ...Array.from({ length: 500 }, (_, i) => step(`s${i}`))])
    const verdict = await verifyRun(whole, headOf(whole.at(-1) as Entry), { open: [] })
    expect(verdict.ok ? [] : verdict.violations).toHaveLength(100)
    expect(verdict).toMatchObject({ ok: false })
  })

  test('ends when a damaged store hands out the same page for ever', async () => {
    const verdict = await verifyRun(() => Promise.resolve(entries.slice(0, 3)), head)
    expect(verdict).toMatchObject({ ok: false })
  })

  test('an empty ledger is a truncated one', async () => {
    expect(await firstOf([])).toEqual({ id: 'L12', seq: 1 })
  })

  test.each<[string, Partial<Entry>[]]>([
    ['cannot be read, of an undo', [{ kind: 'undo.completed', payload: '{"of":' }]],
    ['is no record, of an undo', [{ kind: 'undo.retrying', payload: 'null' }]],
    [
      'is longer than a path, behind an effect',
      [
        { kind: 'effect.intended', key: 'e' },
        { kind: 'scope.failed', scope: '/'.repeat(5000), key: 'k' },
      ],
    ],
  ])('regression: says what is wrong where it %s', async (_what, parts) => {
    const damaged = parts.map((part, i) => ({ ...(entries[i + 1] as Entry), ...part }))
    const verdict = await verifyRun([entries[0] as Entry, ...damaged], head)
    const ids = verdict.ok ? [] : verdict.violations.map(({ id }) => id)
    expect(ids).toEqual(expect.arrayContaining(['L2', 'L10']))
  })

  test('never throws, whatever the entries hold', async () => {
    const record = fc.oneof(
      fc.json(),
      fc.constantFrom(
        '{"forget":1,"reopen":1}',
        '{"forget":[null],"reopen":[null]}',
        '{"forget":{"length":1},"reopen":{"length":-1},"scopes":"x"}',
        '{"due":"x"}',
        '{"base":',
        'null',
        '{"of":{},"undo":1}',
        '{"undo":{"action":{}}}',
        '{"taints":1,"ancestors":2,"votes":3,"charge":{}}',
        '{"charge":{"to":[1],"amounts":{"a":1}}}',
        '{"prompt":1,"effect":"once","attempt":1}',
        '{"$":"undefined"}',
        '{"error":null,"cause":"x"}',
      ),
    )
    const entry = fc.record({
      kind: fc.oneof(
        fc.constantFrom(...payloadKinds, ...reservedKinds),
        fc.string() as fc.Arbitrary<EntryKind>,
      ),
      scope: fc.oneof(fc.constantFrom('', 'x', 'x/1', '/'.repeat(5000)), fc.string()),
      key: fc.oneof(fc.constantFrom('', '1', 'k'), fc.string()),
      payload: fc.option(record),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 8 }), async (parts) => {
        const hostile = parts.map((part, i) => ({ ...(entries[i] as Entry), ...part }))
        expect(await verifyRun(hostile, head)).toMatchObject({ ok: false })
      }),
      { numRuns: 300 },
    )
  })
})

describe('a long run', () => {
  /** A loop with two entries a turn, never held as a list. */
  function* longLoop(turns: number): Generator<Entry> {
    let at = emptyHead
    const write = (each: AnyDraft): Entry => {
      const entry = seal(each, { run, epoch: at.seq === 0 ? 0 : 1, time: 1, head: at, salt: 's' })
      at = headOf(entry)
      return entry
    }
    yield write(started)
    for (let turn = 1; turn <= turns; turn++) {
      yield write(step('a', `loop/${turn}`))
      const change = turn === 1 ? { base: turn } : { delta: [['set', [], turn] as const] }
      yield write(draft('turn.committed', { ...change, live: 1, chain: 1 }, 'loop', `${turn}`))
    }
  }

  test('is verified in memory that does not grow with it', async () => {
    let last: Entry | undefined
    let seen = 0
    let earlyHeap = 0
    function* watched(): Generator<Entry> {
      for (const entry of longLoop(12_000)) {
        last = entry
        if (++seen === 4_000) earlyHeap = heapUsed()
        yield entry
      }
    }
    const verdict = await verifyRun(watched(), { seq: 24_001, hash: 'unknown' })
    const grown = heapUsed() - earlyHeap
    expect(last?.seq).toBe(24_001)
    expect(verdict).toMatchObject({ violations: [{ id: 'L12', seq: 24_001 }] })
    expect(grown).toBeLessThan(2 * 1024 * 1024)
  })

  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void

  function heapUsed(): number {
    collect()
    return process.memoryUsage().heapUsed
  }
})
