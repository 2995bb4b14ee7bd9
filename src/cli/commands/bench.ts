/**
 * `everloop bench`: a short measurement on this disk, so that a number in a document can be held
 * against the machine at hand. The bare commits are the floor: SQLite alone, one row a commit, with
 * the same durability. The full benchmark of the project is `npm run bench` in a clone.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { EverloopError } from '../../base/errors.ts'
import { open } from '../../open.ts'
import { flow } from '../../run/index.ts'
import { act, type Call } from '../call.ts'
import { existingFolder } from '../existing-folder.ts'
import { interruptible } from '../interrupt.ts'
import { ledgerFile } from '../store-place.ts'
import { table } from '../table.ts'

interface Options {
  readonly seconds: number
}

interface Figure {
  readonly name: string
  readonly count: number
  readonly ms: number
  readonly perSecond: number
  readonly msEach: number
}

const concurrency = 64
const stepsOfRun = 20

export function addBench(program: Command): void {
  const command = program
    .command('bench')
    .description('measure this disk: bare commits against steps')
    .option('--seconds <n>', 'for each of the three measurements', Number, 1)
  act<Options>(command, bench)
}

async function bench({ out, store, options }: Call<Options>): Promise<void> {
  const { seconds } = options
  if (!(seconds > 0 && seconds <= 60)) {
    throw new EverloopError('BAD_OPTION', '--seconds takes a number above 0, at most 60.')
  }
  const place = makePlace(folderOf(store))
  try {
    await interruptible(async (signal) => {
      out.note(`Measuring in ${place}: about ${Math.ceil(seconds * 3)} s.`)
      const limit = { ms: seconds * 1000, signal }
      const figures = [
        await bareCommits(join(place, 'bare.db'), limit),
        await stepsInARow(join(place, 'row.db'), limit),
        await stepsAtOnce(join(place, 'many.db'), limit),
      ]
      out.result({ place: dirname(place), node: process.versions.node, figures }, () =>
        table(
          [
            { title: 'WHAT', of: ({ name }) => name },
            { title: 'COUNT', of: ({ count }) => String(count), align: 'right' },
            {
              title: 'PER SECOND',
              of: ({ perSecond }) => String(Math.round(perSecond)),
              align: 'right',
            },
            { title: 'MS EACH', of: ({ msEach }) => msEach.toFixed(3), align: 'right' },
          ],
          figures,
        ),
      )
    })
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

function makePlace(folder: string): string {
  try {
    return mkdtempSync(join(folder, '.everloop-bench-'))
  } catch (cause) {
    throw new EverloopError(
      'STORE_READ_ONLY',
      `${folder} cannot be written. The measurement needs a place on the disk of the store.`,
      { cause },
    )
  }
}

/** On the disk of the store. */
function folderOf(store: string): string {
  const file = ledgerFile(store)
  return file === undefined ? process.cwd() : existingFolder(file)
}

interface Limit {
  readonly ms: number
  readonly signal: AbortSignal
}

async function bareCommits(path: string, { ms, signal }: Limit): Promise<Figure> {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(path)
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    database.exec('CREATE TABLE rows (key INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT')
    const insert = database.prepare('INSERT INTO rows (text) VALUES (?)')
    const text = 'x'.repeat(300) // about what an entry of a small step takes
    return timed('bare SQLite commits, one row each', ms, () => {
      signal.throwIfAborted()
      insert.run(text)
      return 1
    })
  } catch (error) {
    const { explain } = await import('../../store/sqlite/trouble.ts')
    throw explain(error, path)
  } finally {
    database.close()
  }
}

/**
 * One run, one step after the other: each is durable before the next begins. Whether time is left is
 * what the step returns, so that a turn which is executed again goes the same way.
 */
async function stepsInARow(path: string, { ms, signal }: Limit): Promise<Figure> {
  let until = 0
  const row = flow('row', (run) =>
    run.loop('steps', { state: 0 }, async (turn, done) => {
      const more = await turn.step('more', () => performance.now() < until && !signal.aborted)
      return more ? turn.next(done + 1) : turn.done(done + 1)
    }),
  )
  await using ever = await open({ store: `sqlite:${path}`, flows: [row], work: {} })
  const start = performance.now()
  until = start + ms
  const count = await (await ever.start(row, undefined)).result()
  signal.throwIfAborted()
  return figure('steps of one run, in a loop (2 entries a turn)', count, performance.now() - start)
}

/** Many runs at a time, which share commits. */
async function stepsAtOnce(path: string, { ms, signal }: Limit): Promise<Figure> {
  const many = flow('many', async (run) => {
    for (let i = 0; i < stepsOfRun; i++) await run.step('add', () => i)
  })
  await using ever = await open({ store: `sqlite:${path}`, flows: [many], work: { concurrency } })
  const start = performance.now()
  let count = 0
  const lane = async (): Promise<void> => {
    while (performance.now() - start < ms && !signal.aborted) {
      await (await ever.start(many, undefined)).result()
      count += stepsOfRun
    }
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
  signal.throwIfAborted()
  return figure(`steps of ${concurrency} runs at a time`, count, performance.now() - start)
}

function timed(name: string, ms: number, once: () => number): Figure {
  const start = performance.now()
  let count = 0
  while (performance.now() - start < ms) count += once()
  return figure(name, count, performance.now() - start)
}

const figure = (name: string, count: number, ms: number): Figure => ({
  name,
  count,
  ms: Math.round(ms),
  perSecond: Number(((count * 1000) / ms).toFixed(1)),
  msEach: Number((ms / Math.max(1, count)).toFixed(4)),
})
