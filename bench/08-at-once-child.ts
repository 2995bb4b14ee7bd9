/**
 * Many agents at once, and as many callers of a bare group commit, round by round.
 * Usage: 08-at-once-child.ts AGENTS TURNS WARMING ROUNDS
 */
import { join } from 'node:path'
import type { AtOnce } from './08-tool-turns.ts'
import { prompt, working } from './agent-flow.ts'
import { BareLedger } from './bare.ts'
import { drop, newFolder } from './place.ts'
import { open } from './subject.ts'
import { tell } from './tell.ts'
import { type Timed, timed } from './timed.ts'

const [agents = 0, turns = 0, warming = 0, rounds = 0] = process.argv.slice(2).map(Number)

const folder = newFolder()
const bareLedger = new BareLedger(join(folder, 'bare.db'))
const agent = working(
  { effect: 'read', isBulky: false },
  { asked: (turn) => (turn > turns ? 'end' : 'call') },
)
const ever = await open({
  store: `sqlite:${folder}/ledger.db`,
  flows: [agent],
  work: { concurrency: agents },
  development: false,
})
const first = await ever.start(agent, { prompt }, { id: 'first' })
await first.result()
const entries = await ever.store.entries('first', { after: 0, limit: 1000 })
const payloads = entries.map(({ payload }) => payload ?? '')
const own: Timed[] = []
const bare: Timed[] = []
for (let round = -warming; round < rounds; round++) {
  const bareTime = await timed(() => atOnce((i) => appendAll((round + warming) * agents + i)))
  const ownTime = await timed(() => atOnce(runOne))
  if (round < 0) continue
  bare.push(bareTime)
  own.push(ownTime)
}
await ever.close()
bareLedger.close()
drop(folder)
tell({ entries: payloads.length, own, bare } satisfies AtOnce)

async function runOne(): Promise<void> {
  const reference = await ever.start(agent, { prompt })
  await reference.result()
}

async function appendAll(run: number): Promise<void> {
  for (const [seq, payload] of payloads.entries()) await bareLedger.append({ run, seq, payload })
}

/** As many at once as there are agents. */
function atOnce(work: (i: number) => Promise<void>): Promise<unknown> {
  return Promise.all(Array.from({ length: agents }, (_, i) => work(i)))
}
