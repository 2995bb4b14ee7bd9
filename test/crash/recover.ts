/** What comes after the kill: another process opens the store, and the client goes on. */
import { join } from 'node:path'
import { type Ever, open, type OpenOptions } from '../../src/index.ts'
import { Client } from './client.ts'
import type { Cast, Scenario } from './scenario.ts'
import type { World } from './world.ts'

export const storeOf = (folder: string): string => join(folder, 'store', 'ledger.db')

/** How a process exits that was not killed before it had done everything. */
export const hasDoneAll = 77

/** How every process of a scenario opens the store. */
export function optionsFor(
  scenario: Scenario,
  cast: Cast,
  world: World,
  folder: string,
): OpenOptions {
  const { queues } = scenario
  return {
    store: `sqlite:${storeOf(folder)}`,
    flows: cast.flows,
    work: { concurrency: 16 },
    name: world.life,
    onTrouble: (error, run) => world.trouble(`${run ?? 'store'}: ${String(error)}`),
    ...(queues === undefined ? {} : { queues }),
  }
}

/** Drives the scenario to its end. Returns what kept it from getting there, if anything did. */
export async function recover(
  scenario: Scenario,
  {
    world,
    folder,
    outside,
    limitMs,
  }: {
    readonly world: World
    readonly folder: string
    readonly outside: string
    readonly limitMs: number
  },
): Promise<string | undefined> {
  const cast = scenario.make(world, outside)
  let ever: Ever | undefined
  try {
    ever = await open(optionsFor(scenario, cast, world, folder))
    const isDone = await inTime(limitMs, atRest(ever, cast.drive(new Client(ever, world))))
    for (const complaint of await verified(ever)) world.trouble(complaint)
    return isDone ? undefined : `not at rest after ${limitMs} ms`
  } catch (error) {
    return `the recovery failed: ${String(error)}`
  } finally {
    await ever?.close()
  }
}

/** The client is done, and so is every run that nobody waits for: children, perhaps. */
async function atRest(ever: Ever, driven: Promise<void>): Promise<void> {
  await driven
  await ever.work({ until: 'idle' })
}

/** What the runtime's own verification has to say of any run. */
export async function verified(ever: Ever): Promise<string[]> {
  const complaints: string[] = []
  for (const { id } of await ever.list({ limit: 1000 })) {
    const verdict = await ever.verify(id)
    if (verdict.ok) continue
    complaints.push(
      ...verdict.violations.map(
        ({ id: rule, seq, what }) => `verify ${id}: ${rule}, entry ${seq}: ${what}`,
      ),
    )
  }
  return complaints
}

/** Whether the promise resolved within the time. */
export async function inTime(limitMs: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs)
  })
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
