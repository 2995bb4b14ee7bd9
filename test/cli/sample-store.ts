/** A store with a run in each situation, for tests that look at it. */
import { type Ever, open } from '../../src/index.ts'
import * as flows from './sample-flows.ts'

/** Brings a run to rest. */
async function settle(ever: Ever, name: keyof typeof flows, id: string): Promise<void> {
  await (await ever.start(name, name === 'hello' ? 'Ada' : undefined, { id })).settled()
}

/** Makes the store and leaves no worker behind. */
export async function makeSampleStore(store: string): Promise<void> {
  await using ever = await open({ store, flows: Object.values(flows), work: {}, name: 'builder' })
  for (const [name, id] of [
    ['hello', 'done-1'],
    ['hello', 'done-2'],
    ['chat', 'chat-1'],
    ['fails', 'failed-1'],
    ['asks', 'asks-1'],
    ['asks', 'asks-2'],
    ['waits', 'waits-1'],
    ['waits', 'waits-2'],
    ['waits', 'gone-1'],
    ['sleeps', 'sleeps-1'],
    ['retries', 'retries-1'],
    ['parent', 'parent-1'],
  ] as const) {
    await settle(ever, name, id)
  }
  await ever.pause('waits-2', 'a moment, please')
  await ever.cancel('gone-1', 'not wanted', { by: 'Ada' })
  await ever.work({ until: 'idle' })
  await ever.start('hello', 'Bob', { id: 'delayed-1', delay: '2h' })
  await ever.limitQueue('narrow', 0)
  await ever.start('hello', 'Bob', { id: 'queued-1', queue: 'narrow' })
}
