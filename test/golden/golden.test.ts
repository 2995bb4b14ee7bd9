/**
 * Ledgers that earlier versions wrote: they verify, fold to what they did, and drive today's code to
 * the entry they ended with.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Ports } from '../../src/base/ports.ts'
import {
  checkInvariants,
  decode,
  encode,
  type Entry,
  familyOf,
  type LinkedEntry,
} from '../../src/ledger/index.ts'
import { type AnyFlow, flow } from '../../src/run/index.ts'
import type { NewArtifact, RunRow, Store } from '../../src/store/store.ts'
import {
  memoryStore,
  replay,
  type TestRuntime,
  testRuntime,
  virtualTime,
} from '../../src/testing/index.ts'
import { golden, goldenFlows } from './flows.ts'
import { keepLedger } from './keep-ledger.ts'

interface Stored {
  readonly row: RunRow
  readonly entries: readonly LinkedEntry[]
  /** By their hashes, as base64. */
  readonly artifacts?: Readonly<Record<string, string>>
}

const versions = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

const read = (version: string, name: string): Stored =>
  JSON.parse(readFileSync(join(import.meta.dirname, version, `${name}.json`), 'utf8')) as Stored

/** A store that holds one ledger, as it was stored. */
function holding({ row, entries, artifacts }: Stored, store: Store): Store {
  const instead: Partial<Store> = {
    run: async () => row,
    entries: async () => entries,
    artifact: async (hash) => bytesOf(artifacts).find((one) => one.hash === hash)?.bytes,
    entriesAt: async (_, seqs) => entries.filter(({ seq }) => seqs.includes(seq)),
  }
  return new Proxy(store, {
    get: (target, name): unknown => {
      const own: unknown = Reflect.get(instead, name)
      const value: unknown = own ?? Reflect.get(target, name)
      return own === undefined && typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const bytesOf = (artifacts: Stored['artifacts'] = {}): readonly NewArtifact[] =>
  Object.entries(artifacts).map(([hash, text]) => ({ hash, bytes: Buffer.from(text, 'base64') }))

const drive = async (stored: Stored): Promise<readonly string[]> => {
  const time = virtualTime({ start: stored.row.updated })
  const store = holding(stored, memoryStore(time))
  return (await replay(stored.row.id, { store, time, flows: goldenFlows })).flaws
}

/** What an entry is of, whatever it says about it. */
const placeOf = ({ scope, kind, key }: Entry): string => `${familyOf(kind)} ${scope}/${key}`

interface Left {
  readonly flows?: readonly AnyFlow[]
  readonly artifacts?: Stored['artifacts'] | undefined
}

/** A runtime of today's that finds so much of a ledger. */
async function found(
  entries: readonly Entry[],
  { flows = goldenFlows, artifacts }: Left = {},
): Promise<TestRuntime> {
  const stored = async (ports: Ports): Promise<Store> => {
    const store = memoryStore(ports)
    await keepLedger(store, entries, bytesOf(artifacts))
    return store
  }
  return testRuntime({
    flows,
    store: stored,
    start: entries.at(-1)?.time ?? 0,
    development: false,
  })
}

/**
 * What today's code writes next, where it finds so much of a ledger, and nobody says anything and no time
 * passes.
 */
async function goOn(entries: readonly Entry[], left: Left = {}): Promise<readonly Entry[]> {
  const last = entries.at(-1)
  const [genesis] = entries
  if (!genesis || !last) throw new Error('A ledger has at least one entry.')
  await using runtime = await found(entries, left)
  await runtime.settle()
  await runtime.verify()
  return runtime.store.entries(genesis.run, { after: last.seq })
}

test('every flow has a ledger of the first version', () => {
  const files = readdirSync(join(import.meta.dirname, '0.1')).map((file) =>
    file.replace('.json', ''),
  )
  expect(files.toSorted()).toEqual(Object.keys(golden).toSorted())
})

describe.each(versions)('ledgers of version %s', (version) => {
  const names = readdirSync(join(import.meta.dirname, version)).map((file) => file.slice(0, -5))

  test.each(names)('%s verifies', (name) => {
    const { entries, row } = read(version, name)
    expect(checkInvariants(entries)).toEqual([])
    expect({ seq: entries.at(-1)?.seq, hash: entries.at(-1)?.hash }).toEqual({
      seq: row.seq,
      hash: row.hash,
    })
  })

  test.each(names)('%s drives the code of today to the same end', async (name) => {
    expect(await drive(read(version, name))).toEqual([])
  })

  test.each(names)('%s goes on from wherever it was left', async (name) => {
    const { entries, artifacts } = read(version, name)
    for (let count = 1; count < entries.length; count++) {
      // What was appended together is there whole, or not at all.
      if (entries[count - 1]?.kind === 'run.migrated') continue
      const written = await goOn(entries.slice(0, count), { artifacts })
      const wanted = entries.slice(count).map(placeOf)
      const others = written.filter(({ kind }) => kind === 'run.paused' || kind === 'input.drifted')
      const first = written.slice(0, 1).map(placeOf)
      expect({ count, others, first: first.filter((place) => !wanted.includes(place)) }).toEqual({
        count,
        others: [],
        first: [],
      })
    }
  })

  test.each(names)('%s encodes as it did', (name) => {
    const texts = read(version, name).entries.map(({ payload }) => payload ?? '')
    const whole = texts.filter((text) => !text.includes('"$":"ref"'))
    expect(whole.map((text) => encode(decode(text)))).toEqual(whole)
  })
})

test('calls of which each has asked about a budget go on as each is answered', async () => {
  const { entries, artifacts } = read('0.1', 'spending')
  for (let count = 1; count < entries.length; count++) {
    await using runtime = await found(entries.slice(0, count), { artifacts })
    const { ever } = runtime
    await runtime.settle()
    const open = await ever.questions()
    const told = entries.slice(0, count)
    const isOpen = ({ kind, key }: Entry): boolean =>
      kind === 'question.asked' &&
      !told.some((one) => one.kind === 'question.answered' && one.key === key)
    for (const { seq } of told.filter(isOpen)) {
      expect(open.map(({ id }) => id)).toContain(`spending/${seq}`)
    }
    for (let left = open, calls = 3; left.length > 0; calls++) {
      const [first, ...others] = left
      await ever.answer(first?.id ?? '', { verdict: 'raise', limits: { calls } })
      await runtime.settle()
      left = await ever.questions()
      // Nobody else's question is answered with it.
      for (const { id } of others) expect(left.map((one) => one.id)).toContain(id)
    }
    const end = await runtime.settled(await ever.get('spending'))
    expect({ count, ...end }).toEqual({ count, status: 'completed', output: 'Done.' })
    await runtime.verify()
  }
})

test('a ledger whose code would go another way is found out', async () => {
  const { row, entries } = read('0.1', 'branches')
  const other = entries.map((entry) =>
    entry.kind === 'run.completed' ? { ...entry, payload: '{"output":1}' } : entry,
  )
  expect(await drive({ row, entries: other })).toHaveLength(1)
})

test('code that does not ask for what is recorded is found out wherever the run was left', async () => {
  const { entries } = read('0.1', 'waits')
  const changed = flow('waits', (run) => run.sleep('1h'))
  const kinds = (await goOn(entries.slice(0, 6), { flows: [changed] })).map(({ kind }) => kind)
  expect(kinds).toEqual(['run.paused'])
})
