/** A retried run whose payloads were erased: what the retry has forgotten cannot be told any more. */
import { expect, test } from 'vitest'
import type { AnyDraft, Entry } from '../../src/ledger/index.ts'
import { checkInvariants } from '../../src/ledger/invariants/invariants.ts'
import { ChainBuilder } from '../../src/testing/chain-builder.ts'

const down = { name: 'Error', message: 'down' }
const flight: AnyDraft = { scope: '', kind: 'scope.closed', key: 'flight', record: { value: 2 } }
const charge: AnyDraft = { scope: '', kind: 'step.completed', key: 'charge', record: { value: 1 } }

test('a success that was repeated after an erased retry is no flaw', () => {
  const chain = new ChainBuilder('r')
  chain.start()
  const drafts: readonly AnyDraft[] = [
    { scope: '', kind: 'step.failed', key: 'hotel', record: { error: down, attempts: 1 } },
    charge,
    flight,
    { scope: '', kind: 'run.failed', key: '', record: { error: down, cause: 2 } },
    { scope: '', kind: 'run.retried', key: '', record: { forget: [2, 3, 4], reopen: [] } },
    charge,
    flight,
    { scope: '', kind: 'step.completed', key: 'hotel', record: { value: 3 } },
  ]
  for (const draft of drafts) chain.seal(draft, 1)
  const { entries } = chain
  const erase = (entry: Entry): Entry => ({ ...entry, payload: null, salt: null })
  expect(checkInvariants(entries)).toEqual([])
  expect(
    checkInvariants(entries.map((entry) => (entry.kind === 'run.retried' ? erase(entry) : entry))),
  ).toEqual([])
  expect(checkInvariants(entries.map(erase))).toEqual([])
  // With nothing forgotten, an outcome that comes twice is one.
  const twice = new ChainBuilder('r')
  twice.start()
  for (const draft of [charge, charge]) twice.seal(draft, 1)
  expect(checkInvariants(twice.entries.map(erase))).toMatchObject([{ id: 'L7', seq: 3 }])
})
