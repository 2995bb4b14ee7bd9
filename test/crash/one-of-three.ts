/** What the three processes and their test share. */
import { flow } from '../../src/index.ts'

export const runsEach = 100

export const pairOfSteps = flow('pair of steps', async (run, word: string) => {
  const a = await run.step('a', () => `${word} a`)
  return run.step('b', () => `${a} b`)
})

/** What a process was granted by the store, or told. */
export type Granted =
  | { readonly is: 'ready' }
  | { readonly is: 'claimed'; readonly run: string; readonly epoch: number }
  | { readonly is: 'written'; readonly run: string; readonly epoch: number; readonly hash: string }
  | { readonly is: 'trouble'; readonly what: string }
