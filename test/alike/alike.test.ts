/** The stories that compare a store with the memory store notice what is wrong with one. */
import { expect, test } from 'vitest'
import { memoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { sequence } from '../../src/testing/alike/dice.ts'
import { tellStory } from '../../src/testing/alike/story.ts'

/** What a wrong store does otherwise than this one. */
const wrongs: Readonly<Record<string, (right: Store) => Partial<Store>>> = {
  'does not give runs back': (right) => ({
    append: (append) => right.append({ ...append, release: undefined }),
  }),
  'takes no messages': (right) => ({ append: (append) => right.append({ ...append, taken: [] }) }),
  'asks for no news before an append': (right) => ({
    append: (append) => right.append({ ...append, unlessNewerThan: undefined }),
  }),
  'begins no children': (right) => ({
    append: (append) => right.append({ ...append, create: [] }),
  }),
  'sends nothing': (right) => ({ append: (append) => right.append({ ...append, deliver: [] }) }),
  'hands out one too many': (right) => ({
    claim: ({ limit, ...rest }) => right.claim({ ...rest, limit: limit + 1 }),
  }),
  'hands out suspects': (right) => ({
    claim: (request) => right.claim({ ...request, suspects: undefined }),
  }),
  'has no end of a session': () => ({ closeSession: () => Promise.resolve() }),
  'renews what is gone': () => ({ renewSession: () => Promise.resolve(true) }),
  'closes each question': (right) => ({
    deliver: (message) => right.deliver({ ...message, keepsOpen: false }),
  }),
  'takes a message twice': (right) => ({
    deliver: (message) => right.deliver({ ...message, id: undefined }),
  }),
  'shows text to everybody': (right) => ({
    publish: async (publication) => (await right.publish(publication)) || true,
  }),
  'reads a row too many': (right) => ({
    entries: (run, { after = 0, ...range } = {}) =>
      right.entries(run, { ...range, after: Math.max(0, after - 1) }),
  }),
  'reads closed scopes': (right) => ({ openEntries: (run) => right.entries(run) }),
  'keeps no artifacts': () => ({ artifact: () => Promise.resolve(undefined) }),
  'knows no limits': () => ({ limitQueue: () => Promise.resolve() }),
  'charges nobody': () => ({ account: () => Promise.resolve({}) }),
  'imports nothing': () => ({ importRuns: () => Promise.resolve({ is: 'imported', runs: [] }) }),
}

/** The first of these stories in which a difference shows. */
async function found(wrong: (right: Store) => Partial<Store>): Promise<string | undefined> {
  for (let seed = 1; seed <= 40; seed++) {
    let now = 1_700_000_000_000
    const clock = { now: () => now, advance: (ms: number) => (now += ms) }
    const right = memoryStore({ clock })
    const subject = [broken(right, wrong(right))]
    const memory = memoryStore({ clock })
    const told = tellStory({ subject, memory, clock, pick: sequence(seed), acts: 300 })
    const difference = await told.then(() => undefined, String)
    if (difference !== undefined) return difference
  }
  return undefined
}

function broken(right: Store, wrong: Partial<Store>): Store {
  return new Proxy(right, {
    get(_, name: keyof Store): unknown {
      const value = wrong[name] ?? right[name]
      return typeof value === 'function' ? value.bind(right) : value
    },
  })
}

test.each(Object.entries(wrongs))('a store that %s is noticed', async (_, wrong) => {
  expect(await found(wrong)).toMatch(/The store: .*\nMemory: /)
})

test('the memory store does what it does itself', async () => {
  expect(await found(() => ({}))).toBe(undefined)
})
