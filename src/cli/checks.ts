/** What `everloop doctor` looks at, one function each. */
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { counted } from '../base/counted.ts'
import { formatDuration } from '../base/duration.ts'
import { messageOf } from '../base/message-of.ts'
import type { Ever } from '../run/index.ts'
import { isAlive, type SessionRow, type Store, type StoreInfo } from '../store/store.ts'
import { cleanLine } from './clean.ts'
import { everyRun } from './every-run.ts'
import { existingFolder } from './existing-folder.ts'
import { ago } from './times.ts'

export interface Check {
  readonly name: string
  readonly level: 'good' | 'note' | 'bad'
  readonly finding: string
  readonly fix: string | undefined
  /** Numbers behind the finding, for programs. */
  readonly data?: Readonly<Record<string, number | string>>
}

const check = (
  name: string,
  level: Check['level'],
  finding: string,
  rest: { readonly fix?: string; readonly data?: Check['data'] } = {},
): Check => ({
  name,
  level,
  finding,
  fix: rest.fix,
  ...(rest.data === undefined ? {} : { data: rest.data }),
})

export function checkNode(): Check {
  const { node } = process.versions
  return Number(node.split('.')[0]) < 24
    ? check('node', 'note', `Node ${node} works, but its SQLite is called experimental.`, {
        fix: 'Use Node 24 or newer.',
      })
    : check('node', 'good', `Node ${node}`)
}

const probes = 30
const slowMs = 20
const spaceMin = 500 * 1024 * 1024

/** Space and speed of the disk that the ledger lies on, or would lie on. */
export function checkDisk(file: string): Check[] {
  const folder = existingFolder(file)
  return [checkSpace(folder), checkFsync(folder)]
}

function checkSpace(folder: string): Check {
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  const finding = `${(free / 1024 ** 3).toFixed(1)} GiB free on the disk of ${folder}`
  return free < spaceMin
    ? check('space', 'bad', finding, {
        fix: 'Make space: a full disk stops all runs.',
        data: { free },
      })
    : check('space', 'good', finding, { data: { free } })
}

/** How long the disk takes to make a page durable: every commit waits for it at least once. */
function checkFsync(folder: string): Check {
  let place: string | undefined
  try {
    place = mkdtempSync(join(folder, '.everloop-probe-'))
    return fsyncFinding(timesOfFsync(join(place, 'probe')).toSorted((a, b) => a - b))
  } catch (error) {
    const said = messageOf(error)
    return check('fsync', 'bad', `${folder} cannot be written: ${said}`, {
      fix: 'Make space, give yourself write access, or name another store with --store.',
    })
  } finally {
    if (place !== undefined) rmSync(place, { recursive: true, force: true })
  }
}

function timesOfFsync(file: string): readonly number[] {
  const page = Buffer.alloc(4096, 1)
  const handle = openSync(file, 'w')
  try {
    return Array.from({ length: probes }, (_, i) => {
      const start = performance.now()
      writeSync(handle, page, 0, page.length, i * page.length)
      fsyncSync(handle)
      return performance.now() - start
    })
  } finally {
    closeSync(handle)
  }
}

function fsyncFinding(times: readonly number[]): Check {
  const at = (part: number): number =>
    Number((times[Math.floor((times.length - 1) * part)] ?? 0).toFixed(3))
  const data = { medianMs: at(0.5), worstMs: at(1) }
  const finding = `${data.medianMs} ms to make a page durable (median of ${probes}; worst ${data.worstMs} ms)`
  if (data.medianMs > slowMs) {
    return check('fsync', 'note', finding, {
      fix: 'Put the store on a faster disk, or run more at a time: concurrent runs share commits.',
      data,
    })
  }
  if (data.medianMs < 0.02) {
    return check('fsync', 'note', `${finding}: too fast for a disk`, {
      fix: 'If this is a RAM disk or a container layer that ignores fsync, a power cut loses the ledger: put the store on a real disk.',
      data,
    })
  }
  return check('fsync', 'good', finding, { data })
}

export function checkStore({ kind, location, version, durability }: StoreInfo): Check {
  const finding = `${kind} at ${location}, schema version ${version}, durability "${durability}"`
  const data = { kind, location, version, durability }
  return durability === 'process'
    ? check('store', 'note', `${finding}: a power cut may lose the last seconds`, {
        fix: 'Leave "?durability=process" out of the place.',
        data,
      })
    : check('store', 'good', finding, { data })
}

/** The log lies beside the name that the file was opened by: under another one it is not seen. */
export function checkLinks(file: string): Check {
  const { nlink } = statSync(file)
  return nlink > 1
    ? check('links', 'bad', `the ledger has ${nlink} names (hard links)`, {
        fix: 'Remove the others: who opens it by one of them misses what is in the log, and damages it. Back it up with VACUUM INTO.',
        data: { nlink },
      })
    : check('links', 'good', 'the ledger has one name')
}

const lockMs = 5000

/** Whether the ledger can be written at all: who keeps its lock stops everybody, and reads do not show it. */
export async function checkLock(file: string): Promise<Check> {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(file, { timeout: lockMs })
  try {
    database.exec('BEGIN IMMEDIATE; ROLLBACK')
    return check('lock', 'good', 'nobody keeps the store locked')
  } catch (error) {
    const said = messageOf(error)
    return check('lock', 'bad', `nothing could be written for ${formatDuration(lockMs)}: ${said}`, {
      fix: 'End the process that keeps a transaction open: a database shell, or one that is frozen (stopped, in a paused container). Work then goes on by itself.',
    })
  } finally {
    database.close()
  }
}

/** Workers that are connected, and leases nobody has taken back. */
export async function checkSessions(store: Store): Promise<Check[]> {
  const now = store.clock.now()
  const sessions = await store.sessions()
  const alive = sessions.filter((session) => isAlive(session, now))
  const leaked = sessions.filter((session) => !isAlive(session, now))
  const held = alive.reduce((sum, { holds }) => sum + holds, 0)
  const names = alive
    .map(({ name }) => `"${cleanLine(name, 60)}"`)
    .slice(0, 5)
    .join(', ')
  const checks = [
    alive.length === 0
      ? check('workers', 'good', 'no worker is connected')
      : check(
          'workers',
          'good',
          `${alive.length} connected (${names}), holding ${counted(held, 'run')}`,
        ),
  ]
  checks.push(
    leaked.length > 0 ? checkLeaked(leaked, now) : check('leases', 'good', 'no lease is leaked'),
  )
  return checks
}

/** The processes of sessions that are not known to be dead may stand still, and are given half a lease to go on. */
function checkLeaked(leaked: readonly SessionRow[], now: number): Check {
  const last = Math.max(...leaked.map(({ expires }) => expires))
  const runs = leaked.reduce((sum, { holds }) => sum + holds, 0)
  const half = formatDuration(Math.max(...leaked.map(({ leaseMs }) => leaseMs)) / 2)
  const areDead = leaked.every(({ isDead }) => isDead)
  return check(
    'leases',
    runs === 0 ? 'note' : 'bad',
    `${counted(leaked.length, 'worker')} died${areDead ? '' : ' or stood still'} without letting go (the last lease ${last > now ? 'runs' : 'ran'} out ${ago(last, now)}), still holding ${counted(runs, 'run')}`,
    {
      fix:
        runs === 0
          ? `Nothing is held up; a worker clears it away that is at work for ${half} after the lease has run out.`
          : `Start a worker: it takes them over ${areDead ? 'at once' : `within ${half}`} (everloop work FILE).`,
      data: { sessions: leaked.length, runs },
    },
  )
}

const runsMax = 1000
const lateMs = 60_000

/** Runs that could go on and that nobody takes, because no worker has their flow any more, say. */
export async function checkDue(ever: Ever): Promise<Check> {
  const until = ever.store.clock.now() - lateMs
  const late: string[] = []
  for await (const { id, status, due = Infinity } of everyRun(ever, { status: 'active' })) {
    if (status === 'ready' && due < until) late.push(id)
  }
  const oldest = late.at(-1)
  if (oldest === undefined) return check('due', 'good', 'no run has been due for long')
  const finding = `${counted(late.length, 'run')} due for more than a minute, and nobody takes ${late.length === 1 ? 'it' : 'them'}`
  return check('due', 'note', finding, { fix: `everloop runs explain ${oldest}` })
}

/** Runs that need somebody. */
export async function checkRuns(ever: Ever): Promise<Check> {
  const paused = await ever.list({ status: 'paused', limit: runsMax })
  const ended = await ever.list({ status: 'failed', limit: runsMax })
  // What became of a child that failed is its parent's business: one that needs somebody is itself here.
  const failed = ended.filter(({ parent }) => parent === undefined)
  const troubled = paused.filter(({ code }) => code !== 'PAUSED')
  const operators = paused.length - troubled.length
  const finding = `${failed.length} failed, ${operators} paused by people, ${troubled.length} paused by trouble${paused.length + ended.length >= runsMax ? ' (or more)' : ''}`
  const [first] = troubled
  if (first === undefined) return check('runs', 'good', finding)
  const others = troubled.length === 1 ? '' : ' (the others: everloop runs list --status paused)'
  return check('runs', 'note', finding, { fix: `everloop runs explain ${first.id}${others}` })
}
