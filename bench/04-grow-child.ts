/**
 * Moves a run to a late turn, measuring its last turns in rounds against early turns of other
 * runs on the store in SIDE, turn by turn, tells, and dies in the turn behind. Usage: 04-grow-child.ts FOLDER SIDE VARIANT TURNS ROUNDS
 */
import type { Ever } from '../src/index.ts'
import type { Grown, Turns } from './04-growing-state.ts'
import { median } from './figure.ts'
import { growing, type Hooks, type Variant } from './growing-flow.ts'
import { open } from './subject.ts'
import { tellAndDie } from './tell.ts'

/** Turns of a round, and where they begin in a new run. */
const turns = 20
const firstEarly = 11

/** A run that stands at the beginning of a turn until it is told to go on to another. */
class Track implements Hooks {
  readonly commits: number[] = []
  readonly copies: number[] = []
  #until = 0
  #returned = 0
  #gate: ((verdict: 'on' | 'end') => void) | undefined
  #arrived: (() => void) | undefined

  begun(turn: number): Promise<'on' | 'end'> {
    if (this.#returned > 0) this.commits.push(performance.now() - this.#returned)
    if (turn < this.#until) return Promise.resolve('on')
    return new Promise((resolve) => {
      this.#gate = resolve
      this.#arrived?.()
    })
  }

  ending(_turn: number, copyMs: number): void {
    this.copies.push(copyMs)
    this.#returned = performance.now()
  }

  /** Resolves when the body of this turn has begun. */
  async to(turn: number): Promise<void> {
    this.#until = turn
    const arrived = new Promise<void>((resolve) => (this.#arrived = resolve))
    this.#gate?.('on')
    await arrived
  }

  /** Forgets what was measured until now; the turn that is open began before. */
  clear(): void {
    this.commits.length = 0
    this.copies.length = 0
    this.#returned = 0
  }

  get turns(): Turns {
    const { commits, copies } = this
    const meanMs = commits.reduce((sum, ms) => sum + ms, 0) / commits.length
    return { commitMs: median(commits), meanMs, copyMs: median(copies) }
  }

  end(): void {
    this.#returned = 0
    this.#gate?.('end')
  }
}

const [folder = '', side = '', variant = 'literal', last = '', rounds = ''] = process.argv.slice(2)

async function begin(place: string, id: string): Promise<{ track: Track; ever: Ever }> {
  const track = new Track()
  const grows = growing(variant as Variant, track)
  const ever = await open({ store: `sqlite:${place}/ledger.db`, flows: [grows], work: {} })
  await ever.start(grows, null, { id })
  return { track, ever }
}

const { track: late } = await begin(folder, 'long')
const grown: { readonly early: Turns[]; readonly late: Turns[] } = { early: [], late: [] }
let turn = Number(last) - turns * Number(rounds)
await late.to(turn)
for (let round = 0; round < Number(rounds); round++) {
  const { track: early, ever } = await begin(side, `short-${round}`)
  await early.to(firstEarly)
  early.clear()
  late.clear()
  for (let i = 1; i <= turns; i++) {
    await early.to(firstEarly + i)
    await late.to(++turn)
  }
  grown.early.push(early.turns)
  grown.late.push(late.turns)
  early.end()
  await ever.close()
}
await late.to(Number(last) + 1)
tellAndDie(grown satisfies Grown)
