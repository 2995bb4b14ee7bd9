/** What is exported and imported is the same run: its ledger, its rows, and what is exported of it again. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { agent, type Ever, EverloopError, flow, open, tool } from 'everloop'
import { scriptedModel } from 'everloop/testing'
import { z } from 'zod'
import type { AnyDraft, Entry } from '../../src/ledger/index.ts'
import { payloadKinds } from '../../src/ledger/kinds.ts'
import { ChainBuilder } from '../../src/testing/chain-builder.ts'
import { keepLedger } from '../golden/keep-ledger.ts'
import { exported, onFile } from './places.ts'
import { testFolder } from '../test-folder.ts'

/** Everything that is kept of a run, but for what the store has counted and when it is due. */
async function all(ever: Ever, id: string): Promise<unknown> {
  const row = await ever.store.run(id)
  return {
    row: { ...row, crashes: 0, overtakes: 0, barren: 0, newest: 0, wake: undefined },
    entries: await ever.store.entries(id),
    open: await ever.store.openEntries(id),
    scopes: await ever.store.openScopes(id),
    questions: await ever.store.questions({ run: id }),
    account: await ever.store.account(id),
    verdict: await ever.verify(id),
  }
}

/** Brings runs to another store, and says what is there. */
async function carried(source: Ever, run: string): Promise<Ever> {
  const text = await exported(source, run)
  const target = await onFile()
  const imported = await target.import(text)
  expect(imported[0]).toEqual({ run, created: true })
  expect(await exported(target, run)).toBe(text)
  for (const { run: id } of imported) {
    expect(await all(target, id)).toEqual(await all(source, id))
    expect(await target.verify(id)).toMatchObject({ ok: true })
    expect(await target.store.run(id)).toMatchObject({ wake: undefined, session: undefined })
  }
  return target
}

const golden = join(import.meta.dirname, '..', 'golden', '0.1')
const ledgers = readdirSync(golden).map((file) => {
  const { entries, artifacts = {} } = JSON.parse(readFileSync(join(golden, file), 'utf8')) as {
    readonly entries: readonly Entry[]
    readonly artifacts?: Readonly<Record<string, string>>
  }
  const beside = Object.entries(artifacts).map(([hash, text]) => ({
    hash,
    bytes: Buffer.from(text, 'base64'),
  }))
  return { name: file.slice(0, -5), entries, beside }
})

const failure = { name: 'Error', message: 'No.' }
const at = (key: string) => ({ scope: '', key }) as const
const approval = {
  prompt: 'Pay?',
  call: 'c',
  tool: 'pay',
  args: {},
  digest: 'd',
  approvals: 1,
} as const

/** Kinds that no run of the first version has. */
const seldom: readonly AnyDraft[] = [
  { scope: '', key: '', kind: 'run.overtaken', record: { lost: 'crash', times: 1 } },
  {
    ...at('pay'),
    kind: 'effect.intended',
    record: { effect: 'once', attempt: 1, undo: { action: 'refund', input: 7 } },
  },
  {
    ...at('pay'),
    kind: 'effect.doubted',
    record: { attempt: 1, why: 'crashed', prompt: 'Did it?' },
  },
  { ...at('pay'), kind: 'effect.refused', record: { reason: 'No.' } },
  { ...at('pay'), kind: 'effect.resolved', record: { attempt: 1, verdict: 'done', via: 'person' } },
  { ...at('pay'), kind: 'step.completed', record: { value: 'paid' } },
  { ...at('pay'), kind: 'input.drifted', record: { of: 3, recorded: 'a', given: 'b' } },
  { ...at('call'), kind: 'approval.requested', record: approval },
  { ...at('call'), kind: 'approval.refused', record: { reason: 'No.' } },
  { ...at('call'), kind: 'approval.voided', record: { reason: 'Fixed.' } },
  { scope: '', key: '', kind: 'run.undoing', record: { because: 'failed', error: failure } },
  { ...at('undo=3'), kind: 'undo.skipped', record: { of: 3, reason: 'Kept.' } },
  { scope: '', key: '', kind: 'run.failed', record: { error: { ...failure, code: 'E_X' } } },
]

/** What one of them has put beside its ledger. */
const hello = { hash: 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ', bytes: Buffer.from('hello') }

function seldomLedger(): (typeof ledgers)[number] {
  const chain = new ChainBuilder('seldom')
  chain.start()
  for (const draft of seldom) chain.seal(draft, 1)
  return { name: 'seldom', entries: chain.entries, beside: [] }
}

const stored = [...ledgers, seldomLedger()]

test('the stored ledgers hold entries of every kind', () => {
  const kinds = new Set(stored.flatMap(({ entries }) => entries.map(({ kind }) => kind)))
  expect(payloadKinds.filter((kind) => !kinds.has(kind))).toEqual([])
})

test.each(stored)(
  'the stored ledger $name comes back as it was',
  async ({ name, entries, beside }) => {
    const source = await onFile()
    await keepLedger(source.store, entries, [hello, ...beside])
    const target = await carried(source, name)
    expect(await target.list()).toMatchObject([{ id: name, entries: entries.length }])
  },
)

test.each(stored)(
  '$name is no run to import before it has ended',
  async ({ name, entries, beside }) => {
    await using source = await open({ store: 'memory:' })
    const ends = ['run.completed', 'run.failed', 'run.cancelled']
    const end = entries.findIndex(({ kind }) => ends.includes(kind))
    await keepLedger(source.store, entries.slice(0, end), [hello, ...beside])
    const text = await exported(source, name)
    await using target = await open({ store: 'memory:' })
    await expect(target.import(text)).rejects.toMatchObject({ code: 'RUN_STATE', run: name })
    expect(await target.list()).toEqual([])
  },
)

const reads = flow('reads', async (run, file: { readonly artifact: string }) => {
  await run.step('double', () => 2)
  const bytes = await run.artifacts.get({ ...file, name: 'rows', bytes: 1_000_000 })
  return bytes.length
})
const writes = flow('writes', async (run) => {
  const file = await run.artifacts.put('rows', new Uint8Array(1_000_000).fill(7))
  await run.artifacts.put('nothing', '')
  await run.title('Rows of \u00fcbung')
  await run.step('large', () => ({ file, text: '\u00e9'.repeat(300_000) }))
  await run.step('odd', () => ['\ud800', '\u0000', '{"is":"end"}', '"artifact":"x"', '\u2028\r\n'])
  return Promise.all([
    run.child(reads, file, { key: 'one' }),
    run.child(reads, file, { key: 'two' }),
  ])
})

test('a run comes with its artifacts, its labels and the runs below it', async () => {
  const source = await onFile({ flows: [writes, reads], work: {} })
  const labels = { team: 'billing', '1': 'one', ['__proto__']: 'odd' }
  const run = await source.start(writes, undefined, {
    id: 'rows',
    labels,
    queue: 'slow',
    by: 'Zo\u00eb',
  })
  expect(await run.result()).toEqual([1_000_000, 1_000_000])
  const target = await carried(source, 'rows')
  const [info] = await target.list({ labels: { team: 'billing' } })
  expect(info).toMatchObject({ id: 'rows', title: 'Rows of \u00fcbung', queue: 'slow', labels })
  expect(await target.list({ parent: 'rows' })).toHaveLength(2)
  expect(await (await target.get('rows')).result()).toEqual([1_000_000, 1_000_000])
})

test('without its children a run is alone, and they come later as they are', async () => {
  const source = await onFile({ flows: [writes, reads], work: {} })
  await (await source.start(writes, undefined, { id: 'rows' })).result()
  const alone = await exported(source, 'rows', { children: false })
  const target = await onFile()
  expect(await target.import(alone)).toEqual([{ run: 'rows', created: true }])
  expect(await exported(target, 'rows', { children: false })).toBe(alone)
  expect(await exported(target, 'rows')).toMatch(
    /^\{"is":"missing-run","run":"rows\.[0-9a-f]{16}"\}$/m,
  )
  const created = (await target.import(await exported(source, 'rows'))).map((one) => one.created)
  expect(created).toEqual([false, true, true])
  expect(await exported(target, 'rows')).toBe(await exported(source, 'rows'))
})

const search = tool({
  name: 'search',
  description: 'Searches.',
  input: z.object({ what: z.string() }),
  effect: 'read',
  run: ({ what }) => `found ${what}`,
})

test('an agent comes with what it has cost', async () => {
  const finder = agent({
    name: 'finder',
    model: scriptedModel([
      { toolCalls: [{ name: 'search', input: { what: 'x' } }], usage: { input: 10, output: 5 } },
      { text: 'There it is.', usage: { input: 20, output: 5 } },
    ]),
    tools: [search],
    budget: { calls: 5 },
  })
  const source = await onFile({ flows: [finder], work: {} })
  await (await source.start(finder, { prompt: 'Find x.' }, { id: 'found' })).result()
  const target = await carried(source, 'found')
  expect((await target.account('found')).amounts).toMatchObject({ tokens: 40, calls: 1 })
})

describe('what was erased', () => {
  /** A run, and a way to change its store as somebody would who erases. */
  async function erasable(): Promise<{ source: Ever; erase: (sql: string) => void }> {
    const file = join(testFolder(), 'ledger.db')
    const source = await onFile({ flows: [writes, reads], work: {} }, file)
    await (await source.start(writes, undefined, { id: 'rows', labels: { a: 'b' } })).result()
    return {
      source,
      erase(sql) {
        const database = new DatabaseSync(file)
        database.exec(sql)
        database.close()
      },
    }
  }

  test('stays a hole, be it the first entry', async () => {
    const { source, erase } = await erasable()
    erase(
      "UPDATE entries SET payload = NULL, salt = NULL WHERE kind IN ('run.started', 'note.titled')",
    )
    erase("UPDATE entries SET payload = NULL, salt = NULL WHERE key = 'large'")
    erase("UPDATE runs SET title = 'What was said here has been erased.' WHERE id = 'rows'")
    const text = await exported(source, 'rows')
    expect(text.match(/"salt":null,"digest":"[^"]*","payload":null/g)).toHaveLength(5)
    const target = await carried(source, 'rows')
    expect(await target.verify('rows')).toMatchObject({ ok: true, erased: 3 })
    expect(await target.list({ labels: { a: 'b' } })).toHaveLength(1)
  })

  test('is not imported where an entry still refers to it', async () => {
    const { source, erase } = await erasable()
    erase('DELETE FROM artifacts WHERE length(bytes) = 1000000')
    const text = await exported(source, 'rows')
    expect(text).toMatch(/^\{"is":"missing-artifact","hash":"[\w-]{43}"\}$/m)
    const target = await onFile()
    await expect(target.import(text)).rejects.toMatchObject({ code: 'BAD_EXPORT', run: 'rows' })
    expect(await target.list()).toEqual([])
  })
})

test('data that looks like an artifact is none, and keeps nothing out', async () => {
  const looks = flow('looks', (run) => run.step('s', () => ({ artifact: 'A'.repeat(43), n: 1 })))
  const source = await onFile({ flows: [looks], work: {} })
  await (await source.start(looks, undefined, { id: 'looks' })).result()
  expect(await exported(source, 'looks')).toContain('{"is":"missing-artifact","hash":"AAAA')
  await carried(source, 'looks')
})

describe('a stream', () => {
  const one = flow('one', (run) => run.step('s', () => 1))

  async function source(): Promise<Ever> {
    const ever = await onFile({ flows: [one], work: {} })
    await (await ever.start(one, undefined, { id: 'one' })).result()
    return ever
  }

  test('may come as text, bytes, lines, single characters, or a stream of Node or the web', async () => {
    const text = await exported(await source(), 'one')
    const bytes = Buffer.from(text)
    for (const given of [
      bytes,
      text.split(/(?<=\n)/),
      Array.from(text),
      Readable.from(Array.from(bytes, (byte) => Buffer.of(byte))),
      new Blob([text]).stream(),
      (await source()).export('one'),
    ]) {
      const target = await onFile()
      expect(await target.import(given)).toEqual([{ run: 'one', created: true }])
    }
  })

  test('that breaks off with an error ends with that error, and nothing is imported', async () => {
    const text = await exported(await source(), 'one')
    const gone = new Error('The connection is gone.')
    const target = await onFile()
    const broken = (async function* () {
      yield text
      await Promise.reject(gone)
    })()
    await expect(target.import(broken)).rejects.toBe(gone)
    expect(await target.list()).toEqual([])
    await expect(target.import([7] as never)).rejects.toMatchObject({ code: 'BAD_OPTION' })
  })

  test('of no run says so', async () => {
    const ever = await source()
    await expect(exported(ever, 'nobody')).rejects.toMatchObject({ code: 'UNKNOWN_RUN' })
    expect(() => ever.export('one', { child: false } as never)).toThrow(EverloopError)
  })
})

test('a run that goes on is exported as it stands', async () => {
  const waits = flow('waits', async (run) => {
    await run.step('s', () => 1)
    await run.signal('go')
  })
  const source = await onFile({ flows: [waits], work: {} })
  const run = await source.start(waits, undefined, { id: 'waits' })
  await run.settled()
  const before = await exported(source, 'waits')
  expect(before.split('\n').at(-3)).toMatch(/^\{"is":"head","run":"waits","seq":3,/)
  const target = await onFile()
  await expect(target.import(before)).rejects.toMatchObject({ code: 'RUN_STATE' })
  // It is here already, wherever it stands: nothing is to be done.
  await expect(source.import(before)).rejects.toMatchObject({ code: 'RUN_STATE' })
  await source.signal('waits', 'go')
  await run.result()
  expect(await target.import(await exported(source, 'waits'))).toMatchObject([{ created: true }])
})
