/**
 * A saga: a trip is booked step by step, and when a step fails for good, what was booked is undone in
 * reverse order. What undoes a booking is registered as data before the booking is made, so it is known
 * after a crash, and to an operator (`everloop runs undo`) even when this code is gone.
 */
import assert from 'node:assert/strict'
import { action, flow, NotDone, open } from 'everloop'

const log: string[] = []

/** Stands for the systems of airlines and hotels. */
const book = (what: string): string => {
  // After any other error it may have happened, and would be undone too.
  if (what === 'car') throw new NotDone('no car is left')
  log.push(`booked ${what}`)
  return `${what}-1`
}

const cancel = action({
  name: 'cancel_booking',
  // Called at least once, always with the same key: the step's own, by which the booking can be found.
  run: ({ what }: { readonly what: string }, { idempotencyKey }) => {
    assert.ok(idempotencyKey)
    log.push(`cancelled ${what}`)
  },
})

const trip = flow({
  name: 'trip',
  actions: [cancel],
  run: async (run, parts: readonly string[]) => {
    const bookings: string[] = []
    for (const what of parts) {
      const undo = { action: cancel, input: { what } }
      bookings.push(
        await run.step(`book ${what}`, { effect: 'idempotent', undo }, () => book(what)),
      )
    }
    return bookings
  },
})

await using ever = await open({ store: 'memory:', flows: [trip], work: {} })

const good = await ever.start(trip, ['flight', 'hotel'])
assert.deepEqual(await good.result(), ['flight-1', 'hotel-1'])
assert.deepEqual(log.splice(0), ['booked flight', 'booked hotel'])

const bad = await ever.start(trip, ['flight', 'hotel', 'car'], { id: 'trip-2' })
const settled = await bad.settled()
console.log(log.join(', '))
assert.equal(settled.status, 'failed')
assert.deepEqual(log, ['booked flight', 'booked hotel', 'cancelled hotel', 'cancelled flight'])

const undos = await ever.undos('trip-2')
assert.deepEqual(
  undos.map(({ state }) => state),
  ['undone', 'undone'],
)
