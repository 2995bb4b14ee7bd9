/** Exports that are put together by hand, line by line: right ones, and every kind of wrong one. */
import { hash } from 'node:crypto'
import { type AnyDraft, emptyHead, type Entry, headOf, seal } from '../../src/ledger/index.ts'
import { testFlow } from '../../src/testing/chain-builder.ts'

/** A line as data. Its order is that of its fields. */
export type Line = Readonly<Record<string, unknown>>

export const begin = (run: string, children = true): Line => ({
  is: 'export',
  of: 'everloop',
  format: 1,
  run,
  children,
})

export const runLine = (run: string, rest: Line = {}): Line => ({
  is: 'run',
  run,
  flow: testFlow.name,
  version: testFlow.version,
  queue: 'default',
  labels: {},
  parent: null,
  ...rest,
})

export const entryLine = (entry: Entry): Line => {
  const { run, seq, epoch, time, scope, kind, key, salt, digest, payload } = entry
  const first = { is: 'entry', run, seq, epoch, time, scope, kind, key, salt, digest }
  return { ...first, payload, hash: entry.hash }
}

export const artifactLine = (bytes: Buffer, rest: Line = {}): Line => ({
  is: 'artifact',
  hash: hash('sha256', bytes, 'base64url'),
  bytes: bytes.length,
  at: 0,
  data: bytes.toString('base64'),
  ...rest,
})

export const headLine = ({ run, seq, hash: last }: Entry): Line => ({
  is: 'head',
  run,
  seq,
  hash: last,
})

export const end = (runs: number, entries: number, artifacts = 0): Line => ({
  is: 'end',
  runs,
  entries,
  artifacts,
})

/** A draft, perhaps with a payload that no codec would write. */
export type AnyText = AnyDraft & { readonly payload?: string }

/** A draft of whatever kind that says whatever. */
export const says = (kind: string, record: unknown, key = '', scope = ''): AnyText =>
  ({ scope, key, kind, record }) as unknown as AnyText

/** A run whose entries fit each other, whatever they say. `rest`: more of what it was started with. */
export function sealed(run: string, drafts: readonly AnyText[], rest: Line = {}): readonly Entry[] {
  const { name: flow, version } = testFlow
  const started = { format: 1, flow, version, input: null, queue: 'default', ...rest }
  const entries: Entry[] = []
  let head = emptyHead
  for (const [i, draft] of [says('run.started', started), ...drafts].entries()) {
    const { payload } = draft
    const place = { run, epoch: Math.min(i, 1), time: 1000 + i, head, salt: `salt-${i}`, payload }
    const entry = seal(draft, place)
    head = headOf(entry)
    entries.push(entry)
  }
  return entries
}

/** The lines of one run and what is around them. */
export function linesOf(entries: readonly Entry[], rest: Line = {}): Line[] {
  const [first] = entries
  const last = entries.at(-1)
  if (!first || !last) throw new Error('A run has entries.')
  return [
    begin(first.run),
    runLine(first.run, rest),
    ...entries.map(entryLine),
    headLine(last),
    end(1, entries.length),
  ]
}

export const textOf = (lines: readonly Line[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join('')
