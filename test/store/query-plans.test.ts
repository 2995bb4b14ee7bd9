/** No statement reads a whole table: SQLite is asked how it would execute each. */
import { expect, test } from 'vitest'
import { openLedger } from '../../src/store/sqlite/open.ts'
import * as reading from '../../src/store/sqlite/read-statements.ts'
import * as writing from '../../src/store/sqlite/write-statements.ts'
import { newLocation } from './ledger-folder.ts'

const statements = [...Object.entries(reading), ...Object.entries(writing)]
  .flatMap(([name, sql]) =>
    typeof sql === 'string'
      ? [[name, sql] as const]
      : Object.entries(sql).map(([form, text]) => [`${name} of ${form}`, text] as const),
  )
  .filter(([, sql]) => !sql.startsWith('PRAGMA'))

/** A value for each numbered mark; the others may stay without. */
function values(sql: string): null[] {
  const marks = Array.from(sql.matchAll(/\?(\d+)/g), ([, at]) => Number(at))
  return Array.from({ length: Math.max(0, ...marks) }, () => null)
}

test('every statement searches, and none scans', () => {
  const connection = openLedger({ location: newLocation(), durability: 'process' })
  const scans = statements.flatMap(([name, sql]) =>
    connection
      .all<readonly [number, number, number, string]>(`EXPLAIN QUERY PLAN ${sql}`, ...values(sql))
      .filter(([, , , detail]) => /^SCAN (?!CONSTANT ROW)/.test(detail))
      .map(([, , , detail]) => `${name}: ${detail}`),
  )
  expect(scans).toEqual([])
  expect(statements.length).toBeGreaterThan(60)
  connection.close()
})

test('what is written for one row copies nothing: SQLite keeps the pages that such a statement changes', () => {
  const connection = openLedger({ location: newLocation(), durability: 'process' })
  const copying = Object.entries(writing)
    .filter(([, sql]) =>
      connection
        .all<readonly [number, string]>(`EXPLAIN ${sql}`, ...values(sql))
        .some(([, operation]) => operation === 'OpenEphemeral'),
    )
    .map(([name]) => name)
  // One for each session that ends, and one that writes nothing.
  expect(copying).toEqual(['unseenMessages', 'freeRuns', 'freeCrashed', 'freeOvertaken'])
  connection.close()
})

test('what is asked most often sorts nothing and needs no temporary tables', () => {
  const connection = openLedger({ location: newLocation(), durability: 'process' })
  const { entriesBetween, entriesOfScopes, entriesOfScopesLinked, entriesListed } = reading
  const { entriesAfter, stretchesOf, newsOfSession, runsByStatus, entriesFrom, chunksOf } = reading
  const {
    nextLane,
    firstLane,
    dueRuns,
    checkRun,
    moveHead,
    moveKnownHead,
    insertStretch,
    lastOutside,
  } = writing
  const { nextSoundLane, firstSoundLane, soundDueRuns } = writing
  const hot = {
    entriesAfter,
    entriesBetween,
    entriesOfFewScopes: entriesOfScopes.few,
    entriesOfScopes: entriesOfScopes.many,
    entriesOfFewScopesLinked: entriesOfScopesLinked.few,
    entriesOfScopesLinked: entriesOfScopesLinked.many,
    fewEntriesListed: entriesListed.few,
    entriesListed: entriesListed.many,
    stretchesOf,
    runsByStatus,
    entriesFrom,
    chunksOf,
    nextLane,
    firstLane,
    dueRuns,
    nextSoundLane,
    firstSoundLane,
    soundDueRuns,
    checkRun,
    moveHead,
    moveKnownHead,
    insertStretch,
    lastOutside,
  }
  for (const [name, sql] of Object.entries({ ...hot, newsOfSession })) {
    const plan = connection.all<readonly [number, number, number, string]>(
      `EXPLAIN QUERY PLAN ${sql}`,
      ...values(sql),
    )
    expect(plan.map(([, , , detail]) => detail).join('; '), name).not.toContain('TEMP')
  }
  connection.close()
})

test('what is asked of a few runs goes by an index that finds them, not through all that ever were', () => {
  const connection = openLedger({ location: newLocation(), durability: 'process' })
  const expected = {
    heldInQueue: [writing.heldInQueue, 'INDEX runs_held_by_queue (queue=?)'],
    queuesAll: [reading.queuesAll, 'INDEX runs_held_by_queue (queue=?)'],
    runsByPrefix: [reading.runsByPrefix, 'INDEX sqlite_autoindex_runs_1 (id>? AND id<?)'],
    firstKeySince: [reading.firstKeySince, 'INDEX runs_by_created (created>?)'],
  } as const
  for (const [name, [sql, index]] of Object.entries(expected)) {
    const plan = connection.all<readonly [number, number, number, string]>(
      `EXPLAIN QUERY PLAN ${sql}`,
    )
    expect(plan.map(([, , , detail]) => detail).join('; '), name).toContain(index)
  }
  connection.close()
})
