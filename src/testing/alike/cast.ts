/** What there is in a story so far, and what may come into it. */
import type { AnyDraft, Wait } from '../../ledger/index.ts'
import type {
  MessageKind,
  NewArtifact,
  NewChunk,
  NewMessage,
  NewRun,
  QuestionRow,
} from '../../store/store.ts'
import { ChainBuilder, type Hold, step } from '../chain-builder.ts'
import { message, type StoreClock } from '../store-bed.ts'
import { anyDraft } from './any-draft.ts'
import { type Choose, Dice } from './dice.ts'

export const queues: readonly string[] = ['default', 'slow', 'a b']

export const flows: readonly { readonly name: string; readonly version: string }[] = [
  { name: 'flow', version: '1' },
  { name: 'flow', version: '2' },
  { name: 'other', version: '1' },
]

/** No numbers: no operation has the key of a turn beside it. */
const keys = ['a', 'b', 'a b', 'q', 'x', 'y']

/** Names of signals. */
export const signals: readonly string[] = ['go', 'stop']

/** Answers and signals are what most messages are. */
const kinds: readonly MessageKind[] = [
  ...Array.from({ length: 3 }, () => ['signal', 'answer'] as const).flat(),
  'cancel',
  'pause',
  'resume',
  'retry',
  'child',
]

/** A run that may begin, with its chain. */
export interface Newcomer {
  readonly id: string
  readonly chain: ChainBuilder
  readonly given: NewRun
}

export class Cast {
  readonly dice: Dice
  readonly clock: StoreClock
  /** By run. */
  readonly chains: Map<string, ChainBuilder> = new Map()
  /** By run, of those that have been handed out and not given back; it may have been taken since. */
  readonly holds: Map<string, Hold> = new Map()
  /** By operation, the last that was published. */
  readonly #chunks = new Map<string, Pick<NewChunk, 'attempt' | 'part'>>()
  readonly #sessions: string[] = []
  readonly #artifacts: string[] = []
  #count = 0

  constructor(clock: StoreClock, choose: Choose) {
    this.clock = clock
    this.dice = new Dice(choose)
  }

  /** A name that nothing had before. */
  name(prefix: string): string {
    return `${prefix}${++this.#count}`
  }

  /** A run that is there, if any is. The newest have most of the life in them. */
  run(): string | undefined {
    const ids = Array.from(this.chains.keys())
    const from = this.dice.chance(50) ? Math.max(0, ids.length - 4) : 0
    return ids[from + this.dice.pick(ids.length - from)]
  }

  newSession(): string {
    const token = this.name('s')
    this.#sessions.push(token)
    return token
  }

  /** One that is open, or was. */
  session(): string {
    return this.dice.oneIfAny(this.#sessions.slice(this.dice.chance(80) ? -3 : 0)) ?? 'none'
  }

  artifact(): string {
    return this.dice.oneIfAny(this.#artifacts) ?? 'none'
  }

  newArtifacts(): readonly NewArtifact[] | undefined {
    if (!this.dice.chance(10)) return undefined
    const known = this.dice.chance(20) ? this.dice.oneIfAny(this.#artifacts) : undefined
    const hash = known ?? this.name('h')
    this.#artifacts.push(hash)
    return [{ hash, bytes: new TextEncoder().encode(`bytes of ${hash}`) }]
  }

  newRun(id: string = this.name('r')): Newcomer {
    const { dice } = this
    const chain = new ChainBuilder(id)
    const { name: flow, version } = dice.one(flows)
    const given = chain.start({
      flow,
      version,
      queue: dice.one(queues),
      labels: dice.chance(50) ? { team: dice.one(['x', 'y']), ['__proto__']: 'z' } : {},
      parent: dice.chance(30) ? this.run() : undefined,
      wake: this.soon(),
      artifacts: this.newArtifacts(),
      time: this.clock.now(),
    })
    return { id, chain, given }
  }

  /** A run from elsewhere, with all that it has been through. */
  importedRun(id: string): ChainBuilder {
    const chain = new ChainBuilder(id)
    chain.start({ time: this.clock.now() - 5000 })
    const epochs = 1 + this.dice.pick(3)
    for (let epoch = 1; epoch <= epochs; epoch++) {
      for (let i = this.dice.pick(6); i > 0; i--) chain.seal(this.draft(), epoch)
    }
    return chain
  }

  /** A time not far from now. */
  soon(): number {
    return this.clock.now() - 2000 + this.dice.pick(4000)
  }

  /** What is appended to a run that asks all this: a few of all kinds, or many of one scope. */
  drafts(open: readonly QuestionRow[]): readonly AnyDraft[] {
    const { dice } = this
    if (dice.chance(8)) {
      const scope = dice.one(['', 'a', 'b/1'])
      return Array.from({ length: 10 + dice.pick(60) }, () => step(this.name('many'), 1, scope))
    }
    const asked = dice.chance(30) ? dice.oneIfAny(open)?.wait : undefined
    const drafts = Array.from({ length: dice.pick(5) }, () => this.draft())
    return asked ? [...drafts, afterAnswer(asked, dice)] : drafts
  }

  draft(): AnyDraft {
    const { dice } = this
    if (!dice.chance(10)) return anyDraft(dice.pick, keys)
    const to = [this.run() ?? 'none', 'elsewhere'].slice(dice.pick(2))
    const amounts = { tokens: dice.pick(100), [dice.one(['calls', '__proto__'])]: 1 }
    return {
      scope: dice.one(['', 'a', 'a/1']),
      kind: 'step.completed',
      key: this.name('costly'),
      record: { charge: { to, amounts }, value: 'x'.repeat(dice.pick(3000)) },
    }
  }

  /** So many have been `delivered`, by whose order its condition names one. `open`: what is asked. */
  message(delivered: number, open: readonly QuestionRow[]): NewMessage {
    const { dice } = this
    const kind = dice.one(kinds)
    const rest = {
      payload: JSON.stringify({ n: ++this.#count }),
      ...(dice.chance(30) && { id: `m${dice.pick(40)}` }),
      ...(dice.chance(15) && { unlessNewerThan: dice.pick(delivered + 1) }),
    }
    const run = (dice.chance(97) ? this.run() : undefined) ?? 'none'
    if (kind !== 'answer') {
      return message(run, kind, { name: kind === 'signal' ? dice.one(signals) : '', ...rest })
    }
    const question = dice.chance(70) ? dice.oneIfAny(open) : undefined
    const seq = 1 + dice.pick(this.chains.get(run)?.entries.length ?? 1)
    return message(question?.run ?? run, kind, {
      name: question?.id ?? `${run}/${seq}`,
      ...(dice.chance(30) && { keepsOpen: true }),
      ...rest,
    })
  }

  /** The next of an attempt, one that was published before, or the first of another attempt. */
  chunk(run: string, { epoch }: Hold): NewChunk {
    const { dice } = this
    const path = dice.one(['a', 'b', 'a/1/b', 'a b', 'q'])
    const place = `${run} ${epoch} ${path}`
    const last = this.#chunks.get(place) ?? { attempt: 1, part: 0 }
    const next = dice.chance(20)
      ? { attempt: last.attempt + 1, part: 1 }
      : { attempt: last.attempt, part: Math.max(1, last.part + 1 - dice.pick(2)) }
    this.#chunks.set(place, next)
    return { path, ...next, text: this.name('text ') }
  }

  /** Now and then somebody else, or who held it before. */
  holder(hold: Hold): Hold {
    if (!this.dice.chance(5)) return hold
    return this.dice.chance(50)
      ? { ...hold, epoch: hold.epoch - 1 }
      : { ...hold, session: this.session() }
  }
}

/** The question is open again, or over. */
const afterAnswer = ({ scope, key, kind }: Wait, dice: Dice): AnyDraft =>
  dice.chance(70)
    ? {
        scope,
        key,
        kind: kind === 'effect.doubted' ? 'effect.refused' : 'question.refused',
        record: { reason: 'No.' },
      }
    : { scope, key, kind: 'step.completed', record: { value: 1 } }
