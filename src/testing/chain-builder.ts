/**
 * Chains of entries for tests of stores: sealed as the executor seals them, but written by hand.
 */
import {
  type AnyDraft,
  emptyHead,
  type Entry,
  type Head,
  headOf,
  ledgerFormat,
  seal,
} from '../ledger/index.ts'
import type { Append, NewRun } from '../store/store.ts'

/** Who appends. */
export interface Hold {
  readonly session: string
  readonly epoch: number
}

/** What a run is started with, as far as a store cares. */
export type RunOptions = Partial<Omit<NewRun, 'genesis'>> & { readonly time?: number | undefined }

/** The rest of an append. */
export type AppendRest = Partial<Omit<Append, 'run' | 'session' | 'epoch' | 'after' | 'entries'>>

/** The flow that runs of tests belong to unless told otherwise. */
export const testFlow = { name: 'flow', version: '1' } as const

/** A run's chain: knows its head and seals what comes next upon it. */
export class ChainBuilder {
  readonly run: string
  head: Head = emptyHead
  /** All entries sealed so far. */
  readonly entries: Entry[] = []

  constructor(run: string) {
    this.run = run
  }

  /** The run with its genesis. */
  start(options: RunOptions = {}): NewRun {
    const { time = 1000, ...rest } = options
    const run = {
      flow: testFlow.name,
      version: testFlow.version,
      queue: 'default',
      labels: {},
      parent: undefined,
      wake: 0,
      ...rest,
    }
    const { flow, version, queue } = run
    const record = { format: ledgerFormat, flow, version, queue, input: null }
    const draft: AnyDraft = { scope: '', kind: 'run.started', key: '', record }
    return { ...run, genesis: this.seal(draft, 0, time) }
  }

  /** The next entry. Advances the head. */
  seal(draft: AnyDraft, epoch: number, time: number = this.head.time + 1): Entry {
    const { run, head } = this
    const entry = seal(draft, { run, epoch, time, head, salt: `salt-${head.seq}` })
    this.head = headOf(entry)
    this.entries.push(entry)
    return entry
  }

  /** An append of these drafts. Advances the head, as if it were committed. */
  append(hold: Hold, drafts: readonly AnyDraft[], rest: AppendRest = {}): Append {
    const { run, head } = this
    const entries = drafts.map((draft) => this.seal(draft, hold.epoch))
    return { run, ...hold, after: head, entries, ...rest }
  }

  /** A copy that goes its own way. */
  fork(): ChainBuilder {
    const copy = new ChainBuilder(this.run)
    copy.head = this.head
    copy.entries.push(...this.entries)
    return copy
  }
}

/** A step's outcome. */
export const step = (key: string, value: unknown = null, scope = ''): AnyDraft => ({
  scope,
  kind: 'step.completed',
  key,
  record: { value },
})

/** A question. */
export const question = (key: string, prompt = 'Well?', scope = ''): AnyDraft => ({
  scope,
  kind: 'question.asked',
  key,
  record: { prompt },
})

/** A turn of a loop: the whole state, or a change. */
export function turn(scope: string, number: number, isWhole: boolean): AnyDraft {
  const place = { scope, kind: 'turn.committed', key: String(number) } as const
  const units = { live: 1, chain: 1 }
  return isWhole
    ? { ...place, record: { base: number, ...units } }
    : { ...place, record: { delta: [['set', [], number]], ...units } }
}

/** The end of a scope, in its parent. */
export const closed = (key: string, scope = ''): AnyDraft => ({
  scope,
  kind: 'scope.closed',
  key,
  record: { value: null },
})

/** What happens to the run as a whole. */
export const runDrafts: {
  readonly paused: (code?: string) => AnyDraft
  readonly resumed: AnyDraft
  readonly completed: AnyDraft
  readonly cancelled: AnyDraft
  readonly failed: (code?: string) => AnyDraft
  readonly retried: (
    reopen: readonly { readonly path: string; readonly from: number }[],
  ) => AnyDraft
} = {
  paused: (code = 'PAUSED'): AnyDraft => ({
    scope: '',
    kind: 'run.paused',
    key: '',
    record: { code, message: 'Stop.' },
  }),
  resumed: { scope: '', kind: 'run.resumed', key: '', record: {} },
  completed: { scope: '', kind: 'run.completed', key: '', record: { output: 1 } },
  cancelled: { scope: '', kind: 'run.cancelled', key: '', record: { reason: 'Enough.' } },
  failed: (code?: string): AnyDraft => ({
    scope: '',
    kind: 'run.failed',
    key: '',
    record: { error: { name: 'Error', message: 'No.', ...(code === undefined ? {} : { code }) } },
  }),
  retried: (reopen: readonly { readonly path: string; readonly from: number }[]): AnyDraft => ({
    scope: '',
    kind: 'run.retried',
    key: '',
    record: { forget: [], reopen },
  }),
}
