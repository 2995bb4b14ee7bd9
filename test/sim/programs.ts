/**
 * Random flow programs, as data: a small grammar of everything a flow's code can do. One tree is
 * executed by interpret.ts, and model.ts says what must come out of it.
 */
import type { Chance } from './chance.ts'
import { type AgentSpec, writeAgent } from './agent-spec.ts'
import { type EffectSpec, type UndoSpec, writeEffect, writeUndo } from './effect-spec.ts'
import type { Extras, Means } from './extras.ts'

export interface StepNode {
  readonly is: 'step'
  readonly name: string
  /** How long the body takes. */
  readonly ms: number
  /** How many attempts fail; Infinity for all. */
  readonly fails: number
  readonly attempts: number
  readonly delayMs: number
  readonly value: 'small' | 'big' | 'tagged' | 'nothing'
  /** It stops failing when the run has been retried. */
  readonly heals: boolean
  /** The body never ends by itself and is ended by its timeout. */
  readonly hangs: boolean
  readonly withInput: boolean
  /** The body ends early when its signal is aborted. */
  readonly heeds: boolean
}

interface Waiting {
  readonly name: string
  readonly timeoutMs: number | undefined
  readonly hasOtherwise: boolean
  /** Refuses values that are not marked as good. */
  readonly isPicky: boolean
}

/** A step that says what repeating it does to the outside world. */
export interface EffectNode {
  readonly is: 'effect'
  readonly name: string
  readonly spec: EffectSpec
}

/** A step that changes rows of its own in the transaction that records it. */
export interface TransactNode {
  readonly is: 'transact'
  readonly name: string
  readonly fails: boolean
  readonly withInput: boolean
}

/** Registers what undoes something that is done by other means. */
export interface UndoNode {
  readonly is: 'undo'
  readonly spec: UndoSpec
}

export type Node =
  | StepNode
  | EffectNode
  | UndoNode
  | TransactNode
  /** The code says something of its own. */
  | { readonly is: 'say' }
  /** The code throws an error of its own. */
  | { readonly is: 'throw' }
  | { readonly is: 'sleep'; readonly ms: number }
  | ({ readonly is: 'signal' } & Waiting)
  | ({ readonly is: 'ask' } & Waiting)
  | { readonly is: 'note' }
  | { readonly is: 'artifact'; readonly name: string; readonly units: number }
  | { readonly is: 'chance' }
  | { readonly is: 'resource' }
  | { readonly is: 'seq'; readonly items: readonly Node[] }
  | { readonly is: 'scope'; readonly name: string; readonly body: Node }
  | { readonly is: 'all'; readonly name: string; readonly branches: readonly Node[] }
  | {
      readonly is: 'map'
      readonly name: string
      readonly count: number
      readonly concurrency: number | undefined
      readonly body: Node
    }
  | {
      readonly is: 'loop'
      readonly name: string
      readonly turns: number
      /** Length of a text in the state that is another one in each turn. */
      readonly units: number
      /** The other version takes its runs over, and its state holds the version that it is for. */
      readonly moves: boolean
      readonly body: Node
    }
  | { readonly is: 'child'; readonly flow: number }
  | { readonly is: 'race'; readonly first: Node; readonly second: Node }
  /** All of them end before the first that failed, in the order of the code, fails the whole. */
  | { readonly is: 'together'; readonly items: readonly Node[] }
  | { readonly is: 'guarded'; readonly body: Node }
  | { readonly is: 'finally'; readonly body: Node; readonly cleanup: Node }

export type Program =
  | { readonly is: 'flow'; readonly name: string; readonly body: Node }
  | { readonly is: 'agent'; readonly name: string; readonly agent: AgentSpec }

/** Makes flows of programs, the children first: whoever starts them has them at hand. */
export function flowsOf<T>(
  programs: readonly Program[],
  make: (program: Program, flows: readonly T[]) => T,
): T[] {
  const flows: T[] = []
  for (const [index, program] of [...programs.entries()].toReversed()) {
    flows[index] = make(program, flows)
  }
  return flows
}

const second = 1000
const day = 86_400 * second
const signalNames = ['go', 'tick', 'data'] as const

/** Programs of more operations than this, those of their children included, are too long to watch. */
const costMax = 40

/** What a run of an agent counts as. */
const agentCost = 12

/** Writes programs; the later ones can be children of the earlier ones. */
export function writePrograms(chance: Chance, count: number, extras: Extras): Program[] {
  const programs: Program[] = []
  const costs: number[] = []
  const agents = chance.roll(0.42) ? 0.6 : 0
  for (let index = count - 1; index >= 0; index--) {
    const name = `flow-${index}`
    if (chance.roll(agents)) {
      const agent = writeAgent(chance, { firstChild: index + 1, flows: count, extras })
      programs.unshift({ is: 'agent', name, agent })
      costs[index] = agentCost + (costs[index + 1] ?? 0)
      continue
    }
    let body: Node
    do body = new Writer(chance, { firstChild: index + 1, flows: count, extras }).program()
    while (costOf(body, costs) > costMax)
    costs[index] = costOf(body, costs)
    programs.unshift({ is: 'flow', name, body })
  }
  return programs
}

/** How many operations the program leads to at most. `costs`: those of its possible children. */
function costOf(node: Node, costs: readonly number[]): number {
  const inner = (body: Node): number => costOf(body, costs)
  const sum = (bodies: readonly Node[]): number =>
    bodies.reduce((all, body) => all + inner(body), 0)
  switch (node.is) {
    case 'seq':
    case 'together':
      return sum(node.items)
    case 'scope':
    case 'guarded':
      return 1 + inner(node.body)
    case 'finally':
      return 2 + sum([node.body, node.cleanup])
    case 'all':
      return 1 + sum(node.branches)
    case 'map':
      return 1 + node.count * (1 + inner(node.body))
    case 'loop':
      return 1 + node.turns * (1 + inner(node.body))
    case 'race':
      return sum([node.first, node.second])
    case 'child':
      return 3 + (costs[node.flow] ?? 0)
    default:
      return 1
  }
}

class Writer {
  readonly #chance: Chance
  readonly #means: Means
  #left: number
  #names = 0

  constructor(chance: Chance, means: Means) {
    this.#chance = chance
    this.#means = means
    this.#left = chance.between(2, 9)
  }

  program(): Node {
    return this.#seq(0)
  }

  #seq(depth: number): Node {
    const count = depth === 0 ? this.#chance.between(1, 5) : this.#chance.between(1, 2)
    const items: Node[] = []
    for (let i = 0; i < count && (this.#left > 0 || items.length === 0); i++) {
      items.push(this.#node(depth))
    }
    return { is: 'seq', items }
  }

  #node(depth: number): Node {
    const chance = this.#chance
    this.#left--
    if (depth >= 3 || this.#left <= 0 || chance.roll(0.45)) return this.#leaf()
    return this.#nested(depth)
  }

  #nested(depth: number): Node {
    const chance = this.#chance
    const { extras } = this.#means
    const inner = (): Node => this.#seq(depth + 1)
    const kind = chance.weighted([
      [3, 'loop'],
      [2, 'map'],
      [2, 'all'],
      [2, 'scope'],
      [3, 'race'],
      [2, 'together'],
      [2, 'guarded'],
      [2, 'finally'],
      [extras.has('loops stand beside each other') ? 6 : 0, 'beside'],
    ] as const)
    switch (kind) {
      case 'loop':
        return this.#loop(inner)
      case 'beside': {
        const around = (): Node => (chance.roll(0.5) ? this.#loop(inner) : inner())
        const loops = [this.#loop(around), this.#loop(around)]
        return chance.roll(0.5)
          ? { is: 'all', name: this.#name('all'), branches: loops }
          : { is: 'together', items: loops }
      }
      case 'map': {
        const concurrency = chance.roll(0.5) ? chance.between(1, 2) : undefined
        const count = chance.between(0, 3)
        return { is: 'map', name: this.#name('map'), count, concurrency, body: inner() }
      }
      case 'all': {
        const branches = Array.from({ length: chance.between(1, 3) }, inner)
        return { is: 'all', name: this.#name('all'), branches }
      }
      case 'scope':
        return { is: 'scope', name: this.#name('scope'), body: inner() }
      case 'race':
        return { is: 'race', first: this.#racer(), second: this.#racer() }
      case 'together': {
        const items = Array.from({ length: chance.between(2, 3) }, () =>
          chance.roll(0.4)
            ? ({ is: 'scope', name: this.#name('scope'), body: inner() } as const)
            : this.#racer(),
        )
        return { is: 'together', items }
      }
      case 'guarded':
        return { is: 'guarded', body: inner() }
      case 'finally':
        return { is: 'finally', body: inner(), cleanup: this.#cleanup() }
    }
  }

  #loop(inner: () => Node): Node {
    const chance = this.#chance
    const { extras } = this.#means
    const units = chance.weighted([
      [6, 0],
      [2, 300],
      [1, 14_000],
    ])
    const turns = units > 1000 ? chance.between(6, 9) : chance.between(1, 4)
    const isLeft = extras.has('loops stand beside each other') && chance.roll(0.3)
    const moves = extras.has('runs move to another version') && !isLeft
    return { is: 'loop', name: this.#name('loop'), turns, units, moves, body: inner() }
  }

  #cleanup(): Node {
    const isOfAnyKind = this.#means.extras.has('cleanups of any kind')
    return isOfAnyKind && this.#chance.roll(0.7) ? this.#leaf() : this.#step()
  }

  #leaf(): Node {
    const chance = this.#chance
    const { firstChild, flows, extras } = this.#means
    const kind = chance.weighted([
      [9, 'step'],
      [6, 'effect'],
      [extras.has('people undo and skip by hand') ? 5 : 1.5, 'undo'],
      [3, 'sleep'],
      [2, 'signal'],
      [3, 'ask'],
      [1, 'note'],
      [1, 'artifact'],
      [1, 'chance'],
      [1, 'resource'],
      [firstChild < flows ? 4 : 0, 'child'],
      [extras.has('steps in transactions') ? 5 : 0, 'transact'],
      [extras.has('code throws') ? 1 : 0, 'throw'],
      [extras.has('secrets are told') ? 4 : 0, 'say'],
    ] as const)
    switch (kind) {
      case 'step':
        return this.#step()
      case 'effect':
        return { is: 'effect', name: this.#name('effect'), spec: writeEffect(chance) }
      case 'undo':
        return { is: 'undo', spec: writeUndo(chance) }
      case 'sleep':
        return this.#sleep()
      case 'signal':
        return { is: 'signal', ...this.#waiting(chance.pick(signalNames)) }
      case 'ask':
        return { is: 'ask', ...this.#waiting(this.#name('question')) }
      case 'artifact':
        return { is: 'artifact', name: this.#name('file'), units: chance.between(0, 2000) }
      case 'child':
        return { is: 'child', flow: chance.between(firstChild, flows - 1) }
      case 'transact': {
        const fails = chance.roll(0.15)
        return { is: 'transact', name: this.#name('booking'), fails, withInput: chance.roll(0.3) }
      }
      default:
        return { is: kind }
    }
  }

  #racer(): Node {
    const node = this.#leaf()
    return node.is === 'chance' || node.is === 'resource' || node.is === 'artifact'
      ? this.#sleep()
      : node
  }

  #sleep(): Node {
    const ms = this.#chance.weighted([
      [4, this.#chance.between(0, 500)],
      [4, this.#chance.between(1, 30) * second],
      [1, this.#chance.between(1, 400) * day],
      [0.3, 3 * 365 * day],
    ])
    return { is: 'sleep', ms }
  }

  #step(): StepNode {
    const chance = this.#chance
    const attempts = chance.roll(0.35) ? chance.between(2, 4) : 1
    const fails = chance.weighted([
      [8, 0],
      [attempts > 1 ? 6 : 0, chance.between(1, attempts)],
      [1, Infinity],
    ])
    const hangs = chance.roll(0.03)
    return {
      is: 'step',
      // Some names stand several times in one scope.
      name: chance.roll(0.2) ? 'again' : this.#name('step'),
      ms: chance.weighted([
        [5, chance.between(0, 20)],
        [3, chance.between(20, 900)],
        [1, chance.between(1, 14) * second],
      ]),
      fails: hangs ? Infinity : fails,
      heals: fails === Infinity && chance.roll(0.5),
      attempts,
      delayMs: chance.weighted([
        [3, chance.between(10, 300)],
        [2, chance.between(1, 20) * second],
        [0.3, day],
      ]),
      value: chance.pick(['small', 'small', 'big', 'tagged', 'nothing'] as const),
      hangs,
      withInput: chance.roll(0.3),
      heeds: chance.roll(0.5),
    }
  }

  #waiting(name: string): Waiting {
    const chance = this.#chance
    const timeoutMs = chance.roll(0.5)
      ? chance.weighted([
          [3, chance.between(1, 3000)],
          [3, chance.between(3, 40) * second],
          [1, chance.between(1, 60) * day],
        ])
      : undefined
    const hasOtherwise = timeoutMs !== undefined && chance.roll(0.6)
    return { name, timeoutMs, hasOtherwise, isPicky: chance.roll(0.4) }
  }

  #name(kind: string): string {
    return `${kind}-${++this.#names}`
  }
}
