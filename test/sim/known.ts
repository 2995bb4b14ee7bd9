/**
 * Weaknesses that are known and not mended yet: what the simulator leaves out so that it can find
 * others. Take a line away with its mending.
 */
import type { Node } from './programs.ts'
import type { World } from './world.ts'

/** A retry does not reach a child that failed, and code that goes another way after one diverges. */
const badForRetry: readonly Node['is'][] = ['child', 'finally', 'map', 'all', 'race']

/** False for runs whose retry meets a known weakness. */
export function mayRetry({ observer, programs }: World, id: string): boolean {
  const run = observer.runs.get(id)
  const program = programs.find(({ name }) => name === run?.flow)
  if (!run || run.parent !== undefined || run.deadline !== undefined || !program) return false
  const text = JSON.stringify(program.body)
  return !badForRetry.some((kind) => text.includes(`"is":"${kind}"`))
}
