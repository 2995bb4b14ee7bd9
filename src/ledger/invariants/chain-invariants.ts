/** L1 to L4: the entries of a run are one unbroken chain. */
import { flaw } from '../chain.ts'
import { type Invariant, invariant } from './invariant.ts'

export const chainInvariants: readonly Invariant[] = [
  invariant('L1', 'Entries are of one run and numbered from 1 without a gap.', () => {
    let run: string | undefined
    let next = 1
    return {
      see({ entry }) {
        const expected = next
        next = entry.seq + 1
        run ??= entry.run
        if (entry.run !== run) return `is of run "${entry.run}", not of "${run}"`
        return entry.seq === expected ? undefined : `stands where entry ${expected} belongs`
      },
    }
  }),

  invariant('L2', 'Each entry fits its payload, its fields and its predecessor.', () => {
    let previous = ''
    return {
      see({ entry }) {
        const wrong = flaw(entry, previous)
        previous = entry.hash
        if (wrong !== undefined) return wrong
        // The salt of an erased payload would let it be guessed.
        return entry.payload === null && entry.salt !== null
          ? 'its payload was erased, but its salt was not'
          : undefined
      },
    }
  }),

  invariant('L3', 'Epochs never go down; the first entry has epoch 0 and no other has.', () => {
    let last = -1
    return {
      see({ entry: { epoch, seq } }) {
        const before = last
        last = epoch
        if (!Number.isSafeInteger(epoch) || (epoch === 0) !== (seq === 1)) {
          return `has epoch ${epoch}`
        }
        return epoch < before ? `has epoch ${epoch} behind epoch ${before}` : undefined
      },
    }
  }),

  invariant('L4', 'Time is told in whole milliseconds and never goes back.', () => {
    let last = 0
    return {
      see({ entry: { time } }) {
        const before = last
        last = time
        if (!Number.isSafeInteger(time) || time < 0) return `has the time ${time}`
        return time < before ? `is ${before - time} ms before its predecessor` : undefined
      },
    }
  }),
]
