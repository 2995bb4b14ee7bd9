/**
 * Scenarios that are wrong on purpose: the proof that each check can fail. A sweep over one of them
 * that finds nothing means that the sweep is blind.
 */
import { setTimeout } from 'node:timers/promises'
import { type Ever, flow } from '../../src/index.ts'
import { agentCanaries } from './agent-canaries.ts'
import type { Canary } from './canary.ts'
import type { Scenario } from './scenario.ts'
import { scenarios } from './scenarios/index.ts'

/** The client is told that a run has started before it has been committed. */
const earlyStart: Canary = {
  name: 'canary: acknowledged before the commit',
  finds: 'lost',
  ends: { 'early-1': 'completed' },
  make: (world) => {
    const quick = flow('quick', (run) => run.step('a', () => (world.executed(run.id, 'a'), 1)))
    return {
      flows: [quick],
      drive: async (client) => {
        await client.start(quick, undefined, { id: 'early-1' })
        // So that it is there after all, when nothing is killed.
        while (world.life === 'victim' && (await client.ever.list()).length === 0)
          await setTimeout(1)
        await client.end('early-1')
      },
    }
  },
  wrap: (ever) =>
    new Proxy(ever, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target)
        if (typeof member !== 'function') return member
        if (property !== 'start') return member.bind(target) as unknown
        return (...given: Parameters<Ever['start']>) => {
          void target.start(...given)
          return Promise.resolve()
        }
      },
    }),
}

/** An effect outside of a step: every replay repeats it. */
const bareEffect: Canary = {
  name: 'canary: executed again on replay',
  finds: 'repeated',
  ends: { 'bare-1': 'completed' },
  make: (world) => {
    const bare = flow('bare', async (run) => {
      world.executed(run.id, 'effect')
      await run.step('effect', () => 1)
      await run.step('after', () => (world.executed(run.id, 'after'), 2))
    })
    return {
      flows: [bare],
      drive: async (client) => {
        await client.start(bare, undefined, { id: 'bare-1' })
        await client.end('bare-1')
      },
    }
  },
}

/** A run that only the killed process would have ended. */
const orphan: Canary = {
  name: 'canary: nobody goes on',
  finds: 'stuck',
  ends: { 'orphan-1': 'completed' },
  make: (world) => {
    const lone = flow('lone', async (run) => {
      await run.step('a', () => world.executed(run.id, 'a'))
      return run.signal('go')
    })
    return {
      flows: [lone],
      drive: async (client) => {
        await client.start(lone, undefined, { id: 'orphan-1' })
        if (world.life === 'victim') await client.signal('orphan-1', 'go', 1, 'go 1')
        await client.end('orphan-1')
      },
    }
  },
}

export const canaries: readonly Canary[] = [earlyStart, bareEffect, orphan, ...agentCanaries]

/** The scenario of this name, a canary perhaps. Also found by the beginning of its name. */
export function findScenario(name: string): Scenario & Partial<Canary> {
  const found = [...scenarios, ...canaries].find((scenario) => scenario.name.startsWith(name))
  if (found) return found
  throw new Error(
    `There is no scenario "${name}": ${scenarios.map((each) => each.name).join('; ')}`,
  )
}
