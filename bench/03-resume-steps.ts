/**
 * A process was killed in step 10,001 of a plain flow; a fresh one goes on.
 *
 * Measured: in the fresh process, from the first line of its script (before everloop is loaded) to
 * the beginning of the step behind the last recorded one; against a fresh process that reads the
 * same rows with bare node:sqlite and parses their payloads. And the life of the fresh process from
 * spawn to that moment, less the life of a process that does nothing. Rounds alternate; each has a
 * copy of the killed store, take-over included. Files are in the system's cache.
 * Beside it stands what no resume can go below: reading the rows, checking both hashes of each, parsing
 * them and handing them over one by one.
 * Not measured: a cold cache; flows whose steps have inputs, which are digested again.
 */
import { join } from 'node:path'
import { bytesOf, copyOf, drop, newFolder } from './place.ts'
import type { BareRead } from './bare.ts'
import { finish } from './child.ts'
import { figure, ratios, type Figure } from './figure.ts'
import { load } from './load.ts'

const steps = load(10_000, 50)

export const name = 'resume-steps'
export const says = `a fresh process resumes a plain flow with ${steps} finished steps`

async function measure({ rounds }: { readonly rounds: number }): Promise<readonly Figure[]> {
  const folder = newFolder()
  await finish('03-resume', [folder, steps, 'begin'])
  const own: number[] = []
  const limit: number[] = []
  const beside: number[] = []
  const floor: number[] = []
  for (let round = -1; round < rounds; round++) {
    const copy = copyOf(folder)
    const bare = await finish<BareRead & { ms: number }>('bare-read', [join(copy, 'ledger.db')])
    const checked = await finish<{ ms: number }>('checked-read', [join(copy, 'ledger.db')])
    const empty = await finish('empty')
    const resumed = await finish<{ ms: number }>('03-resume', [copy, steps])
    drop(copy)
    if (bare.told.rows !== steps + 1) throw new Error(`${bare.told.rows} rows were read.`)
    if (round < 0) continue
    own.push(resumed.told.ms)
    limit.push(bare.told.ms)
    floor.push(checked.told.ms)
    beside.push(resumed.wallMs - empty.wallMs)
  }
  return [
    figure('resume in the process', 'ms', own),
    figure('bare: read and parse the rows', 'ms', limit),
    figure('bare: read, check, parse and hand over', 'ms', floor),
    figure('resume, of bare', 'x', ratios(own, limit), { most: 3 }),
    figure("resume beside Node's own start", 'ms', beside, { most: 100 }),
    figure('the file', 'bytes', [bytesOf(folder, 'ledger.db')]),
  ]
}

export { measure as run }
