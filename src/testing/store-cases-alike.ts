/** Conformance: whatever is asked of a store, it does what the memory store does. */
import { memoryStore } from '../store/memory.ts'
import { sequence } from './alike/dice.ts'
import { tellStory } from './alike/story.ts'
import type { StoreCase } from './store-bed.ts'

const stories = 8
const acts = 150

export const alikeCases: readonly StoreCase[] = Array.from({ length: stories }, (_, i) => ({
  name: `it does what the memory store does, whatever is done to both: story ${i + 1}`,
  async run({ open, clock }) {
    const subject = [await open(), await open()]
    const memory = memoryStore({ clock })
    await tellStory({ subject, memory, clock, pick: sequence(i + 1), acts })
  },
}))
