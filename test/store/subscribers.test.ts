/** Who listens is told when trouble with the file begins and when it ends, not for as long as it lasts. */
import { expect, test } from 'vitest'
import { Subscribers } from '../../src/store/sqlite/subscribers.ts'
import { virtualTime } from '../../src/testing/index.ts'

test('trouble that lasts stirs nobody up again and again', async () => {
  const time = virtualTime()
  let version: number | undefined = 1
  const subscribers = new Subscribers(time, () => {
    if (version === undefined) throw new Error('The file cannot be opened.')
    return version
  })
  let told = 0
  const stop = subscribers.add(() => told++)
  await time.advance('1s')
  expect(told).toBe(0)
  version = undefined
  await time.advance('10s')
  expect(told).toBe(1)
  version = 1
  await time.advance('1s')
  expect(told).toBe(2)
  stop()
})
