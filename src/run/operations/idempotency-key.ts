/** What an outside system can recognise a repetition by. */
import { hash } from 'node:crypto'

/**
 * The same in each attempt at the operation at this path and in each process, another one in each
 * run. `seed`: what the run's chance derives from.
 */
export const idempotencyKey = (seed: string, path: string): string =>
  hash('sha256', `effect\n${seed}\n${path}`, 'base64url')
