/**
 * What is being done when the power is cut: several runs on one store, with everything that writes
 * (steps, branches, loops, questions, signals, children, artifacts), in two sittings. The second
 * one is large enough for SQLite to move its log into the file and to begin the log anew.
 */
import { flow } from '../../src/index.ts'
import type { Client } from '../crash/client.ts'
import type { Cast } from '../crash/scenario.ts'

export interface Load {
  readonly flows: Cast['flows']
  /** Both sittings; the second one is what is done after the store was closed and opened again. */
  readonly sittings: readonly ((client: Client) => Promise<void>)[]
}

export function makeLoad(): Load {
  const text = (size: number, seed: string): string =>
    seed.repeat(Math.ceil(size / seed.length)).slice(0, size)
  const grow = flow('grow', (run, turns: number) =>
    run.loop('grow', { state: { notes: [] as readonly string[] } }, async (turn, { notes }) => {
      const note = await turn.step('note', () => text(200, `${run.id} ${turn.turn} `))
      const parts = await turn.map('part', [1, 2], (branch, part) =>
        branch.step('part', () => part),
      )
      const next = { notes: [...notes, note + parts.join('')] }
      return next.notes.length < turns ? turn.next(next) : turn.done(next.notes.length)
    }),
  )
  const talk = flow('talk', async (run) => {
    const verdict = await run.ask<string>('publish?')
    const numbers = [await run.signal<number>('number'), await run.signal<number>('number')]
    await run.sleep(10)
    return [verdict, ...numbers]
  })
  const family = flow('family', async (run, turns: number) => {
    const [a, b] = await run.all('both', [
      (branch) => branch.child(grow, turns),
      (branch) => branch.child(grow, turns + 1),
    ])
    return a + b
  })
  const bulk = flow('bulk', async (run, count: number) => {
    let total = 0
    for (let i = 0; i < count; i++) {
      const artifact = await run.artifacts.put('bytes', text(20_000, `${run.id} ${i} `))
      total +=
        (await run.step('value', () => text(15_000, `${run.id} ${i}`))).length + artifact.bytes
    }
    return total
  })

  const sitting =
    (n: number, turns: number, count: number) =>
    async (client: Client): Promise<void> => {
      const id = (name: string): string => `${name}-${n}`
      await Promise.all([
        client.start(grow, turns, { id: id('grow') }),
        client.start(talk, undefined, { id: id('talk') }),
        client.start(family, turns, { id: id('family') }),
        client.start(bulk, count, { id: id('bulk') }),
        client.start(bulk, count - 1, { id: id('more') }),
      ])
      await Promise.all([
        client.answer(id('talk'), 'yes'),
        client
          .signal(id('talk'), 'number', 1, 'first')
          .then(() => client.signal(id('talk'), 'number', 2, 'second')),
      ])
      for (const name of ['grow', 'talk', 'family', 'bulk', 'more']) await client.end(id(name))
    }
  return { flows: [grow, talk, family, bulk], sittings: [sitting(1, 3, 3), sitting(2, 8, 60)] }
}
