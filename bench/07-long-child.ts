/**
 * Moves an agent to a late turn, measuring its last turns in rounds against early turns of other
 * agents on the store in SIDE, turn by turn; keeps what the model was given last as bare rows in
 * CONTEXT; tells, and dies in the turn behind. Usage: 07-long-child.ts FOLDER SIDE CONTEXT TURNS ROUNDS
 */
import { join } from 'node:path'
import type { Ever } from '../src/index.ts'
import type { Grown } from './07-long-agent.ts'
import { prompt, working } from './agent-flow.ts'
import { BareLedger } from './bare.ts'
import { open } from './subject.ts'
import { tellAndDie } from './tell.ts'
import { TurnClock } from './turn-clock.ts'

/** Turns of a round, and where they begin in a new run: around turn 10. */
const turns = 20
const firstEarly = 1

const [folder = '', side = '', context = '', last = '', rounds = ''] = process.argv.slice(2)

async function begin(place: string, id: string): Promise<{ clock: TurnClock; ever: Ever }> {
  const clock = new TurnClock()
  const agent = working({ effect: 'read', isBulky: true }, clock)
  const ever = await open({
    store: `sqlite:${place}/ledger.db`,
    flows: [agent],
    work: {},
    development: false,
  })
  await ever.start(agent, { prompt }, { id })
  return { clock, ever }
}

const { clock: late } = await begin(folder, 'long')
const grown: { readonly [K in keyof Grown]: Grown[K][number][] } = { early: [], late: [] }
let turn = Number(last) - turns * Number(rounds) + 1
await late.to(turn)
for (let round = 0; round < Number(rounds); round++) {
  const { clock: early, ever } = await begin(side, `short-${round}`)
  await early.to(firstEarly)
  early.costs = []
  late.costs = []
  for (let i = 1; i <= turns; i++) {
    await early.to(firstEarly + i)
    await late.to(++turn)
  }
  grown.early.push(early.costs)
  grown.late.push(late.costs)
  early.end()
  await ever.get(`short-${round}`).then((reference) => reference.result())
  await ever.close()
}
const bare = new BareLedger(join(context, 'bare.db'))
await Promise.all(
  late.prompt.map((message, i) =>
    bare.append({ run: 1, seq: i + 1, payload: JSON.stringify(message) }),
  ),
)
bare.close()
tellAndDie(grown satisfies Grown)
