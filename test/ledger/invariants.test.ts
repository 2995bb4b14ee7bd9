/** Each invariant holds for a sound ledger, and fails on the smallest ledger that breaks it. */
import { describe, expect, test } from 'vitest'
import { entryHash } from '../../src/ledger/chain.ts'
import type { AnyDraft, Entry, EntryKind } from '../../src/ledger/entry.ts'
import { emptyState, fold } from '../../src/ledger/fold.ts'
import type { Projections } from '../../src/ledger/invariants/invariant.ts'
import { checkInvariants, invariants } from '../../src/ledger/invariants/invariants.ts'
import { draft, ledgerOf, resealed, started, step, story } from './ledger.ts'

const error = { name: 'E', message: 'x' }
const base = draft('turn.committed', { base: 0, live: 1, chain: 1 }, 'loop', '1')
const delta = (key: string): AnyDraft =>
  draft('turn.committed', { delta: [], live: 1, chain: 1 }, 'loop', key)
const moved = (version: string): AnyDraft => draft('run.migrated', { version })
const turnFor = (version: string, key = '1'): AnyDraft =>
  draft('turn.committed', { base: 0, live: 1, chain: 1, version }, 'loop', key)
const failedRun = [started, step('a'), draft('run.failed', { error })]

const registered = (key = 'a'): AnyDraft => draft('undo.registered', { action: 'x' }, '', key)
const undoing = draft('run.undoing', { because: 'failed' })
const undone = (of: number, key = `undo=${of}`): AnyDraft =>
  draft('undo.completed', { of, value: 1 }, '', key)

/** What a store's rows would say about these entries. */
function rowsOf(entries: readonly Entry[]): Projections {
  const { status, scopes, waits } = fold(emptyState, entries)
  const last = entries.at(-1)
  const code =
    status.is === 'paused' ? status.code : status.is === 'failed' ? status.error.code : undefined
  return {
    head: { seq: last?.seq ?? 0, hash: last?.hash ?? '' },
    status: { is: status.is, code },
    scopes: Array.from(scopes, ([path, from]) => ({ path, from })),
    questions: Array.from(waits.values())
      .filter(({ kind }) => kind === 'question.asked')
      .map(({ seq }) => seq),
  }
}

/** Says something else in one entry and seals everything again, so that only the rule can tell. */
function changed(drafts: readonly AnyDraft[], seq: number, change: Partial<Entry>): Entry[] {
  const entries = ledgerOf(drafts).map((entry) =>
    entry.seq === seq ? { ...entry, ...change } : entry,
  )
  return resealed(entries, entryHash)
}

describe('a sound ledger', () => {
  const entries = ledgerOf(story)

  test('breaks none, at any length', () => {
    for (let n = 0; n <= entries.length; n++) {
      const part = entries.slice(0, n)
      expect(checkInvariants(part, rowsOf(part))).toEqual([])
    }
  })

  test('breaks none with any one payload erased, nor with all', () => {
    const rows = rowsOf(entries)
    const erase = (entry: Entry): Entry => ({ ...entry, payload: null, salt: null })
    for (const { seq } of entries) {
      const erased = entries.map((entry) => (entry.seq === seq ? erase(entry) : entry))
      expect(checkInvariants(erased, rows)).toEqual([])
    }
    expect(checkInvariants(entries.map(erase), rows)).toEqual([])
  })

  test('may hold reserved kinds anywhere, those about an ended run after its end too', () => {
    const later = (kind: EntryKind, scope = ''): AnyDraft =>
      ({ scope, kind, key: 'k', record: {} }) as unknown as AnyDraft
    const drafts = [
      started,
      later('agent.defined', 'x'),
      draft('scope.closed', { value: 1 }, '', 'x'),
      later('budget.settled', 'x'),
      draft('run.completed', { output: 1 }),
      later('run.redacted'),
    ]
    const ledger = ledgerOf(drafts)
    const { head } = rowsOf(ledger)
    // What later versions fold is theirs to judge: rows are not compared.
    expect(checkInvariants(ledger, { head, scopes: [{ path: 'made up', from: 1 }] })).toEqual([])
  })

  test('may refer to an artifact, which stands nowhere among entries', () => {
    const payload = `{"value":{"$":"ref","v":[0,"${'A'.repeat(43)}"]}}`
    const found = checkInvariants(changed([started, step('a')], 2, { payload }))
    expect(found.filter(({ id }) => id !== 'L2')).toEqual([])
  })

  test('may begin a wait again after a retry', () => {
    const drafts = [
      started,
      draft('question.asked', { prompt: 'p' }, '', 'p'),
      draft('run.failed', { error }),
      draft('run.retried', { forget: [], reopen: [] }),
      draft('question.asked', { prompt: 'p' }, '', 'p'),
      draft('question.answered', { value: 1 }, '', 'p'),
    ]
    expect(checkInvariants(ledgerOf(drafts))).toEqual([])
  })
})

interface Canary {
  readonly id: string
  readonly because: string
  readonly entries: readonly Entry[]
  readonly seq: number
  readonly rows?: Partial<Projections>
}

const ab = [started, step('a'), step('b')]
const without = (drafts: readonly AnyDraft[], seq: number): Entry[] =>
  ledgerOf(drafts).filter((entry) => entry.seq !== seq)

const intended = (attempt = 1): AnyDraft =>
  draft('effect.intended', { effect: 'once', attempt }, 'a', 'pay')
const doubted = (attempt = 1): AnyDraft =>
  draft('effect.doubted', { attempt, why: 'crashed' }, 'a', 'pay')
const resolved = (verdict: 'done' | 'notDone' | 'failed', attempt = 1): AnyDraft =>
  draft('effect.resolved', { attempt, verdict, via: 'person' }, 'a', 'pay')

const canaries: readonly Canary[] = [
  { id: 'L1', because: 'a number is missing', entries: without(ab, 2), seq: 3 },
  { id: 'L1', because: 'the first is missing', entries: without(ab, 1), seq: 2 },
  {
    id: 'L1',
    because: 'an entry is of another run',
    entries: changed(ab, 2, { run: 'x' }),
    seq: 2,
  },
  {
    id: 'L2',
    because: 'a payload was edited',
    entries: ledgerOf(ab).map((e) => (e.seq === 2 ? { ...e, payload: '{"value":"x"}' } : e)),
    seq: 2,
  },
  {
    id: 'L2',
    because: 'a field was edited',
    entries: ledgerOf(ab).map((e) => (e.seq === 3 ? { ...e, key: 'c' } : e)),
    seq: 3,
  },
  {
    id: 'L2',
    because: 'a salt was left',
    entries: ledgerOf(ab).map((e) => (e.seq === 2 ? { ...e, payload: null } : e)),
    seq: 2,
  },
  { id: 'L3', because: 'the epoch went down', entries: changed(ab, 2, { epoch: 2 }), seq: 3 },
  { id: 'L3', because: 'the first has a worker', entries: changed(ab, 1, { epoch: 1 }), seq: 1 },
  { id: 'L3', because: 'another has none', entries: changed(ab, 2, { epoch: 0 }), seq: 2 },
  { id: 'L4', because: 'time went back', entries: changed(ab, 3, { time: 5 }), seq: 3 },
  {
    id: 'L4',
    because: 'time has a fraction',
    entries: changed(ab, 3, { time: 2_000_000.5 }),
    seq: 3,
  },
  { id: 'L5', because: 'the first is something else', entries: ledgerOf([step('a')]), seq: 1 },
  { id: 'L5', because: 'it starts twice', entries: ledgerOf([started, started]), seq: 2 },
  {
    id: 'L5',
    because: 'the format is not known',
    entries: ledgerOf([
      draft('run.started', { format: 2, flow: 'f', version: '1', input: 1, queue: 'q' }),
    ]),
    seq: 1,
  },
  {
    id: 'L6',
    because: 'it went on after its end',
    entries: ledgerOf([started, draft('run.completed', { output: 1 }), step('a')]),
    seq: 3,
  },
  {
    id: 'L6',
    because: 'it ended twice',
    entries: ledgerOf([
      started,
      draft('run.cancelled', { reason: 'r' }),
      draft('run.cancelled', { reason: 'r' }),
    ]),
    seq: 3,
  },
  {
    id: 'L6',
    because: 'it was retried after completing',
    entries: ledgerOf([
      started,
      draft('run.completed', { output: 1 }),
      draft('run.retried', { forget: [], reopen: [] }),
    ]),
    seq: 3,
  },
  {
    id: 'L6',
    because: 'it went on after failing',
    entries: ledgerOf([...failedRun, step('b')]),
    seq: 4,
  },
  {
    id: 'L6',
    because: 'it was retried while running',
    entries: ledgerOf([started, draft('run.retried', { forget: [], reopen: [] })]),
    seq: 2,
  },
  {
    id: 'L7',
    because: 'a step has two outcomes',
    entries: ledgerOf([started, step('a'), step('a')]),
    seq: 3,
  },
  {
    id: 'L7',
    because: 'an attempt came after the outcome',
    entries: ledgerOf([
      started,
      step('a'),
      draft('step.retrying', { attempt: 1, error, due: 0 }, '', 'a'),
    ]),
    seq: 3,
  },
  {
    id: 'L7',
    because: 'a timer ended as a step',
    entries: ledgerOf([started, draft('timer.set', { due: 0 }, '', 'a'), step('a')]),
    seq: 3,
  },
  {
    id: 'L7',
    because: 'a retry forgot another outcome',
    entries: ledgerOf([...failedRun, draft('run.retried', { forget: [1], reopen: [] }), step('a')]),
    seq: 5,
  },
  {
    id: 'L8',
    because: 'a scope went on after closing',
    entries: ledgerOf([started, draft('scope.closed', { value: 1 }, '', 'x'), step('a', 'x/y')]),
    seq: 3,
  },
  {
    id: 'L8',
    because: 'a scope went on after failing',
    entries: ledgerOf([
      started,
      draft('scope.failed', { error, scopes: [] }, '', 'x'),
      step('a', 'x'),
    ]),
    seq: 3,
  },
  {
    id: 'L8',
    because: 'a turn went on after its commit',
    entries: ledgerOf([started, base, step('a', 'loop/1')]),
    seq: 3,
  },
  {
    id: 'L8',
    because: 'a turn was left out',
    entries: ledgerOf([started, base, delta('3')]),
    seq: 3,
  },
  {
    id: 'L8',
    because: 'a turn was committed twice',
    entries: ledgerOf([started, base, delta('2'), delta('2')]),
    seq: 4,
  },
  {
    id: 'L8',
    because: 'a turn is no number',
    entries: ledgerOf([started, base, delta('02')]),
    seq: 3,
  },
  {
    id: 'L8',
    because: 'a change has nothing to change',
    entries: ledgerOf([started, delta('1')]),
    seq: 2,
  },
  {
    id: 'L8',
    because: 'a turn has no state',
    entries: ledgerOf([
      started,
      draft('turn.committed', { live: 1, chain: 1, base: 1 }, 'loop', '1'),
    ]),
    seq: 2,
  },
  {
    id: 'L8',
    because: 'another scope than the failed one was opened again',
    entries: ledgerOf([
      started,
      draft('scope.failed', { error, scopes: [] }, '', 'x'),
      draft('scope.failed', { error, scopes: [] }, '', 'y'),
      draft('run.failed', { error }),
      draft('run.retried', { forget: [3], reopen: [] }),
      step('a', 'y'),
      step('a', 'x'),
    ]),
    seq: 7,
  },
  {
    id: 'L9',
    because: 'a timer fired early',
    entries: ledgerOf([
      started,
      draft('timer.set', { due: 1_002_001 }, '', 'a'),
      draft('timer.fired', {}, '', 'a'),
    ]),
    seq: 3,
  },
  {
    id: 'L9',
    because: 'a signal expired early',
    entries: ledgerOf([
      started,
      draft('signal.awaited', { name: 's', due: 2e12 }, 'x', 'a'),
      draft('signal.expired', {}, 'x', 'a'),
    ]),
    seq: 3,
  },
  {
    id: 'L9',
    because: 'a question expired that had no deadline',
    entries: ledgerOf([
      started,
      draft('question.asked', { prompt: 'p' }, '', 'a'),
      draft('question.expired', {}, '', 'a'),
    ]),
    seq: 3,
  },
  {
    id: 'L10',
    because: 'a kind is not known',
    entries: changed(ab, 2, { kind: 'step.invented' as EntryKind }),
    seq: 2,
  },
  {
    id: 'L10',
    because: 'a kind is a property of objects',
    entries: changed(ab, 2, { kind: 'constructor' as EntryKind }),
    seq: 2,
  },
  {
    id: 'L10',
    because: 'a key has a line break',
    entries: changed(ab, 2, { key: 'a\nb' }),
    seq: 2,
  },
  { id: 'L10', because: 'a key has a slash', entries: changed(ab, 2, { key: 'a/b' }), seq: 2 },
  {
    id: 'L10',
    because: 'a key is too long',
    entries: changed(ab, 2, { key: 'a'.repeat(1018) }),
    seq: 2,
  },
  {
    id: 'L10',
    because: 'a scope has an empty segment',
    entries: changed(ab, 2, { scope: 'a//b' }),
    seq: 2,
  },
  { id: 'L10', because: 'a scope is not ASCII', entries: changed(ab, 2, { scope: 'ä' }), seq: 2 },
  {
    id: 'L10',
    because: 'a salt has a line break',
    entries: changed(ab, 2, { salt: 'a\nb' }),
    seq: 2,
  },
  {
    id: 'L10',
    because: 'a digest is too short',
    entries: changed(ab, 2, { digest: 'abc' }),
    seq: 2,
  },
  {
    id: 'L10',
    because: 'a payload is not ASCII',
    entries: changed(ab, 2, { payload: '{"value":"ä"}' }),
    seq: 2,
  },
  {
    id: 'L10',
    because: 'a payload is not JSON',
    entries: changed(ab, 2, { payload: '{"value":' }),
    seq: 2,
  },
  {
    id: 'L10',
    because: 'a payload is no record',
    entries: changed(ab, 2, { payload: '[]' }),
    seq: 2,
  },
  {
    id: 'L11',
    because: 'a value stands ahead',
    entries: changed(ab, 2, { payload: '{"value":{"$":"ref","v":[3,"value"]}}' }),
    seq: 2,
  },
  {
    id: 'L11',
    because: 'a value stands in the entry itself',
    entries: changed(ab, 2, { payload: '{"value":{"$":"ref","v":[2,"value"]}}' }),
    seq: 2,
  },
  {
    id: 'L11',
    because: 'a value stands nowhere',
    entries: changed(ab, 2, { payload: '{"value":{"$":"ref","v":[0]}}' }),
    seq: 2,
  },
  {
    id: 'L11',
    because: 'the cause came later',
    entries: ledgerOf([started, draft('run.failed', { error, cause: 9 })]),
    seq: 2,
  },
  {
    id: 'L11',
    because: 'what is forgotten came later',
    entries: ledgerOf([...failedRun, draft('run.retried', { forget: [4], reopen: [] })]),
    seq: 4,
  },
  {
    id: 'L11',
    because: 'a scope begins later',
    entries: ledgerOf([
      ...failedRun,
      draft('run.retried', { forget: [], reopen: [{ path: 'x', from: 9 }] }),
    ]),
    seq: 4,
  },
  {
    id: 'L12',
    because: 'the status differs',
    entries: ledgerOf(failedRun),
    seq: 3,
    rows: { status: { is: 'active', code: undefined } },
  },
  {
    id: 'L12',
    because: 'the code differs',
    entries: ledgerOf(failedRun),
    seq: 3,
    rows: { status: { is: 'failed', code: 'X' } },
  },
  {
    id: 'L12',
    because: 'a scope is listed that is not open',
    entries: ledgerOf(ab),
    seq: 3,
    rows: { scopes: [{ path: 'x', from: 2 }] },
  },
  {
    id: 'L12',
    because: 'an open scope is not listed',
    entries: ledgerOf([started, step('a', 'x')]),
    seq: 2,
    rows: { scopes: [] },
  },
  {
    id: 'L12',
    because: 'an open question is not listed',
    entries: ledgerOf([started, draft('question.asked', { prompt: 'p' }, '', 'p')]),
    seq: 2,
    rows: { questions: [] },
  },
  {
    id: 'L12',
    because: 'the head is further on',
    entries: ledgerOf(ab),
    seq: 4,
    rows: { head: { seq: 4, hash: 'x' } },
  },
  {
    id: 'L12',
    because: 'the head is further back',
    entries: ledgerOf(ab),
    seq: 3,
    rows: { head: { seq: 2, hash: 'x' } },
  },
  {
    id: 'L12',
    because: 'the head is another',
    entries: ledgerOf(ab),
    seq: 3,
    rows: { head: { seq: 3, hash: 'x' } },
  },
  {
    id: 'L13',
    because: 'a timer fired that was never set',
    entries: ledgerOf([started, draft('timer.fired', {}, '', 'a')]),
    seq: 2,
  },
  {
    id: 'L13',
    because: 'an answer has no question',
    entries: ledgerOf([
      started,
      draft('question.asked', { prompt: 'p' }, '', 'p'),
      draft('question.answered', { value: 1 }, 'x', 'p'),
    ]),
    seq: 3,
  },
  {
    id: 'L13',
    because: 'a signal was refused that nobody awaited',
    entries: ledgerOf([started, draft('signal.refused', { reason: 'r' }, '', 'a')]),
    seq: 2,
  },
  {
    id: 'L13',
    because: 'a wait was begun twice',
    entries: ledgerOf([
      started,
      draft('timer.set', { due: 1 }, '', 'a'),
      draft('timer.set', { due: 2 }, '', 'a'),
    ]),
    seq: 3,
  },
  {
    id: 'L14',
    because: 'a step completed in a paused run',
    entries: ledgerOf([started, draft('run.paused', { code: 'PAUSED', message: 'm' }), step('a')]),
    seq: 3,
  },
  {
    id: 'L14',
    because: 'a take-over does not end a pause',
    entries: ledgerOf([
      started,
      draft('run.paused', { code: 'PAUSED', message: 'm' }),
      draft('run.overtaken', { lost: 'crash', times: 1 }),
      step('a'),
    ]),
    seq: 4,
  },
  { id: 'L15', because: 'a step has no key', entries: ledgerOf([started, step('')]), seq: 2 },
  {
    id: 'L15',
    because: 'a pause stands in a scope',
    entries: ledgerOf([started, draft('run.paused', { code: 'PAUSED', message: 'm' }, 'x')]),
    seq: 2,
  },
  {
    id: 'L15',
    because: 'the run itself has turns',
    entries: ledgerOf([started, draft('turn.committed', { base: 1, live: 1, chain: 1 }, '', '1')]),
    seq: 2,
  },
  { id: 'L16', because: 'a doubt has no intent', entries: ledgerOf([started, doubted()]), seq: 2 },
  {
    id: 'L16',
    because: 'a resolution is of another attempt',
    entries: ledgerOf([started, intended(), resolved('notDone', 2)]),
    seq: 3,
  },
  {
    id: 'L17',
    because: 'a call is made again after a crash, without a word',
    entries: ledgerOf([started, intended(), intended(2)]),
    seq: 3,
  },
  {
    id: 'L17',
    because: 'a call is made again in doubt',
    entries: ledgerOf([started, intended(), doubted(), intended(2)]),
    seq: 4,
  },
  {
    id: 'L17',
    because: 'a call is made again that a person let fail',
    entries: ledgerOf([started, intended(), doubted(), resolved('failed'), intended(2)]),
    seq: 5,
  },
  {
    id: 'L17',
    because: 'a call in doubt fails',
    entries: ledgerOf([
      started,
      intended(),
      draft('step.failed', { error, attempts: 1 }, 'a', 'pay'),
    ]),
    seq: 3,
  },
  {
    id: 'L18',
    because: 'a scope closes with a call in doubt',
    entries: ledgerOf([started, intended(), draft('scope.closed', { value: 1 }, '', 'a')]),
    seq: 3,
  },
  {
    id: 'L18',
    because: 'a run completes with a call in doubt',
    entries: ledgerOf([started, intended(), doubted(), draft('run.completed', { output: 1 })]),
    seq: 4,
  },
  {
    id: 'L19',
    because: 'nothing was registered under the number',
    entries: ledgerOf([started, step('a'), undoing, undone(2)]),
    seq: 4,
  },
  {
    id: 'L19',
    because: 'it is undone twice',
    entries: ledgerOf([started, registered(), undoing, undone(2), undone(2, 'undo=2~2')]),
    seq: 5,
  },
  {
    id: 'L20',
    because: 'it is undone while the code may go on',
    entries: ledgerOf([started, registered(), undone(2)]),
    seq: 3,
  },
  {
    id: 'L20',
    because: 'the code goes on behind run.undoing',
    entries: ledgerOf([started, registered(), undoing, step('a')]),
    seq: 4,
  },
  {
    id: 'L21',
    because: 'what came first is undone first',
    entries: ledgerOf([started, registered(), registered('b'), undoing, undone(2), undone(3)]),
    seq: 6,
  },
  {
    id: 'L21',
    because: 'a run fails with something left to undo',
    entries: ledgerOf([started, registered(), draft('run.failed', { error })]),
    seq: 3,
  },
  {
    id: 'L22',
    because: 'a run moves without a turn',
    entries: ledgerOf([started, base, moved('2'), step('a')]),
    seq: 4,
  },
  {
    id: 'L22',
    because: 'the turn is for another version',
    entries: ledgerOf([started, moved('2'), turnFor('3')]),
    seq: 3,
  },
  {
    id: 'L22',
    because: 'the turn is for no version',
    entries: ledgerOf([started, moved('2'), base]),
    seq: 3,
  },
  {
    id: 'L22',
    because: 'a turn is for a version to which the run has not moved',
    entries: ledgerOf([started, moved('2'), turnFor('2'), turnFor('2', '2')]),
    seq: 4,
  },
  {
    id: 'L22',
    because: 'the run is of that version already',
    entries: ledgerOf([started, moved('1'), turnFor('1')]),
    seq: 2,
  },
]

test('a run that moves to another version, and back, breaks none', () => {
  const entries = ledgerOf([started, moved('2'), turnFor('2'), moved('1'), turnFor('1', '2')])
  expect(checkInvariants(entries, rowsOf(entries))).toEqual([])
})

test('a row of another version than the one that the run has moved to breaks L12', () => {
  const entries = ledgerOf([started, moved('2'), turnFor('2')])
  const row = { flow: 'demo', queue: 'default', labels: {}, parent: undefined, created: 1_000_000 }
  const flawsOf = (version: string): readonly string[] =>
    checkInvariants(entries, { ...rowsOf(entries), started: { ...row, version } }).map(
      ({ id, what }) => `${id}: ${what}`,
    )
  expect(flawsOf('2')).toEqual([])
  expect(flawsOf('1')).toEqual(['L12: version: "1" in the row, not "2"'])
})

describe('a call that must not repeat', () => {
  const paid = draft('step.completed', { value: 1 }, 'a', 'pay')
  const closed = draft('scope.closed', { value: 1 }, '', 'a')
  const failed = draft('step.failed', { error, attempts: 1 }, 'a', 'pay')
  const sound: Readonly<Record<string, readonly AnyDraft[]>> = {
    'that returned': [intended(), paid, closed],
    'that was in doubt and happened': [intended(), doubted(), resolved('done'), paid, closed],
    'that did not happen, twice': [
      intended(),
      resolved('notDone'),
      draft('step.retrying', { attempt: 1, error, due: 1 }, 'a', 'pay'),
      intended(2),
      doubted(2),
      resolved('notDone', 2),
      failed,
      closed,
    ],
    'that a person let fail, and was asked about again': [
      intended(),
      doubted(),
      resolved('failed'),
      doubted(),
      resolved('notDone'),
      intended(2),
      paid,
    ],
    'of a run that was cancelled without its code': [
      intended(),
      draft('run.cancelled', { reason: 'r' }),
    ],
  }
  test.each(Object.entries(sound))('%s is sound', (_, drafts) => {
    expect(checkInvariants(ledgerOf([started, ...drafts]))).toEqual([])
  })
})

describe('the canaries', () => {
  test.each(canaries)('$id: $because', ({ id, entries, seq, rows }) => {
    const found = checkInvariants(entries, rows ? { ...rowsOf(entries), ...rows } : undefined)
    const [first] = found.filter((violation) => violation.id === id)
    expect(first).toMatchObject({ id, seq })
    expect(first?.what).toMatch(/^\S/)
  })

  test('there is one for each invariant', () => {
    expect(new Set(canaries.map(({ id }) => id))).toEqual(new Set(invariants.map(({ id }) => id)))
  })

  test('most of them break their own rule alone', () => {
    const alone = canaries.filter(({ entries, rows }) => {
      const found = checkInvariants(entries, rows ? { ...rowsOf(entries), ...rows } : undefined)
      return new Set(found.map(({ id }) => id)).size === 1
    })
    expect(alone.length).toBeGreaterThan(canaries.length * 0.8)
  })
})

test('invariants are numbered without a gap and say one sentence each', () => {
  expect(invariants.map(({ id }) => id)).toEqual(invariants.map((_, i) => `L${i + 1}`))
  for (const { says } of invariants) expect(says).toMatch(/^[A-Z].*[^.]\.$/)
})
