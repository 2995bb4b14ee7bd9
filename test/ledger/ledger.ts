/** Ledgers for tests: drafts in, sealed entries out, and every way to damage them. */
import { emptyHead, headOf, seal } from '../../src/ledger/chain.ts'
import type { AnyDraft, Entry, PayloadKind, Payloads } from '../../src/ledger/entry.ts'

export const run = 'run-1'

/** A draft of this kind: in scope "" without a key, unless said otherwise. */
export function draft<K extends PayloadKind>(
  kind: K,
  record: Payloads[K],
  scope = '',
  key = '',
): AnyDraft {
  return { scope, kind, key, record } as AnyDraft
}

export const started = draft('run.started', {
  format: 1,
  flow: 'demo',
  version: '1',
  input: { n: 1 },
  queue: 'default',
})

/** A step that completed. */
export const step = (key: string, scope = ''): AnyDraft =>
  draft('step.completed', { value: key }, scope, key)

/** Seals drafts one behind the other: epoch 1, one entry a second. */
export function ledgerOf(drafts: readonly AnyDraft[]): Entry[] {
  const entries: Entry[] = []
  let head = emptyHead
  for (const [i, each] of drafts.entries()) {
    const entry = seal(each, {
      run,
      epoch: i === 0 ? 0 : 1,
      time: 1_000_000 + i * 1000,
      head,
      salt: `salt${i}`,
    })
    entries.push(entry)
    head = headOf(entry)
  }
  return entries
}

/** Seals entries again as they are, after they were changed: consistent in itself. */
export function resealed(
  entries: readonly Entry[],
  hash: (previous: string, entry: Entry) => string,
): Entry[] {
  let previous = ''
  return entries.map((entry) => {
    const sealed = { ...entry, hash: hash(previous, entry) }
    previous = sealed.hash
    return sealed
  })
}

/** A run with everything in it: steps, a loop, a failed scope, waits, a pause, a retry and its end. */
export const story: readonly AnyDraft[] = [
  started,
  step('first'),
  draft('timer.set', { due: 1_004_000 }, '', 'sleep'),
  draft('run.paused', { code: 'PAUSED', message: 'A pause.' }),
  draft('run.resumed', {}),
  draft('timer.fired', {}, '', 'sleep'),
  draft('step.retrying', { attempt: 1, error: { name: 'E', message: 'x' }, due: 0 }, 'loop/1', 'a'),
  step('a', 'loop/1'),
  draft('turn.committed', { base: { n: 1 }, live: 7, chain: 7 }, 'loop', '1'),
  step('a', 'loop/2'),
  draft('turn.committed', { delta: [['set', ['n'], 2]], live: 7, chain: 30 }, 'loop', '2'),
  draft('step.failed', { error: { name: 'E', message: 'x' }, attempts: 1 }, 'loop/3', 'a'),
  draft(
    'scope.failed',
    {
      error: { name: 'E', message: 'x' },
      cause: 12,
      scopes: [
        { path: 'loop', from: 9 },
        { path: 'loop/3', from: 12 },
      ],
    },
    '',
    'loop',
  ),
  draft('run.failed', { error: { name: 'E', message: 'x' }, cause: 13 }),
  draft('run.retried', {
    forget: [13, 12],
    reopen: [
      { path: 'loop', from: 9 },
      { path: 'loop/3', from: 12 },
    ],
  }),
  step('a', 'loop/3'),
  draft('scope.closed', { value: 3 }, '', 'loop'),
  draft('signal.awaited', { name: 'go', due: 1_017_000 }, '', 'go'),
  draft('signal.refused', { reason: 'no' }, '', 'go'),
  draft('signal.expired', {}, '', 'go'),
  draft('question.asked', { prompt: 'Sure?' }, '', 'Sure?'),
  draft('question.answered', { value: true }, '', 'Sure?'),
  draft('child.started', { run: 'child', flow: 'demo' }, '', 'demo'),
  draft('child.completed', { output: 1 }, '', 'demo'),
  draft('note.written', { text: 'bye' }, '', 'note'),
  draft('run.completed', { output: 'done' }),
]
