/** A store that fails for good: whoever works on it or waits for a run of it is told. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { type Ever, type EverloopError, flow, open } from 'everloop'
import { testFolder } from '../test-folder.ts'

const patient = flow('patient', (run) => run.signal('go'))

async function opened(): Promise<{ readonly ever: Ever; readonly fail: () => Promise<void> }> {
  const folder = testFolder()
  const location = join(folder, 'ledger.db')
  const ever = await open({ store: `sqlite:${location}`, flows: [patient], onTrouble: () => {} })
  onTestFinished(() => ever.close())
  return {
    ever,
    // As if a newer version had migrated the file: nothing may be written any more.
    async fail() {
      const database = new DatabaseSync(location)
      database.exec('PRAGMA user_version = 99')
      database.close()
      await expect(ever.start(patient, undefined)).rejects.toMatchObject({ code: 'STORE_NEWER' })
    },
  }
}

/** What the promises came to: the code that each was rejected with. */
async function codesOf(...promises: readonly Promise<unknown>[]): Promise<readonly unknown[]> {
  const results = await Promise.allSettled(promises)
  return results.map((result) =>
    result.status === 'rejected' ? (result.reason as EverloopError).code : result.value,
  )
}

test('work() rejects when the store has failed for good', async () => {
  const { ever, fail } = await opened()
  const codes = codesOf(ever.work())
  await fail()
  expect(await codes).toEqual(['STORE_NEWER'])
  await expect(ever.work()).rejects.toMatchObject({ code: 'STORE_NEWER' })
  await ever.close()
})

test('work({ until: "idle" }) rejects when the store has failed for good', async () => {
  const { ever, fail } = await opened()
  const begun = Promise.withResolvers<void>()
  const slow = flow('slow', (run) =>
    run.step('hangs', () => {
      begun.resolve()
      return new Promise<void>(() => {})
    }),
  )
  await using other = await open({ store: ever.store, flows: [slow], onTrouble: () => {} })
  await other.start(slow, undefined)
  const codes = codesOf(other.work({ until: 'idle', concurrency: 1 }))
  await begun.promise
  await fail()
  expect(await codes).toEqual(['STORE_NEWER'])
})

test('work() resolves when the runtime is closed', async () => {
  const { ever } = await opened()
  const working = ever.work()
  await ever.close()
  expect(await working).toBeUndefined()
})

test('who waits for a run of a store that fails for good is told', async () => {
  const { ever, fail } = await opened()
  const run = await ever.start(patient, undefined)
  const readAll = async (): Promise<void> => {
    for await (const event of run.events()) expect(event.seq).toBe(1)
  }
  const codes = codesOf(run.result(), run.settled(), readAll())
  await fail()
  expect(await codes).toEqual(['STORE_NEWER', 'STORE_NEWER', 'STORE_NEWER'])
})
