/** Transactional steps on real files: the user's rows are there exactly when the step is recorded. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, test } from 'vitest'
import { EverloopError, type Ever, flow, open, type StepError, type Transaction } from 'everloop'
import { crashAtEveryCommit, testRuntime, type TestRuntimeOptions } from 'everloop/testing'
import { sqliteStore } from '../../src/store/sqlite/store.ts'

const folder = mkdtempSync(join(tmpdir(), 'everloop-transact-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const newFile = (): string => join(folder, `${++files}.db`)
const store: TestRuntimeOptions['store'] = (ports) =>
  sqliteStore({ location: newFile(), ports, durability: 'process' })

/** What a file holds, as any other program sees it. */
function rowsOf(location: string, sql: string): unknown[] {
  const database = new DatabaseSync(location, { readOnly: true })
  const rows = database.prepare(sql).all()
  database.close()
  return rows.map((row) => ({ ...row }))
}

const makeTable = (tx: Transaction): unknown =>
  tx.run('CREATE TABLE IF NOT EXISTS seats (seat TEXT, run TEXT)')

/** Books seats, each in a step of its own, and tells which are booked. */
const booking = flow('booking', async (run, seats: readonly string[]) => {
  await run.transact('table', makeTable)
  for (const seat of seats) {
    await run.transact('book', { input: seat }, (asked, tx) => {
      const { changes, lastInsertRowid } = tx.run('INSERT INTO seats VALUES (?, ?)', asked, run.id)
      return { changes, rowid: Number(lastInsertRowid) }
    })
  }
  const failed = await run
    .transact('fails', (tx) => {
      tx.run('DELETE FROM seats')
      throw Object.assign(new RangeError('sold out'), { seat: 1n })
    })
    .catch((error: unknown) => (error as StepError).cause)
  const all = await run.transact('read', (tx) => tx.all('SELECT seat FROM seats ORDER BY rowid'))
  return { all, failed }
})

async function onFile<T>(
  use: (ever: Ever, location: string) => Promise<T>,
  ...flows: readonly { readonly name: string }[]
): Promise<T> {
  const location = newFile()
  await using ever = await open({ store: `sqlite:${location}`, flows: flows as never, work: {} })
  return await use(ever, location)
}

describe('rows of the user', () => {
  test('have one outcome although the worker dies at any commit', async () => {
    const report = await crashAtEveryCommit(booking, ['12A', '12B'], { store })
    expect(report.flaws).toEqual([])
    expect(report.outcomes).toEqual([
      {
        status: 'completed',
        output: {
          all: ['12A', '12B'].map((seat) => ({ seat })),
          failed: { name: 'RangeError', message: 'sold out', data: { seat: 1n } },
        },
      },
    ])
    expect(report.boundaries).toBeGreaterThan(12)
  })

  test('are there once when a reply is lost, and a replay calls nothing', async () => {
    let calls = 0
    const counting = flow('counting', async (run) => {
      const value = await run.transact('count', (tx) => {
        calls++
        tx.run('CREATE TABLE IF NOT EXISTS seats (seat TEXT)')
        tx.run("INSERT INTO seats VALUES ('x')")
        return { n: tx.all('SELECT * FROM seats').length, big: 'x'.repeat(300_000) }
      })
      await run.ask('Go on?')
      return value.n + value.big.length
    })
    let attempts = 0
    await using runtime = await testRuntime({
      flows: [counting],
      store,
      onCall: async ({ method }, proceed) => {
        if (method !== 'transact' || ++attempts > 2) return proceed()
        // The first never arrives, the second is done and its reply lost.
        if (attempts === 2) await proceed()
        throw new EverloopError('STORE_UNAVAILABLE', 'Nobody knows.')
      },
    })
    const run = await runtime.start(counting, undefined)
    expect([attempts, calls]).toEqual([3, 1])
    runtime.crash()
    await runtime.settle()
    await runtime.answer('Go on?', true)
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 300_001 })
    expect(calls).toBe(1)
    expect(await runtime.ever.verify(run.id)).toMatchObject({ ok: true })
  })

  test('of a worker that has lost its run are not written, and its code is not called', async () => {
    let calls = 0
    let isFirst = true
    const gate = Promise.withResolvers<void>()
    const slow = flow('slow', async (run) => {
      await run.step('wait', async () => {
        const waits = isFirst
        isFirst = false
        if (waits) await gate.promise
      })
      return run.transact('write', (tx) => {
        calls++
        tx.run('CREATE TABLE seats (seat TEXT)') // a second time it would throw
        return tx.run("INSERT INTO seats VALUES ('x')").changes
      })
    })
    await using runtime = await testRuntime({ flows: [slow], store })
    const run = await runtime.ever.start(slow, undefined)
    await runtime.runUntil(() => !isFirst)
    const [zombie] = runtime.workers
    zombie?.freeze()
    runtime.addWorker()
    await runtime.settle()
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 1 })
    zombie?.thaw()
    gate.resolve()
    await runtime.settle()
    expect(calls).toBe(1)
  })

  test('are all there when many runs write at once, beside the thread that writes', async () => {
    const busy = flow('busy', async (run) => {
      await run.transact('table', makeTable)
      for (let i = 0; i < 8; i++) {
        await run.step('other', () => 'x'.repeat(2000))
        await run.transact('book', (tx) =>
          tx.run('INSERT INTO seats VALUES (?, ?)', `${i}`, run.id),
        )
      }
    })
    await onFile(async (ever, location) => {
      const runs = await Promise.all(Array.from({ length: 40 }, () => ever.start(busy, undefined)))
      await Promise.all(runs.map((run) => run.result()))
      expect(rowsOf(location, 'SELECT count(*) AS n FROM seats')).toEqual([{ n: 320 }])
      for (const run of runs) expect(await ever.verify(run.id)).toMatchObject({ ok: true })
    }, busy)
  })

  test('wait for another program that writes, without holding up the process', async () => {
    const one = flow('one', async (run) => {
      await run.transact('table', makeTable)
      return run.transact('book', (tx) => tx.run("INSERT INTO seats VALUES ('1', '')").changes)
    })
    await onFile(async (ever, location) => {
      const other = new DatabaseSync(location)
      other.exec('BEGIN IMMEDIATE')
      const run = ever.start(one, undefined).then((started) => started.result())
      let turns = 0
      const end = Date.now() + 200
      while (Date.now() < end) {
        await new Promise((resolve) => setImmediate(resolve))
        turns++
      }
      expect(turns).toBeGreaterThan(10)
      other.exec('COMMIT')
      other.close()
      expect(await run).toBe(1)
    }, one)
  })

  test('do not make the log grow without end', async () => {
    const many = flow('many', async (run) => {
      await run.transact('table', makeTable)
      for (let i = 0; i < 1200; i++) {
        await run.transact('book', (tx) => {
          tx.run('INSERT INTO seats VALUES (?, ?)', `${i}`.repeat(2000), run.id)
        })
      }
    })
    await onFile(async (ever, location) => {
      const { statSync } = await import('node:fs')
      await (await ever.start(many, undefined)).result()
      expect(rowsOf(location, 'SELECT count(*) AS n FROM seats')).toEqual([{ n: 1200 }])
      expect(statSync(`${location}-wal`).size).toBeLessThan(32 * 1024 * 1024)
    }, many)
  })
})

describe('the code in a transaction', () => {
  /** Executes this in a transaction, and tells what became of it. */
  const outcome = (body: (tx: Transaction) => unknown): Promise<unknown> => {
    const tried = flow('tried', async (run) => {
      await run.transact('table', makeTable)
      return run.transact('try', body).catch((error: unknown) => (error as StepError).cause)
    })
    return onFile(async (ever, location) => {
      const run = await ever.start(tried, undefined)
      const result = await run.result()
      expect(await ever.verify(run.id)).toMatchObject({ ok: true })
      const [{ n } = {}] = rowsOf(location, 'SELECT count(*) AS n FROM seats') as { n?: number }[]
      return { result, rows: n }
    }, tried)
  }

  const forbidden = [
    'BEGIN',
    'commit',
    ' END',
    '/* hidden */ ROLLBACK',
    '-- hidden\nSAVEPOINT a',
    'RELEASE a',
    "ATTACH 'x.db' AS x",
    'DETACH x',
    'PRAGMA synchronous = OFF',
    'VACUUM',
    'REINDEX',
    'ANALYZE',
    'EXPLAIN SELECT 1',
    '',
    ';',
    'DELETE FROM runs',
    'delete from RUNS',
    'DELETE FROM "entries"',
    'DELETE FROM [entries]',
    'DELETE FROM `entries`',
    "DELETE FROM 'entries'",
    'DELETE FROM main.entries',
    'DELETE FROM "main" . "entries"',
    'SELECT payload FROM entries',
    'WITH x AS (SELECT * FROM messages) SELECT * FROM x',
    'CREATE VIEW v AS SELECT * FROM sessions',
    'CREATE TRIGGER t AFTER INSERT ON entries BEGIN SELECT 1; END',
    'CREATE INDEX i ON runs (flow)',
    'DROP TABLE artifacts',
    'DROP INDEX entries_by_seq',
    'ALTER TABLE runs RENAME TO mine',
    'ALTER TABLE mine RENAME TO "everloop_mine"',
    'CREATE TABLE everloop_mine (a)',
    'INSERT INTO everloop_accounts VALUES (1, 2, 3)',
    'UPDATE sqlite_sequence SET seq = 0',
    'CREATE TEMP TABLE mine (a)',
    'CREATE TABLE temp.mine (a)',
    "INSERT INTO seats VALUES ('a', 'b'); DELETE FROM seats",
    "WITH x AS (SELECT $a(') AS v) DELETE FROM entries --'",
    "WITH x AS (SELECT ?1$a(') AS v) DELETE FROM entries --'",
    'SELECT ?1',
    'SELECT ?, ?2',
    'SELECT :a',
    'SELECT @a',
    'CREATE VIRTUAL TABLE f USING fts4(a, uncompress="(SELECT payload FROM entries) || trim")',
    'CREATE VIRTUAL TABLE everloop USING fts5(a)',
    'CREATE TRIGGER t AFTER INSERT ON seats BEGIN SELECT 1; END; DELETE FROM seats',
    'CREATE TRIGGER t AFTER INSERT ON seats BEGIN SELECT 1; END; COMMIT',
    'CREATE TEMPORARY TRIGGER t AFTER INSERT ON seats BEGIN SELECT 1; END',
    'CREATE TRIGGER "temp" /* . */ . t AFTER INSERT ON seats BEGIN SELECT 1; END',
    'CREATE TRIGGER t AFTER INSERT ON seats BEGIN DELETE FROM `entries`; END',
    'CREATE TEMP VIEW v AS SELECT 1',
    'CREATE TABLE mine (a REFERENCES "entries" ON DELETE CASCADE)',
    'SELECT * FROM pragma_optimize',
    'SELECT * FROM pragma_wal_checkpoint',
    'SELECT * FROM pragma_integrity_check',
    'SELECT * FROM dbstat',
    'INSERT INTO sqlite_stat1 VALUES (1, 2, 3)',
    "UPDATE sqlite_dbpage SET data = x'00'",
    '\ufeffBEGIN',
    "SELECT 1 -- */ '\n FROM entries",
    "SELECT '\\', payload FROM entries --'",
    'SELECT 1 AS [a]]b] FROM entries',
    "SELECT 1; -- '\nCOMMIT",
    'SELECT 1;;',
  ]

  test("may not reach what is everloop's, nor end the transaction, however it is said", async () => {
    const tried = flow('tried', async (run) => {
      await run.transact('table', makeTable)
      const causes: unknown[] = []
      for (const sql of forbidden) {
        const ended = run.transact('try', (tx) => void tx.run(sql))
        causes.push(await ended.catch((error: unknown) => (error as StepError).cause))
      }
      return causes
    })
    await onFile(async (ever) => {
      const run = await ever.start(tried, undefined)
      const causes = (await run.result()) as readonly unknown[]
      const refused = { code: 'BAD_OPTION', message: expect.stringMatching(/^run\.transact /) }
      for (const [i, sql] of forbidden.entries()) expect(causes[i], sql).toMatchObject(refused)
      expect(await ever.verify(run.id)).toMatchObject({ ok: true })
    }, tried)
  })

  test('may do anything else with tables of its own', async () => {
    const told = await outcome((tx) => {
      tx.run('CREATE TABLE log (id INTEGER PRIMARY KEY, "the runs" TEXT, at BLOB) STRICT;')
      tx.run('CREATE UNIQUE INDEX log_by_text ON log ("the runs") -- the end')
      tx.run(
        'CREATE TRIGGER noted AFTER INSERT ON seats BEGIN INSERT INTO log ("the runs") VALUES (new.seat); UPDATE log SET at = NULL; END',
      )
      tx.run('INSERT INTO seats VALUES (?, ?)', 'runs; DROP TABLE runs', null)
      tx.run('REPLACE INTO log VALUES (7, ?, ?)', "it's", new Uint8Array([1, 2]))
      const none = tx.get('SELECT * FROM log WHERE id = ?', 99)
      const one = tx.get<{ id: number }>('SELECT id FROM log WHERE id = ?', 7n)
      tx.run(
        'CREATE TRIGGER cased AFTER DELETE ON seats BEGIN UPDATE log SET at = CASE WHEN 1 THEN 2 END; SELECT 1; END;',
      )
      expect(tx.all("SELECT name FROM pragma_table_info('seats')")).toHaveLength(2)
      return [none, one, tx.all('SELECT * FROM log ORDER BY id'), tx.get('VALUES (1.5)')]
    })
    expect(told).toEqual({
      rows: 1,
      result: [
        undefined,
        { id: 7 },
        [
          { id: 1, 'the runs': 'runs; DROP TABLE runs', at: null },
          { id: 7, 'the runs': "it's", at: new Uint8Array([1, 2]) },
        ],
        { column1: 1.5 },
      ],
    })
  })

  const insert = 'INSERT INTO seats VALUES (?, ?)'
  test.each<[name: string, sql: string, values: readonly unknown[], said: RegExp]>([
    ['a date first', insert, [new Date(0), 'r'], /first value.*Date/],
    ['an object first', insert, [{ seat: 'a' }, 'x', 'r'], /first value.*Object/],
    ['a date second', insert, ['a', new Date(0)], /second value.*Date/],
    ['an array', insert, [['a'], 'r'], /first value.*Array/],
    ['other numbers', insert, [new Float64Array(1), 'r'], /first value.*Float64Array/],
    ['nothing', insert, [undefined, 'r'], /first value.*undefined/],
    ['a truth', insert, [true, 'r'], /first value.*true/],
    ['no number', insert, ['a', NaN], /second value.*NaN/],
    ['a bigint too large for a column', insert, ['a', 2n ** 63n], /second value.*bigint/],
    ['one in the fourth place', 'VALUES (?, ?, ?, ?)', [1, 2, 3, Infinity], /4th value.*Infinity/],
    ['too few', insert, ['a'], /1 value .*2 parameters/],
    ['too many', insert, ['a', 'b', 'c'], /3 values .*2 parameters/],
    ['too many for none', 'DELETE FROM seats', ['a'], /1 value .*0 parameters/],
  ])('hands over only what a parameter can hold: %s is refused', async (_, sql, values, said) => {
    const told = await outcome((tx) => tx.run(sql, ...(values as never[])).changes)
    expect(told).toMatchObject({
      rows: 0,
      result: { code: 'BAD_OPTION', message: expect.stringMatching(said) },
    })
  })

  test('counts parameters as SQLite does', async () => {
    const told = await outcome((tx) => [
      tx.all('SELECT ? AS a, \'?\' AS b, 3 AS [?], ? AS "c?" /* ? */ -- ?', 1, 2),
      tx.get('SELECT ? AS a, ? AS b', null, Buffer.from('a')),
    ])
    expect(told).toMatchObject({
      result: [[{ a: 1, b: '?', '?': 3, 'c?': 2 }], { a: null, b: new Uint8Array([97]) }],
    })
  })

  test('fail the step when a constraint that was put off is broken in the end', async () => {
    const owed = flow('owed', async (run) => {
      await run.transact('table', (tx) => {
        tx.run('CREATE TABLE a (id INTEGER PRIMARY KEY)')
        tx.run('CREATE TABLE b (a INTEGER REFERENCES a DEFERRABLE INITIALLY DEFERRED)')
      })
      const ended = run.transact('owe', (tx) => tx.run('INSERT INTO b VALUES (7)').changes)
      const cause = await ended.catch((error: unknown) => (error as StepError).cause)
      return { cause, rows: await run.transact('read', (tx) => tx.all('SELECT * FROM b')) }
    })
    await onFile(async (ever) => {
      const run = await ever.start(owed, undefined)
      expect(await run.result()).toMatchObject({
        cause: { message: expect.stringContaining('FOREIGN KEY') },
        rows: [],
      })
    }, owed)
  })

  test('may catch an error of the database and go on', async () => {
    const told = await outcome((tx) => {
      tx.run('CREATE UNIQUE INDEX once ON seats (seat)')
      tx.run("INSERT INTO seats VALUES ('1', '')")
      try {
        tx.run("INSERT INTO seats VALUES ('1', '')")
      } catch (error) {
        return (error as Error).message
      }
      return 'no error'
    })
    expect(told).toEqual({ rows: 1, result: 'UNIQUE constraint failed: seats.seat' })
  })

  test('may not return a promise, nor go on after its end', async () => {
    let late: Transaction | undefined
    const promised = await outcome(async (tx) => {
      late = tx
      tx.run("INSERT INTO seats VALUES ('1', '')")
      throw new Error('nobody hears of this')
    })
    expect(promised).toMatchObject({ rows: 0, result: { code: 'BAD_OPTION' } })
    expect(() => late?.get('SELECT 1')).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }))
  })

  test.each([
    ['and throw', true],
    ['and hide it', false],
  ])('may not roll back by a conflict clause %s', async (_, throws) => {
    const told = await outcome((tx) => {
      tx.run("INSERT INTO seats VALUES ('1', '')")
      tx.run('CREATE UNIQUE INDEX once ON seats (seat)')
      try {
        tx.run("INSERT OR ROLLBACK INTO seats VALUES ('1', '')")
      } catch (error) {
        if (throws) throw error
        try {
          tx.run("INSERT INTO seats VALUES ('2', '')") // would be committed on its own
        } catch {
          // hidden as well
        }
      }
      return 'fine'
    })
    expect(told).toMatchObject({
      rows: 0,
      result: { message: expect.stringMatching(/UNIQUE|rolled/) },
    })
  })

  test('reads integers as numbers, and as bigints where no number can tell them', async () => {
    const reading = flow('reading', (run) =>
      run.transact('t', (tx) => [
        tx.get('SELECT ? AS x, 5 AS y', 2n ** 62n),
        tx.all('SELECT 9007199254740991 AS a UNION SELECT -9223372036854775808 ORDER BY a'),
        tx.run('CREATE TABLE big (id INTEGER PRIMARY KEY)').changes >= 0,
        tx.run('INSERT INTO big VALUES (7)'),
        tx.run('INSERT INTO big VALUES (?)', 2n ** 62n),
      ]),
    )
    await onFile(async (ever) => {
      expect(await (await ever.start(reading, undefined)).result()).toEqual([
        { x: 2n ** 62n, y: 5 },
        [{ a: -(2n ** 63n) }, { a: Number.MAX_SAFE_INTEGER }],
        true,
        { changes: 1, lastInsertRowid: 7 },
        { changes: 1, lastInsertRowid: 2n ** 62n },
      ])
    }, reading)
  })

  test('may not start durable operations', async () => {
    const nested = flow('nested', (run) => run.transact('outer', () => void run.note('inner')))
    await onFile(async (ever) => {
      const end = await (await ever.start(nested, undefined)).settled()
      expect(end).toMatchObject({
        status: 'failed',
        error: { data: { cause: { code: 'NESTED_OPERATION' } } },
      })
    }, nested)
  })

  test('cannot write what cannot be recorded: then its rows are gone too', async () => {
    const told = await outcome((tx) => {
      tx.run("INSERT INTO seats VALUES ('1', '')")
      return () => 'a function'
    })
    expect(told).toMatchObject({ rows: 0, result: { code: 'NOT_SERIALISABLE' } })
  })
})

test('a store without tables of users says so, and what to do', async () => {
  const one = flow('one', (run) => run.transact('a', () => 1))
  await using runtime = await testRuntime({ flows: [one] })
  const run = await runtime.start(one, undefined)
  expect(await runtime.settled(run)).toMatchObject({
    status: 'failed',
    error: { code: 'NO_TRANSACTIONS', message: expect.stringContaining('sqlite:PATH') },
  })
})

test('misspelt options are refused, another input is drift, and a retry does not write again', async () => {
  let isBroken = true
  let input = 1
  let calls = 0
  const odd = flow('odd', async (run) => {
    expect(() => run.transact('a', { kee: 'x' } as never, () => 1)).toThrow(/has no option "kee"/)
    await run.transact('table', makeTable)
    const ended = Promise.allSettled([
      run.step('fragile', () => {
        if (isBroken) throw new Error('broken')
      }),
      run.transact('write', { input, key: 'w' }, (given, tx) => {
        calls++
        return tx.run('INSERT INTO seats VALUES (?, ?)', given, run.id).changes
      }),
    ])
    const [one, two] = await ended
    if (one.status === 'rejected') throw one.reason
    return two
  })
  await using runtime = await testRuntime({ flows: [odd], store })
  const run = await runtime.start(odd, undefined)
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
  isBroken = false
  input = 2
  await runtime.ever.retry(run.id)
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed', output: { value: 1 } })
  expect(calls).toBe(1)
  const kinds = (await runtime.store.entries(run.id)).map(({ kind }) => kind)
  expect(kinds).toContain('input.drifted')
})

test('that a cancelled child has committed are not committed again by a retry of its parent, unasked', async () => {
  let isBroken = true
  const seat = flow('seat', async (run) => {
    await run.transact('book', (tx) => {
      makeTable(tx)
      tx.run('INSERT INTO seats VALUES (?, ?)', '12A', run.id)
    })
    return run.signal<string>('go')
  })
  const trip = flow('trip', (run) =>
    run.all('trip', [
      (branch) => branch.child(seat, undefined),
      async (branch) => {
        await branch.signal('fail')
        await branch.step('pay', () => {
          if (isBroken) throw new Error('no money')
        })
      },
    ]),
  )
  await onFile(
    async (ever, location) => {
      const run = await ever.start(trip, undefined, { id: 'trip' })
      const child = async (status: string): Promise<string> => {
        const find = async (): Promise<string | undefined> =>
          (await ever.list({ parent: 'trip' })).find((one) => one.status === status)?.id
        return (await expect.poll(find).toBeTypeOf('string'), await find()) ?? ''
      }
      await child('waiting')
      await ever.signal('trip', 'fail')
      await expect.poll(() => run.settled()).toMatchObject({ status: 'failed' })
      await child('cancelled')
      isBroken = false
      await ever.retry('trip')
      await expect.poll(() => run.settled()).toMatchObject({ code: 'CHILD_GONE' })
      expect(rowsOf(location, 'SELECT seat FROM seats')).toHaveLength(1)
      await ever.resume('trip', { anew: true })
      await ever.signal(await child('waiting'), 'go', 'gone')
      expect(await run.result()).toEqual(['gone', undefined])
      expect(rowsOf(location, 'SELECT seat FROM seats')).toHaveLength(2)
      expect((await ever.verify('trip')).ok).toBe(true)
    },
    trip,
    seat,
  )
})
