/** An agent that books a trip, finds no car, is halted by a guard, and undoes what it has booked. */
import { z } from 'zod'
import { agent, done, guard, notDone, NotDone, tool, verdict } from '../../../src/index.ts'
import { counted, countedModel, hasHappened, soon } from '../counted.ts'
import type { Scenario } from '../scenario.ts'
import type { Line, World } from '../world.ts'

const things = ['flight', 'hotel', 'car']

const booking = (world: World, thing: string) =>
  tool({
    name: `book_${thing}`,
    description: `Books a ${thing}.`,
    input: z.object({}),
    effect: 'once',
    ...soon,
    // The car's call alone cannot be there: it is refused.
    reconcile: () => (thing !== 'car' && hasHappened(world) ? done(`${thing} 7`) : notDone()),
    run: (_, context) => {
      // Before it counts as made.
      if (thing === 'car') throw new NotDone('No car is left.')
      counted(world, context)
      return `${thing} 7`
    },
    undo: (_, result, { idempotencyKey }) => {
      world.noted(`undo ${thing} ${result} ${idempotencyKey}`)
    },
  })

const noCar = guard({
  name: 'no-car',
  at: 'result',
  check: ({ isError }) => (isError ? verdict.halt('The trip cannot be made.') : verdict.allow()),
})

export const agentSaga: Scenario = {
  name: 'agent: a trip is undone',
  ends: { 'trip-1': 'failed' },
  isLong: true,
  make: (world) => {
    const model = countedModel(world, ({ turn }) => ({
      toolCalls: [{ id: `b${turn}`, name: `book_${things[turn]}`, input: {} }],
    }))
    const tools = things.map((thing) => booking(world, thing))
    const traveller = agent({ name: 'traveller', model, tools, guards: [noCar] })
    return {
      flows: [traveller],
      drive: async (client) => {
        await client.start(traveller, { prompt: 'Book.' }, { id: 'trip-1' })
        await client.end('trip-1', 'failed')
      },
    }
  },
  check: undoneInOrder,
}

/** The hotel, then the flight, each under one key of its own; what was not booked is not undone. */
function undoneInOrder(lines: readonly Line[]): string[] {
  const undos = lines.flatMap((line) =>
    line.is === 'noted' && line.what.startsWith('undo ') ? [line.what] : [],
  )
  const distinct = [...new Set(undos)]
  const inOrder = undos.filter((undo, i) => undo !== undos[i - 1])
  const things = distinct.map((undo) => undo.split(' ').slice(1, 4).join(' '))
  const keys = new Set(distinct.map((undo) => undo.split(' ').at(-1)))
  const isRight =
    inOrder.length === 2 && keys.size === 2 && things.join() === 'hotel hotel 7,flight flight 7'
  return isRight ? [] : [`undone: ${undos.join('; ')}`]
}
