/** Opens a runtime: turns what the user says about store, flows and work into one. */
import { EverloopError } from './base/errors.ts'
import { type Duration, parseDuration } from './base/duration.ts'
import { isRecord } from './base/is-object.ts'
import { messageOf } from './base/message-of.ts'
import { checkFunctions, checkTexts } from './base/options.ts'
import { environmentOf, type Surroundings } from './agent/environment.ts'
import { isProduction, systemPorts } from './base/system.ts'
import {
  type AnyAction,
  type AnyFlow,
  checkQueueLimit,
  checkOptions,
  checkWork,
  Ever,
  Flows,
  type WorkOptions,
} from './run/index.ts'
import type { SqliteStoreOptions } from './store/sqlite/store.ts'
import type { Store } from './store/store.ts'

/** Where the runtime keeps what is recorded, and what it executes. */
export interface OpenOptions extends Surroundings {
  /**
   * `"sqlite:PATH"` (durable against power cuts), `"sqlite:PATH?durability=process"` (a power cut
   * may lose the last seconds), `"memory:"`, or a store object. Default "sqlite:.everloop/ledger.db".
   */
  readonly store?: string | Store
  /** The flows that can be started by name and executed here. */
  readonly flows?: readonly AnyFlow[]
  /** What runs can be undone with, besides what the flows bring along. */
  readonly actions?: readonly AnyAction[]
  /** How long a worker may be silent before others take its runs over. Default "10s". */
  readonly lease?: Duration
  /** Whether runs are executed in this process, and how many at a time. Default false. */
  readonly work?: false | Omit<WorkOptions, 'until'>
  /** Concurrency limits of queues, for all workers together; null lifts a limit. */
  readonly queues?: Readonly<Record<string, { readonly concurrency: number | null }>>
  /**
   * Executes a few turns of each loop twice before they are committed, which finds state that a
   * loop keeps outside of its state value. Default: unless NODE_ENV is "production".
   */
  readonly development?: boolean
  /** For people: who this process is, in sessions. */
  readonly name?: string
  /**
   * Told of trouble that ends nothing: a store that cannot be reached, a run that was taken over, one
   * that is paused although nobody asked for it (HIDDEN_STATE, say), a rejection that a flow's code does
   * not handle. Default: a warning of the process (`process.emitWarning`), which Node prints and
   * `process.on('warning')` can read.
   */
  readonly onTrouble?: (error: unknown, run: string | undefined) => void
}

/** A lease shorter than this would be lost to a garbage collection. */
const leaseMsMin = 100

/**
 * Opens a store and returns the runtime on it. Throws STORE_… when the store cannot be used.
 *
 * @example
 * await using ever = await open({ flows: [hello], work: { concurrency: 16 } })
 * const run = await ever.start(hello, 'World', { id: 'hello-1' })
 * console.log(await run.result())
 */
export async function open(options: OpenOptions = {}): Promise<Ever> {
  checkOptions('open', options, [
    'store',
    'flows',
    'actions',
    'lease',
    'work',
    'queues',
    'development',
    'secrets',
    'policies',
    'name',
    'onTrouble',
  ])
  const {
    store: location = 'sqlite:.everloop/ledger.db',
    flows = [],
    actions = [],
    lease = '10s',
    work = false,
    queues = {},
    development = !isProduction(),
    name = 'worker',
    onTrouble: told = warn,
  } = options
  const onTrouble = heeded(told)
  const leaseMs = parseDuration(lease)
  if (leaseMs < leaseMsMin) {
    throw new EverloopError('BAD_OPTION', `A lease must be at least ${leaseMsMin} ms long.`)
  }
  if (work !== false) checkWork(work)
  checkTexts('open', { name })
  if (typeof (development as unknown) !== 'boolean') {
    throw new EverloopError('BAD_OPTION', 'open({ development }) must be true or false.')
  }
  checkFunctions('open', { onTrouble: told })
  if (!isRecord(queues)) {
    throw new EverloopError('BAD_OPTION', 'open({ queues }) takes an object of limits by queue.')
  }
  for (const [queue, limit] of Object.entries(queues)) {
    checkOptions(`open({ queues }): "${queue}"`, limit, ['concurrency'])
    checkQueueLimit(limit.concurrency)
  }
  const surroundings = environmentOf(options)
  const known = new Flows(flows, actions)
  const store = typeof location === 'string' ? await openStore(location) : location
  if (typeof (store as Partial<Store> | null)?.createRun !== 'function') {
    throw new EverloopError('BAD_OPTION', 'open({ store }) takes a text, or a store.')
  }
  const ever = new Ever({
    store,
    ports: systemPorts,
    flows: known,
    leaseMs,
    name,
    development,
    ...surroundings,
    onTrouble,
  })
  try {
    for (const [queue, { concurrency }] of Object.entries(queues)) {
      await ever.limitQueue(queue, concurrency)
    }
  } catch (error) {
    if (typeof location === 'string') await ever.close() // nobody else has it
    throw error
  }
  if (work !== false) void ever.work(work).catch((error: unknown) => onTrouble(error, undefined))
  return ever
}

/** What a function throws that is told of trouble must not become more of it. */
const heeded =
  (told: NonNullable<OpenOptions['onTrouble']>) =>
  (error: unknown, run: string | undefined): void => {
    try {
      told(error, run)
    } catch (thrown) {
      warn(thrown, run)
    }
  }

/** Nobody is there to be told: Node prints it, unless it is told to do otherwise. */
function warn(error: unknown, run: string | undefined): void {
  const about = run === undefined ? '' : `run "${run}": `
  const isOurs = EverloopError.is(error)
  const what = isOurs || !(error instanceof Error) ? '' : `${error.name}: `
  const said = messageOf(error)
  const stack = !isOurs && error instanceof Error ? error.stack : undefined
  process.emitWarning(`${about}${what}${said}`, {
    type: 'EverloopWarning',
    ...(isOurs ? { code: error.code } : {}),
    ...(stack === undefined ? {} : { detail: stack }),
  })
}

/** The store at a location as users write it. Throws BAD_OPTION when it names none. */
export async function openStore(
  location: string,
  { mayMigrate }: Pick<SqliteStoreOptions, 'mayMigrate'> = {},
): Promise<Store> {
  if (location === 'memory:') {
    const { memoryStore } = await import('./store/memory.ts')
    return memoryStore(systemPorts)
  }
  // SQLite's own name for a database in memory would be that of a file here.
  const match =
    location === 'sqlite::memory:'
      ? undefined
      : /^sqlite:(?<path>[^?]+)(?:\?durability=(?<durability>power-cut|process))?$/.exec(location)
  if (!match?.groups) {
    throw new EverloopError(
      'BAD_OPTION',
      `${JSON.stringify(location)} is no store. Give "sqlite:PATH", "sqlite:PATH?durability=process" or "memory:".`,
    )
  }
  const { path = '', durability } = match.groups
  const { sqliteStore } = await import('./store/sqlite/store.ts')
  return sqliteStore({
    location: path,
    ports: systemPorts,
    durability: durability === 'process' ? 'process' : 'power-cut',
    mayMigrate,
  })
}
