/**
 * What the generator has learned since it was first written. Each of these is switched on in a share of
 * the seeds, drawn from a stream of its own: in an older generation none of them is, and a seed does
 * exactly what it did when it found something.
 */
import { Chance } from './chance.ts'

interface Kind {
  /** The generation of the generator that brought it. */
  readonly since: number
  /** In how many of the seeds it is switched on. */
  readonly share: number
}

export const extraKinds = {
  'people undo and skip by hand': { since: 2, share: 0.25 },
  'steps in transactions': { since: 2, share: 0.25 },
  'cleanups of any kind': { since: 2, share: 0.25 },
  'code throws': { since: 2, share: 0.2 },
  'turns are executed twice': { since: 2, share: 0.15 },
  'agents of more kinds': { since: 2, share: 0.3 },
  'deploys change agents': { since: 2, share: 0.25 },
  'workers lack actions': { since: 2, share: 0.15 },
  'secrets are redacted': { since: 2, share: 0.15 },
  'inputs drift': { since: 2, share: 0.15 },
  'tools bring what is outside': { since: 3, share: 0.3 },
  'somebody watches': { since: 3, share: 0.25 },
  'runs move to another version': { since: 4, share: 0.2 },
  'somebody waits for the end': { since: 5, share: 0.1 },
  'models speak and fall back': { since: 6, share: 0.2 },
  'secrets are told': { since: 6, share: 0.12 },
  'somebody follows a conversation': { since: 7, share: 0.2 },
  'somebody has the last word': { since: 8, share: 0.3 },
  'loops stand beside each other': { since: 9, share: 0.4 },
  'policies are imposed': { since: 10, share: 0.2 },
  'steps kill their process': { since: 11, share: 0.15 },
  'states are kept in blocks': { since: 12, share: 0.25 },
} as const satisfies Record<string, Kind>

export type Extra = keyof typeof extraKinds

/** The generation that seeds are of when nothing is said. */
export const newest = 12

/** What is switched on in a seed. */
export class Extras {
  readonly #on: ReadonlySet<Extra>

  constructor(seed: number, generation: number) {
    const chance = new Chance(seed, 'extras')
    const kinds = Object.keys(extraKinds) as Extra[]
    this.#on = new Set(
      kinds.filter((name) => {
        const { since, share } = extraKinds[name]
        return since <= generation && chance.roll(share)
      }),
    )
  }

  has(name: Extra): boolean {
    return this.#on.has(name)
  }

  /** The runtimes know secrets, see secret-words.ts. */
  get isRedacted(): boolean {
    return this.has('secrets are redacted') || this.has('secrets are told')
  }

  get enabled(): readonly Extra[] {
    return [...this.#on]
  }
}

/** What a program may use. */
export interface Means {
  /** Flows from here up to `flows` can be its children. */
  readonly firstChild: number
  readonly flows: number
  readonly extras: Extras
}
