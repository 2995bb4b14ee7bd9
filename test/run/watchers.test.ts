/** Whoever asks for a run listens to the store for as long as the question is open, and no longer. */
import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { flow, open } from 'everloop'
import { testRuntime } from 'everloop/testing'
import { systemPorts } from '../../src/base/system.ts'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'

const quick = flow('quick', (run) => run.step('a', () => 1))
const patient = flow('patient', (run) => run.signal('go'))
const broken = flow('broken', async () => {
  throw new Error('broken')
})

/** A memory store that counts who listens to it. */
function counted(): {
  readonly make: (ports: Parameters<typeof memoryStore>[0]) => Store
  readonly listeners: () => number
} {
  let listeners = 0
  return {
    listeners: () => listeners,
    make: (ports) => {
      const store = memoryStore(ports)
      const subscribe = store.subscribe.bind(store)
      store.subscribe = (listener) => {
        const stop = subscribe(listener)
        listeners++
        return () => {
          listeners--
          stop()
        }
      }
      return store
    },
  }
}

test('what is answered at once leaves nobody listening', async () => {
  const { make, listeners } = counted()
  await using runtime = await testRuntime({ flows: [quick, patient, broken], store: make })
  const ended = await runtime.start(quick, undefined)
  const waiting = await runtime.start(patient, undefined)
  const failed = await runtime.start(broken, undefined)
  const workers = 1
  await ended.result()
  await waiting.settled()
  await expect(failed.result()).rejects.toMatchObject({ code: 'RUN_FAILED' })
  for await (const event of ended.events()) expect(event.run).toBe(ended.id)
  for await (const event of waiting.events()) if (event.seq === 2) break
  expect(listeners()).toBe(workers)
})

test('one who goes away leaves the others listening', async () => {
  const { make, listeners } = counted()
  await using runtime = await testRuntime({ flows: [patient], store: make })
  const run = await runtime.start(patient, undefined)
  const result = run.result()
  await run.settled()
  await run.settled()
  expect(listeners()).toBe(2)
  await runtime.signal(run, 'go', 'went')
  expect(await runtime.runUntil(result)).toBe('went')
  expect(listeners()).toBe(1)
})

test.each(['result', 'settled'] as const)(
  'one who waits only so long for %s is gone then',
  async (what) => {
    const { make, listeners } = counted()
    await using ever = await open({ flows: [quick], store: make(systemPorts) })
    const waiting = await ever.start(quick, undefined) // nobody executes it
    const leaving = new AbortController()
    const { signal } = leaving
    const waits = Array.from({ length: 3 }, () => waiting[what]({ signal }))
    await waiting.status() // they have looked, too, and wait for news
    expect(listeners()).toBe(1)
    leaving.abort(new Error('It took too long.'))
    for (const wait of waits) await expect(wait).rejects.toThrow('It took too long.')
    expect(listeners()).toBe(0)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await expect(waiting[what]({ signal })).rejects.toThrow('It took too long.')
    await expect(waiting[what]({ signal: {} as AbortSignal })).rejects.toMatchObject({
      code: 'BAD_OPTION',
    })
  },
)

test.each(['events', 'stream'] as const)(
  '%s end while they wait, and listen no longer',
  async (what) => {
    const { make, listeners } = counted()
    await using runtime = await testRuntime({ flows: [patient], store: make })
    const waiting = await runtime.start(patient, undefined)
    await waiting.settled()
    const workers = listeners()
    const { entries } = await waiting.status()
    const leaving = new AbortController()
    const watched = [{}, { signal: leaving.signal }, {}].map((options) => waiting[what](options))
    for (const items of watched) for (let i = 0; i < entries; i++) await items.next()
    const next = watched.map((items) => items.next())
    const [left, , other] = watched
    const done = { done: true, value: undefined }
    expect(await left?.return()).toEqual(done)
    leaving.abort()
    expect(await Promise.all(next.slice(0, 2))).toEqual([done, done])
    expect(listeners()).toBe(workers + 1)
    await runtime.ever.signal(waiting.id, 'go')
    await runtime.runUntil(Promise.resolve(next[2]))
    expect(await next[2]).toMatchObject({ done: false })
    await other?.return()
    expect(listeners()).toBe(workers)
    expect(await waiting[what]({ signal: AbortSignal.abort() }).next()).toEqual(done)
    expect(() => waiting[what]({ signal: 5 as never })).toThrow('`signal` takes an AbortSignal')
  },
)

test.each(['events', 'stream'] as const)(
  '%s give nothing more once their signal is aborted',
  async (what) => {
    await using runtime = await testRuntime({ flows: [patient] })
    const waiting = await runtime.start(patient, undefined)
    await waiting.settled()
    const leaving = new AbortController()
    let given = 0
    for await (const _ of waiting[what]({ signal: leaving.signal })) {
      given++
      leaving.abort()
    }
    expect(given).toBe(1)
  },
)
