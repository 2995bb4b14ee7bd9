/** One point: a process that is killed at its n-th durable call, what comes after, and the verdict. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shimPath } from './build-shim.ts'
import { check, type Expected, expectedFrom, type Violation } from './checks.ts'
import { emptyLedger, type Ledger, readLedger, readLiveLedger } from './ledger-file.ts'
import type { Kit } from './kit.ts'
import { hasDoneAll, inTime, recover, storeOf } from './recover.ts'
import { type Call, readRecording } from './recording.ts'
import type { Scenario } from './scenario.ts'
import { readWorld, World } from './world.ts'

export interface Point {
  /** The durable call at which the process is killed, from 1. */
  readonly n: number
  /** Killed after the call has been executed, not before. */
  readonly after: boolean
  /** The process that comes next is killed as well, before its call of this number. */
  readonly again?: number
}

export interface PointResult {
  readonly violations: readonly Violation[]
  /** 0 when the process had done everything before it came to this call. */
  readonly kills: number
  readonly ms: number
}

/** How it goes when nothing is killed. */
export interface Baseline {
  readonly calls: readonly Call[]
  readonly folder: string
  readonly expected: Expected
  readonly violations: readonly Violation[]
}

/** Longer than anything takes here on a machine that is busy with something else. */
const limitMs = 15_000

/** Lets the scenario run to its end and counts its calls. */
export async function findBaseline(scenario: Scenario, kit: Kit): Promise<Baseline> {
  using place = new Place(scenario, kit)
  place.prepare()
  const log = join(place.folder, 'calls')
  const trial = await attempt(scenario, place, [{ EVERLOOP_SHIM_LOG: log }])
  const violations = judge(scenario, place, trial, undefined)
  const calls = readRecording(log)
  if (calls.length < 10)
    throw new Error(`The shim saw only ${calls.length} calls: it has no effect.`)
  const lines = readWorld(place.world)
  return { calls, folder: place.folder, expected: expectedFrom(trial.after, lines), violations }
}

/** Kills the scenario's process at this point and checks everything. `keep`: the files stay. */
export async function runPoint(
  scenario: Scenario,
  { n, after, again }: Point,
  {
    kit,
    expected,
    keep = false,
    patienceMs = limitMs,
  }: {
    readonly kit: Kit
    readonly expected: Expected
    readonly keep?: boolean
    readonly patienceMs?: number
  },
): Promise<PointResult & { readonly folder: string }> {
  using place = new Place(scenario, kit, keep)
  const began = performance.now()
  place.prepare()
  const kills = [
    { EVERLOOP_SHIM_KILL: String(n), ...(after ? { EVERLOOP_SHIM_AFTER: '1' } : {}) },
    ...(again === undefined ? [] : [{ EVERLOOP_SHIM_KILL: String(again) }]),
  ]
  const trial = await attempt(scenario, place, kills, patienceMs)
  const violations = judge(scenario, place, trial, expected)
  return {
    violations,
    kills: trial.kills,
    ms: performance.now() - began,
    folder: place.folder,
  }
}

/** The folder of a point: the store and, outside of what the shim watches, the world. */
class Place {
  readonly folder: string
  readonly kit: Kit
  readonly #scenario: Scenario
  readonly #keep: boolean

  constructor(scenario: Scenario, kit: Kit, keep = false) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'everloop-crash-')))
    this.kit = kit
    this.#scenario = scenario
    this.#keep = keep
  }

  get world(): string {
    return join(this.folder, 'world')
  }

  /** Most scenarios begin with a store that is there, so that not all kill the same migration. */
  prepare(): void {
    mkdirSync(join(this.folder, 'store'))
    if (!this.#scenario.onNewFile) cpSync(this.kit.store, storeOf(this.folder))
  }

  [Symbol.dispose](): void {
    if (!this.#keep) rmSync(this.folder, { recursive: true, force: true })
  }
}

interface Trial {
  readonly before: Ledger
  readonly after: Ledger
  /** What kept the runs from settling. */
  readonly obstacle: string | undefined
  /** How many processes were killed before they had done all. */
  readonly kills: number
  /** What a process said that ended neither by a kill nor as it should. */
  readonly complaint: string | undefined
}

/** The lives that are killed, each under its shim, and the one after them. */
async function attempt(
  scenario: Scenario,
  place: Place,
  shims: readonly Readonly<Record<string, string>>[],
  patienceMs = limitMs,
): Promise<Trial> {
  const { folder } = place
  const watched = { LD_PRELOAD: shimPath(), EVERLOOP_SHIM_DIR: join(folder, 'store') }
  const systems = await scenario.outside?.((life) => new World(place.world, life))
  const outside = systems?.place ?? ''
  const at = { kit: place.kit, folder, outside }
  const peer = scenario.peer ? start(scenario, { life: 'peer', ...at }, {}) : undefined
  let victim: Started | undefined
  try {
    let kills = 0
    let complaint: string | undefined
    for (const shim of shims) {
      victim = start(scenario, { life: 'victim', ...at }, { ...watched, ...shim })
      const end = await victim.ended(patienceMs)
      complaint ??= end.complaint
      if (!end.isKilled) break
      kills++
    }
    const before = peer ? readLiveLedger(storeOf(folder)) : readLedger(storeOf(folder))
    const world = new World(place.world, 'after')
    const obstacle = await recover(scenario, { world, folder, outside, limitMs: patienceMs })
    complaint ??= (await peer?.ended(patienceMs))?.complaint
    const hasFile = existsSync(storeOf(folder))
    const after = hasFile ? readLedger(storeOf(folder), { integrity: true }) : emptyLedger
    return { before, after, obstacle, kills, complaint }
  } finally {
    peer?.process.kill('SIGKILL')
    victim?.process.kill('SIGKILL')
    await systems?.close()
  }
}

function judge(
  scenario: Scenario,
  place: Place,
  { before, after, obstacle, kills, complaint }: Trial,
  expected: Expected | undefined,
): Violation[] {
  const lines = readWorld(place.world)
  const stuck: Violation[] = obstacle === undefined ? [] : [{ kind: 'stuck', what: obstacle }]
  const said: Violation[] = complaint === undefined ? [] : [{ kind: 'trouble', what: complaint }]
  const rest = check({ scenario, before, after, lines, kills, expected })
  return [...stuck, ...said, ...rest]
}

interface Started {
  readonly process: ChildProcess
  /** Resolves when it has ended, or has not in time. */
  readonly ended: (
    patienceMs: number,
  ) => Promise<{ readonly isKilled: boolean; readonly complaint: string | undefined }>
}

function start(
  scenario: Scenario,
  {
    life,
    kit: { program, compiled },
    folder,
    outside,
  }: {
    readonly life: 'victim' | 'peer'
    readonly kit: Kit
    readonly folder: string
    readonly outside: string
  },
  env: Readonly<Record<string, string>>,
): Started {
  const running = spawn(process.execPath, [program, life, scenario.name, folder, outside], {
    env: { ...process.env, NODE_COMPILE_CACHE: compiled, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  running.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const exit = once(running, 'close') as Promise<[code: number | null, signal: string | null]>
  return {
    process: running,
    ended: async (patienceMs) => {
      const isInTime = await inTime(patienceMs, exit)
      if (!isInTime) return { isKilled: false, complaint: `the ${life} did not end: ${said}` }
      const [code, signal] = await exit
      const isExpected = signal === 'SIGKILL' || code === hasDoneAll
      return {
        isKilled: signal === 'SIGKILL',
        complaint: isExpected ? undefined : `the ${life} ended with ${code ?? signal}: ${said}`,
      }
    },
  }
}
