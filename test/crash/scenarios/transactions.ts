/** Steps that change rows of the user's: the output tells every row that is there more than once. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

export const transactions: Scenario = {
  name: 'rows of the user beside the ledger',
  ends: { 'book-1': 'completed', 'count-1': 'completed' },
  make: (world) => {
    const book = flow('book', async (run, seats: readonly string[]) => {
      await run.transact('table', (tx) => {
        world.executed(run.id, 'table')
        tx.run('CREATE TABLE bookings (seat TEXT NOT NULL)')
      })
      for (const seat of seats) {
        await run.transact(`book ${seat}`, { input: seat }, (asked, tx) => {
          world.executed(run.id, `book ${seat}`)
          return tx.run('INSERT INTO bookings (seat) VALUES (?)', asked).changes
        })
      }
      await run
        .transact('too much', (tx) => {
          world.executed(run.id, 'too much')
          tx.run('DELETE FROM bookings')
          throw new Error('Never mind.')
        })
        .catch(() => undefined)
      return run.step('report', () => (world.executed(run.id, 'report'), seats.length))
    })
    const count = flow('count', (run) =>
      run.transact('count', (tx) => {
        world.executed(run.id, 'count')
        return tx.all('SELECT seat FROM bookings ORDER BY seat')
      }),
    )
    return {
      flows: [book, count],
      drive: async (client) => {
        await client.start(book, ['12A', '12B', '12C'], { id: 'book-1' })
        await client.end('book-1')
        await client.start(count, undefined, { id: 'count-1' })
        await client.end('count-1')
      },
    }
  },
}
