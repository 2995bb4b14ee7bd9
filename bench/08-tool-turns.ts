/**
 * Turns of an agent with one tool call each: what the runtime adds to the commits that a turn needs.
 *
 * A turn needs the model's answer and the turn's end, and of the call its outcome, for a call that must
 * not repeat its intent too. Measured: from the model's answer (a stream that is there at once) to the
 * next question to the model, less the time within the tool. The limit is as many commits of one row
 * with the same bytes on bare node:sqlite: one while the model is asked and one within the tool, so
 * that they lie between the runtime's own, and what disturbs the one disturbs the other. The bytes
 * are those that a run before has written, one entry of a turn after another.
 * A round is one run of 100 turns; its figure is the median of its turns, and for the limit the median of
 * its commits times their number.
 * Both are measured a second time, when the process has worked for some seconds and its code is compiled.
 * At once: 200 agents of ten turns each, against 200 callers who append the same number of rows of the
 * same bytes through a group commit; the delay of the event loop as in many-runs. In processes of their own:
 * one as Node starts by itself, and one whose young generation is small, as docs/service.md tells.
 * Not measured: the model and the tool.
 */
import { join } from 'node:path'
import { type AgentHooks, prompt, working } from './agent-flow.ts'
import { BareLedger } from './bare.ts'
import { finish } from './child.ts'
import { delayFigures, figure, type Figure, median, ratios } from './figure.ts'
import { load } from './load.ts'
import { drop, newFolder } from './place.ts'
import { open } from './subject.ts'
import type { Timed } from './timed.ts'
import type { Ever } from '../src/index.ts'

const turns = load(100, 10)
/** Rounds that are not counted: code is compiled, the files get their size. */
const warming = load(4, 1)
const agents = load(200, 10)
const turnsAtOnce = 10
/** V8 copies at once what lives there, and nothing else happens meanwhile. Its own limit is 16. */
const youngGeneration = '--max-semi-space-size=4'

export const name = 'tool-turns'
export const says = `turns of an agent with one tool call, alone and ${agents} agents at once`

async function measure({ rounds }: { readonly rounds: number }): Promise<readonly Figure[]> {
  return [
    ...figuresOf('read', 3, await measureAlone('read', 3, rounds)),
    ...figuresOf('once', 4, await measureAlone('once', 4, rounds)),
    laterFigure('read', await measureAlone('read', 3, rounds)),
    laterFigure('once', await measureAlone('once', 4, rounds)),
    ...(await measureAtOnce(rounds)),
  ]
}

/** Of each run, in milliseconds: a turn, and as many bare commits as it needs. */
interface Alone {
  readonly own: readonly number[]
  readonly bare: readonly number[]
  readonly entries: number
}

const figuresOf = (
  effect: string,
  needed: number,
  { own, bare, entries }: Alone,
): readonly Figure[] => [
  figure(`${effect}: a turn`, 'ms', own),
  figure(`${effect}: bare: its ${needed} commits`, 'ms', bare),
  figure(`${effect}: a turn, of its commits`, 'x', ratios(own, bare), { most: 2 }),
  figure(`${effect}: entries of a turn`, 'count', [entries], { most: needed }),
]

const laterFigure = (effect: string, { own, bare }: Alone): Figure =>
  figure(`${effect}: the same some seconds later`, 'x', ratios(own, bare), { most: 2 })

async function measureAlone(
  effect: 'read' | 'once',
  needed: number,
  rounds: number,
): Promise<Alone> {
  const folder = newFolder()
  const bare = new BareLedger(join(folder, 'bare.db'))
  let own: number[] = []
  let limit: number[] = []
  let payloads: readonly string[] = []
  let run = 0
  let commits = 0
  let [answered, worked] = [0, 0]
  const commit = (): void => {
    const payload = payloads[commits++ % payloads.length]
    if (payload === undefined) return
    const start = performance.now()
    bare.commit({ run, seq: commits, payload })
    limit.push(performance.now() - start)
  }
  const hooks: AgentHooks = {
    asked: (turn) => {
      if (turn > 1) own.push(performance.now() - answered - worked)
      worked = 0
      commit()
      return turn > turns ? 'end' : 'call'
    },
    answering: () => {
      answered = performance.now()
    },
    work: commit,
    worked: (ms) => {
      worked += ms
    },
  }
  const agent = working({ effect, isBulky: false }, hooks)
  const ever = await open({
    store: `sqlite:${folder}/ledger.db`,
    flows: [agent],
    work: {},
    development: false,
  })
  const figures: { readonly own: number[]; readonly bare: number[] } = { own: [], bare: [] }
  for (let round = -warming; round < rounds * 2; round++) {
    run++
    own = []
    limit = []
    const id = `run-${run}`
    await (await ever.start(agent, { prompt }, { id })).result()
    payloads = await payloadsOfTurn(ever, id)
    if (payloads.length < needed) throw new Error(`A turn has ${payloads.length} entries.`)
    if (round < 0) continue
    figures.own.push(median(own))
    figures.bare.push(median(limit) * needed)
  }
  await ever.close()
  bare.close()
  drop(folder)
  return { ...figures, entries: payloads.length }
}

/** The payloads that one turn in the middle of a run has written. */
async function payloadsOfTurn(ever: Ever, run: string): Promise<readonly string[]> {
  const entries = await ever.store.entries(run, { after: 0, limit: 10 * turns })
  const ends = entries.flatMap(({ kind }, i) => (kind === 'turn.committed' ? [i] : []))
  const [from = 0, to = 0] = ends.slice(turns / 2)
  return entries.slice(from + 1, to + 1).map(({ payload }) => payload ?? '')
}

/** What 08-at-once-child.ts tells: of each round what took the agents, and what took bare. */
export interface AtOnce {
  /** Entries of one agent. */
  readonly entries: number
  readonly own: readonly Timed[]
  readonly bare: readonly Timed[]
}

async function measureAtOnce(rounds: number): Promise<readonly Figure[]> {
  const as = async (options: readonly string[]): Promise<AtOnce> =>
    (await finish<AtOnce>('08-at-once', [agents, turnsAtOnce, warming, rounds], options)).told
  const usual = await as([])
  const young = await as([youngGeneration])
  const rate = ({ ms }: Timed): number => ((agents * usual.entries) / ms) * 1000
  const what = `${agents} agents`
  const figuresAtOnce = (kind: string, { own, bare }: AtOnce): readonly Figure[] => [
    figure(`${kind}: rows`, '/s', own.map(rate)),
    figure(`${kind}: bare group commit, rows`, '/s', bare.map(rate)),
    figure(
      `${kind}: processor time of a turn`,
      'µs',
      own.map(({ cpuMs }) => (cpuMs * 1000) / agents / turnsAtOnce),
    ),
    ...delayFigures(kind, own, bare),
  ]
  return [...figuresAtOnce(what, usual), ...figuresAtOnce(`${what}, ${youngGeneration}`, young)]
}

export { measure as run }
