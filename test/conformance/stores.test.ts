/** The stores of this package against the conformance suite. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { systemPorts } from '../../src/base/system.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import type { Store } from '../../src/store/store.ts'
import { type StoreBed, storeCases, type StoreClock } from '../../src/testing/store-cases.ts'

/** What a bed leaves behind. */
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean()
})

function standingClock(): StoreClock {
  let now = 1_700_000_000_000
  return { now: () => now, advance: (ms) => (now += ms) }
}

function memoryBed(): StoreBed {
  const clock = standingClock()
  const store = memoryStore({ clock })
  cleanups.push(() => store.close())
  return { clock, open: () => Promise.resolve(store) }
}

function sqliteBed(): StoreBed {
  const clock = standingClock()
  const ports = { ...systemPorts, clock }
  const folder = mkdtemp(join(tmpdir(), 'everloop-conformance-'))
  cleanups.push(async () => rm(await folder, { recursive: true, force: true }))
  return {
    clock,
    async open(): Promise<Store> {
      const store = await sqliteStore({ location: join(await folder, 'ledger.db'), ports })
      cleanups.push(() => store.close())
      return store
    },
  }
}

test('the suite is large enough to mean something, and names its cases apart', () => {
  expect(storeCases.length).toBeGreaterThanOrEqual(60)
  expect(new Set(storeCases.map(({ name }) => name)).size).toBe(storeCases.length)
})

describe.each([
  ['memory', memoryBed],
  ['sqlite', sqliteBed],
] as const)('the %s store', (_kind, newBed) => {
  test.each(storeCases)('$name', async (each) => {
    await expect(each.run(newBed())).resolves.toBeUndefined()
  })
})
