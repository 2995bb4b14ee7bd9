/** The fold: what entries add up to, in one go or bit by bit. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AnyDraft } from '../../src/ledger/entry.ts'
import { effectOf } from '../../src/ledger/effect.ts'
import { emptyState, fold, type RunState } from '../../src/ledger/fold.ts'
import { draft, ledgerOf, started, step, story } from './ledger.ts'

const entries = ledgerOf(story)
const after = (drafts: readonly AnyDraft[]): RunState => fold(emptyState, ledgerOf(drafts))
const error = { name: 'E', message: 'x' }

describe('fold', () => {
  test('of two parts is the fold of both', () => {
    fc.assert(
      fc.property(fc.nat(entries.length), fc.nat(entries.length), (a, b) => {
        const [first, second] = [Math.min(a, b), Math.max(a, b)]
        const state = fold(fold(emptyState, entries.slice(0, first)), entries.slice(first, second))
        expect(state).toStrictEqual(fold(emptyState, entries.slice(0, second)))
      }),
    )
  })

  test('regression: a time that is waited for again after a retry is known by parts, too', () => {
    const interrupted = ledgerOf([
      started,
      draft('timer.set', { due: 9 }, 'x', 'sleep'),
      draft('scope.failed', { error, scopes: [{ path: 'x', from: 2 }] }, '', 'x'),
      draft('run.failed', { error, cause: 3 }),
      draft('run.retried', { forget: [3], reopen: [{ path: 'x', from: 2 }] }),
    ])
    const whole = fold(emptyState, interrupted)
    expect([...whole.waits.keys()]).toEqual(['x/sleep'])
    for (let n = 0; n <= interrupted.length; n++) {
      const [first, second] = [interrupted.slice(0, n), interrupted.slice(n)]
      expect(fold(fold(emptyState, first), second)).toStrictEqual(whole)
    }
  })

  test('changes nothing of what it was given', () => {
    const before = fold(emptyState, entries.slice(0, 8))
    fold(before, entries.slice(8))
    expect(before).toStrictEqual(fold(emptyState, entries.slice(0, 8)))
  })

  test('an ended run waits for nothing', () => {
    const state = after([
      started,
      draft('question.asked', { prompt: 'p' }, '', 'p'),
      draft('run.completed', { output: 1 }),
    ])
    expect(state).toMatchObject({ status: { is: 'completed', output: 1 } })
    expect(state.waits.size).toBe(0)
  })

  test('a scope is open from its first entry until it closes, with all inside', () => {
    const open = [started, step('a', 'x'), step('a', 'x/y'), step('b', 'x')]
    expect([...after(open).scopes]).toEqual([
      ['x', 2],
      ['x/y', 3],
    ])
    const closed = after([...open, draft('scope.closed', { value: 1 }, '', 'x')])
    expect(closed.scopes.size).toBe(0)
  })

  test('a scope that merely begins like a closed one stays open', () => {
    const state = after([
      started,
      step('a', 'x'),
      step('a', 'x~2'),
      draft('scope.closed', { value: 1 }, '', 'x'),
    ])
    expect([...state.scopes]).toEqual([['x~2', 3]])
  })

  test('a turn kept whole moves the beginning of its loop, a change does not', () => {
    const turns = [
      started,
      step('a', 'loop/1'),
      draft('turn.committed', { base: 1, live: 1, chain: 1 }, 'loop', '1'),
    ]
    expect([...after(turns).scopes]).toEqual([['loop', 3]])
    const next = draft('turn.committed', { delta: [], live: 1, chain: 1 }, 'loop', '2')
    expect([...after([...turns, next]).scopes]).toEqual([['loop', 3]])
    const whole = draft('turn.committed', { base: 2, live: 1, chain: 1 }, 'loop', '3')
    expect([...after([...turns, next, whole]).scopes]).toEqual([['loop', 5]])
  })

  test('a turn whose whole state is one reference moves it too', () => {
    const [genesis, turn] = ledgerOf([
      started,
      draft('turn.committed', { base: 1, live: 1, chain: 1 }, 'loop', '1'),
    ])
    const payload = '{"base":{"$":"ref","v":[1,"input"]},"live":1,"chain":1}'
    expect(turn && effectOf({ ...turn, payload })).toMatchObject({
      move: { path: 'loop', from: 2 },
    })
    expect(genesis).toBeDefined()
  })

  test('an outcome with references settles its operation all the same', () => {
    const [, outcome] = ledgerOf([started, draft('scope.closed', { value: 1 }, 'a', 'b')])
    const payload = '{"value":[{"$":"ref","v":[1,"input"]}]}'
    expect(outcome && effectOf({ ...outcome, payload })).toStrictEqual({
      open: { path: 'a', from: 2 },
      settle: 'a/b',
      close: 'a/b',
    })
  })

  test('a retry opens scopes again and ends what was cancelling the run', () => {
    const state = after([
      started,
      step('a', 'x'),
      draft('run.cancelling', { reason: 'late', deadline: true }),
      draft('scope.failed', { error, scopes: [{ path: 'x', from: 2 }] }, '', 'x'),
      draft('run.failed', { error, cause: 4 }),
      draft('run.retried', { forget: [4], reopen: [{ path: 'x', from: 2 }] }),
    ])
    expect(state).toMatchObject({ status: { is: 'active' }, cancelling: undefined })
    expect([...state.scopes]).toEqual([['x', 2]])
  })

  test('regression: erased payloads can be folded, and never crash a projection', () => {
    const erased = entries.map((entry) => ({ ...entry, payload: null, salt: null }))
    for (let n = 1; n <= erased.length; n++) {
      const { status } = fold(emptyState, erased.slice(0, n))
      expect(status.is).toBe(fold(emptyState, entries.slice(0, n)).status.is)
    }
    const failed = fold(emptyState, erased.slice(0, 14)).status
    expect(failed).toMatchObject({ is: 'failed', error: { name: 'Error' } })
  })
})
