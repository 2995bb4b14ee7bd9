/** Opens an image as a process would after the power came back, and says what is wrong with it. */
import { join } from 'node:path'
import { type Ever, open } from '../../src/index.ts'
import { openLedger } from '../../src/store/sqlite/open.ts'
import type { Kind, Violation } from '../crash/checks.ts'
import { Client } from '../crash/client.ts'
import { type Ledger, readLedger } from '../crash/ledger-file.ts'
import { inTime, verified } from '../crash/recover.ts'
import { unsound } from '../crash/soundness.ts'
import { World } from '../crash/world.ts'
import { makeLoad } from './load.ts'

/** What had been acknowledged, as `acknowledging.ts` tells it. */
export type Acknowledged = ReadonlySet<string>

/** Longer than any resume takes on a busy machine. */
const limitMs = 20_000

/** Opens the file as the store does, without its thread, and compares. */
export function checkImage(location: string, acknowledged: Acknowledged): Violation[] {
  try {
    openLedger({ location, durability: 'power-cut' }).close()
    const ledger = readLedger(location, { integrity: true })
    return [...all('lost', lost(ledger, acknowledged)), ...all('unsound', unsound(ledger))]
  } catch (error) {
    return [{ kind: 'unsound', what: `the store does not open: ${String(error)}` }]
  }
}

/** Lets everything in the image go on to its end, and compares the ends with the recorded ones. */
export async function resumeImage(
  folder: string,
  ends: ReadonlyMap<string, string>,
): Promise<Violation[]> {
  const location = join(folder, 'store', 'ledger.db')
  const world = new World(join(folder, 'after'), 'after')
  let ever: Ever | undefined
  try {
    const load = makeLoad()
    ever = await open({
      store: `sqlite:${location}`,
      flows: load.flows,
      work: { concurrency: 16 },
      onTrouble: (error, run) => world.trouble(`${run ?? 'store'}: ${String(error)}`),
    })
    const client = new Client(ever, world)
    const done = (async () => {
      for (const sit of load.sittings) await sit(client)
    })()
    if (!(await inTime(limitMs, done)))
      return [{ kind: 'stuck', what: `not at rest after ${limitMs} ms` }]
    for (const complaint of await verified(ever)) world.trouble(complaint)
  } catch (error) {
    return [{ kind: 'stuck', what: String(error) }]
  } finally {
    await ever?.close()
  }
  const told = world.lines().flatMap((line) => {
    if (line.is === 'trouble') return [line.what]
    if (line.is !== 'acknowledged' || !line.what.startsWith('end ')) return []
    const must = ends.get(line.what)
    return line.value === must
      ? []
      : [`${line.what}: ${line.value ?? 'nothing'}, not ${must ?? 'nothing'}`]
  })
  return [
    ...all('different', told),
    ...all('unsound', unsound(readLedger(location, { integrity: true }))),
  ]
}

function lost({ runs, receipts, artifacts, newest }: Ledger, acknowledged: Acknowledged): string[] {
  const receiptKeys = new Set(receipts.map(({ run, id }) => `${run} ${id}`))
  return [...acknowledged].filter((what) => {
    const [kind, first = '', second = '', ...rest] = what.split(' ')
    switch (kind) {
      case 'entry':
        return runs.get(first)?.entries[Number(second) - 1]?.hash !== rest[0]
      case 'artifact':
        return !artifacts.has(first)
      case 'message':
        if (Number(second) > newest) return true
        return rest[0] !== '' && !receiptKeys.has(`${first} ${rest.join(' ')}`)
      default:
        return false
    }
  })
}

const all = (kind: Kind, complaints: readonly string[]): Violation[] =>
  complaints.map((what) => ({ kind, what }))
