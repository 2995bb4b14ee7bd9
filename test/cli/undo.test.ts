/** `everloop runs undo` on a real store, with a file that has the actions and no flow. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { action, flow, open } from '../../src/index.ts'
import { everloop, everloopJson, index, start } from './command-line.ts'
import { makeFolder } from '../test-folder.ts'

const folder = makeFolder()
const store = `sqlite:${join(folder.path, 'ledger.db')}`
const env = { EVERLOOP_STORE: store, LOG: join(folder.path, 'log') }
const file = join(folder.path, 'actions.ts')

beforeAll(async () => {
  writeFileSync(
    file,
    `import { appendFileSync } from 'node:fs'
import { action } from ${JSON.stringify(index)}
export const refund = action('refund', ({ order }: { order: number }, { result }) => {
  appendFileSync(process.env['LOG'] ?? '', \`refund \${order} \${result}\\n\`)
})
`,
  )
  const refund = action({
    name: 'refund',
    retry: { attempts: 1 },
    run: () => {
      throw new Error('bank closed')
    },
  })
  const buys = flow({
    name: 'buys',
    actions: [refund],
    run: async (run, orders: readonly number[]) => {
      for (const order of orders) await run.undo(refund, { order })
      if (orders.length > 1) await run.signal('never')
      throw new Error('out of stock')
    },
  })
  await using ever = await open({ store, flows: [buys], work: {} })
  await (await ever.start(buys, [1], { id: 'failed-1' })).settled()
  await (await ever.start(buys, [2, 3], { id: 'waits-1' })).settled()
  await (await ever.start(buys, [4, 5], { id: 'waits-2' })).settled()
})

afterAll(() => folder.remove())

test('explains what could not be undone, lists it, undoes it with the actions alone', async () => {
  const why = await everloop(['runs', 'explain', 'failed-1'], { env })
  expect(why.stdout).toContain('Of 1 thing to undo, 0 are undone; 1 could not be: refund.')
  expect(why.stdout).toContain('everloop runs undo failed-1 --file FILE')
  expect(why.stdout).toContain('It cannot be retried, because undoing what it did has begun.')
  expect((await everloop(['runs', 'retry', 'failed-1'], { env })).stderr).toContain(
    'Undoing what run "failed-1" did has begun',
  )
  const listed = await everloop(['runs', 'undo', 'failed-1', '--list'], { env })
  expect(listed.code).toBe(0)
  const [head, row] = listed.stdout.split('\n')
  expect(head).toMatch(/^ *OF +STATE +ACTION +INPUT +RESULT +ERROR$/)
  expect(row).toMatch(/^ *2 +failed +refund +\{"order":1\} +bank closed$/)
  const without = await everloop(['runs', 'undo', 'failed-1'], { env })
  expect([without.code, without.stderr]).toEqual([1, expect.stringContaining('UNKNOWN_ACTION')])
  expect(existsSync(env.LOG)).toBe(false)
  const args = ['runs', 'undo', 'failed-1', '--file', file, '--by', 'eve']
  const { code, document } = await everloopJson(args, { env })
  expect(code).toBe(0)
  expect(document).toMatchObject({ run: 'failed-1', undos: [{ of: 2, state: 'undone' }] })
  expect(readFileSync(env.LOG, 'utf8')).toBe('refund 1 undefined\n')
  expect((await everloop(['runs', 'verify', 'failed-1'], { env })).code).toBe(0)
  // What was undone is not built upon: nobody is sent to a retry that is refused.
  const then = await everloop(['runs', 'explain', 'failed-1'], { env })
  expect(then.stdout).toMatch(
    /Of 1 thing to undo, 1 is undone\. It cannot be retried, because what it did was undone\.\nNext: Start a new run/,
  )
  expect(then.stdout).not.toContain('runs retry')
  const retried = await everloopJson(['runs', 'retry', 'failed-1'], { env })
  expect(retried.error).toMatchObject({ code: 'RUN_STATE' })
})

test('ends a run whose code is gone, and undoes it but for what is skipped', async () => {
  const refused = await everloop(['runs', 'undo', 'waits-1', '--file', file], { env })
  expect(refused.stderr).toContain('--cancel')
  const bad = await everloop(['runs', 'undo', 'waits-1', '--skip', '9', '--reason', 'x'], { env })
  expect(bad.stderr).toContain('Entry 9')
  const args = ['runs', 'undo', 'waits-1', '--file', file, '--cancel', '--by', 'eve']
  const { code, document } = await everloopJson(args, { env })
  expect(code).toBe(0)
  expect(document).toMatchObject({ undos: [{ state: 'undone' }, { state: 'undone' }] })
  expect(readFileSync(env.LOG, 'utf8').split('\n').slice(1, 3)).toEqual([
    'refund 3 undefined',
    'refund 2 undefined',
  ])
  const why = await everloop(['runs', 'explain', 'waits-1'], { env })
  expect(why.stdout).toContain('Of 2 things to undo, 2 are undone.')
  expect((await everloop(['runs', 'verify', 'waits-1'], { env })).code).toBe(0)
})

test('an undo that was killed is gone on with by the actions alone, and explained so', async () => {
  const hangs = join(folder.path, 'hangs.ts')
  writeFileSync(
    hangs,
    `import { action } from ${JSON.stringify(index)}
export const refund = action('refund', () => {
  console.log('called')
  return new Promise(() => setInterval(() => {}, 60_000))
})
`,
  )
  const undo = start(['runs', 'undo', 'waits-2', '--file', hangs, '--cancel'], { env })
  await undo.prints(/called/)
  undo.child.kill('SIGKILL')
  await undo.ended
  const why = await everloop(['runs', 'explain', 'waits-2'], { env })
  expect(why.stdout).toContain('What it has done is being undone.')
  expect(why.stdout).toMatch(/Or: everloop runs undo waits-2 --file FILE/)
  expect((await everloop(['runs', 'undo', 'waits-2', '--file', file], { env })).code).toBe(0)
  const then = await everloop(['runs', 'explain', 'waits-2'], { env })
  expect(then.stdout).toContain('Of 2 things to undo, 2 are undone.')
})
