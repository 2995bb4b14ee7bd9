/** Virtual time fires what real timers would, in the same order, without waiting for it. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, test } from 'vitest'
import { virtualTime } from '../../src/testing/virtual-time.ts'

const day = 86_400_000

describe('virtual time', () => {
  test('passes months in no time and fires each timer at its time', async () => {
    const time = virtualTime({ start: 0 })
    const fired: [string, number][] = []
    const note = (name: string) => (): void => void fired.push([name, time.clock.now()])
    time.setTimer(60 * day, note('two months'))
    time.setTimer(1000, () => time.setTimer(500, note('nested')))
    time.setTimer(1000, note('second'))
    time.setTimer(2000, note('never')).cancel()
    await time.advance('60d')
    expect(fired).toEqual([
      ['second', 1000],
      ['nested', 1500],
      ['two months', 60 * day],
    ])
    expect(time.clock.now()).toBe(60 * day)
  })

  test('lets every microtask, tick and turn happen before the clock moves', async () => {
    const time = virtualTime({ start: 0 })
    const seen: number[] = []
    const look = (): void => void seen.push(time.clock.now())
    time.setTimer(1, look)
    time.nextTurn(() => {
      time.afterMicrotasks(() => time.nextTurn(() => void Promise.resolve().then(look)))
    })
    await time.advance(1)
    expect(seen).toEqual([0, 1])
  })

  test('stands still while real work is under way', async () => {
    const time = virtualTime({ start: 0 })
    let at = -1
    time.setTimer(1000, () => (at = time.clock.now()))
    const real = new Promise<number>((resolve) => {
      setTimeout(() => resolve(time.clock.now()), 5)
    })
    const [, during] = await Promise.all([time.advance('1h'), time.during(real)])
    expect([during, at]).toEqual([0, 1000])
  })

  test('stands still while code that is watched has real work under way, unless it is unreferenced', async () => {
    const time = virtualTime({ start: 0 })
    const fired: number[] = []
    const after = (ms: number): NodeJS.Timeout => setTimeout(() => fired.push(time.clock.now()), ms)
    time.setTimer(1000, () => fired.push(-1))
    const never = time.watch(() => {
      after(5)
      void Promise.resolve().then(() => after(20))
      return after(1_000_000).unref()
    })
    await time.advance('1h')
    clearTimeout(never)
    expect(fired).toEqual([0, 0, -1])
  })

  test('fires late after a leap, never early', async () => {
    const time = virtualTime({ start: 0 })
    const fired: number[] = []
    time.setTimer(10, () => fired.push(time.clock.now()))
    time.setTimer(90, () => fired.push(time.clock.now()))
    time.leap(50)
    expect(fired).toEqual([])
    await time.advance(40)
    expect(fired).toEqual([50, 90])
  })

  test('lets a policy choose among the timers', async () => {
    const time = virtualTime({ start: 0, policy: (timers) => timers.length - 1 })
    const fired: string[] = []
    time.setTimer(1, () => fired.push('a'))
    time.setTimer(2, () => fired.push('b'))
    await time.advance(5)
    expect(fired).toEqual(['b', 'a'])
  })

  test('runs until a promise settles and says so when it never can', async () => {
    const time = virtualTime()
    const later = new Promise<string>((resolve) => time.setTimer(day / 2, () => resolve('done')))
    expect(await time.runUntil(later)).toBe('done')
    const never = new Promise<never>(() => {})
    await expect(time.runUntil(never)).rejects.toThrow(/nothing is left that could happen/)
    time.setTimer(10 * day, () => {})
    await expect(time.runUntil(() => false, { within: '1h' })).rejects.toThrow(/1h have passed/)
  })

  test('hands a rejection on, and what a timer throws', async () => {
    const time = virtualTime()
    const failing = new Promise<never>((_, reject) => {
      time.setTimer(1, () => reject(new Error('failed')))
    })
    await expect(time.runUntil(failing)).rejects.toThrow('failed')
    time.setTimer(1, () => {
      throw new Error('thrown')
    })
    await expect(time.advance(1)).rejects.toThrow('thrown')
  })

  test('keeps the async context of whoever set the timer', async () => {
    const time = virtualTime()
    const storage = new AsyncLocalStorage<string>()
    let seen: string | undefined
    storage.run('mine', () => time.setTimer(1, () => (seen = storage.getStore())))
    await time.advance(1)
    expect(seen).toBe('mine')
  })

  test('draws the same bytes from the same seed', () => {
    const [one, same, other] = [1, 1, 2].map((seed) => virtualTime({ seed }).randomBytes(64))
    expect(one).toEqual(same)
    expect(one).not.toEqual(other)
    expect(new Set(one).size).toBeGreaterThan(40)
  })
})
