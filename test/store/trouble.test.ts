/** What SQLite's errors become, and what a store does about them. */
import { describe, expect, test } from 'vitest'
import { troubleOf } from '../../src/store/sqlite/driver.ts'
import { explain, isFatal } from '../../src/store/sqlite/trouble.ts'

const sqliteError = (errcode: number): Error =>
  Object.assign(new Error('it said so'), { code: 'ERR_SQLITE_ERROR', errcode })

describe('an error of SQLite', () => {
  test.each([
    ['SQLITE_BUSY', 5, 'STORE_UNAVAILABLE', false],
    ['SQLITE_BUSY_SNAPSHOT', 517, 'STORE_UNAVAILABLE', false],
    ['SQLITE_PROTOCOL', 15, 'STORE_UNAVAILABLE', false],
    ['SQLITE_READONLY_DIRECTORY', 1544, 'STORE_READ_ONLY', false],
    ['SQLITE_IOERR_FSYNC', 1034, 'STORE_FAILED', true],
    ['SQLITE_CORRUPT', 11, 'STORE_FAILED', true],
    ['SQLITE_FULL', 13, 'STORE_FULL', false],
    ['SQLITE_CANTOPEN', 14, 'STORE_UNAVAILABLE', true],
    ['SQLITE_NOTADB', 26, 'STORE_FOREIGN', true],
    ['SQLITE_CONSTRAINT_UNIQUE', 2067, 'INTERNAL', false],
    ['SQLITE_NOMEM', 7, 'STORE_FAILED', true],
  ])('%s (%i) is %s', (_name, errcode, code, fatal) => {
    const error = sqliteError(errcode)
    const explained = explain(error, '/there/ledger.db')
    expect(explained).toMatchObject({ code, cause: error })
    expect(String(explained)).toContain('/there/ledger.db')
    expect(String(explained)).toContain('it said so')
    expect(isFatal(error)).toBe(fatal)
  })

  test('any other error stays what it is', () => {
    const error = new TypeError('mine')
    expect(explain(error, 'x')).toBe(error)
    expect(isFatal(error)).toBe(false)
    expect(troubleOf('text')).toBeUndefined()
  })
})
