/** Runs of a queue of which one may be executed at a time. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'
import type { Line } from '../world.ts'

const ids = ['queue-1', 'queue-2', 'queue-3']

export const queueWithLimit: Scenario = {
  name: 'queue with limit',
  ends: Object.fromEntries(ids.map((id) => [id, 'completed'])),
  queues: { narrow: { concurrency: 1 } },
  make: (world) => {
    const single = flow('single', async (run) => {
      await run.step('enter', () => {
        world.executed(run.id, 'enter')
        world.noted(`enter ${run.id} ${process.pid}`)
      })
      return run.step('leave', () => {
        world.executed(run.id, 'leave')
        world.noted(`leave ${run.id} ${process.pid}`)
      })
    })
    return {
      flows: [single],
      drive: async (client) => {
        for (const id of ids) await client.start(single, undefined, { id, queue: 'narrow' })
        for (const id of ids) await client.end(id)
      },
    }
  },
  check: oneAtATime,
}

/** No run enters while another is inside, unless the process that held that one is dead. */
function oneAtATime(lines: readonly Line[]): string[] {
  let inside: { readonly id: string; readonly pid: string } | undefined
  const complaints: string[] = []
  for (const line of lines) {
    const [what, id = '', pid = ''] = line.is === 'noted' ? line.what.split(' ') : []
    if (what === 'enter') {
      if (inside && inside.id !== id && inside.pid === pid)
        complaints.push(`${id} entered while ${inside.id} was inside`)
      inside = { id, pid }
    }
    if (what === 'leave' && inside?.id === id) inside = undefined
  }
  return complaints
}
