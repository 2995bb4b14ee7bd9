/**
 * The kinds of faults, as data: what can go wrong, how often it does where it is switched on, and
 * in how many seeds it is. Each seed switches some of them on, so that faults meet in clusters.
 */
import type { Chance } from './chance.ts'

interface Kind {
  /** In how many of the seeds it is switched on. */
  readonly share: number
  /** How likely it is each time it could happen, at most; the seed draws a rate below. */
  readonly rate: number
}

export const faultKinds = {
  // Store: writes.
  'write fails before the commit': { share: 0.35, rate: 0.15 },
  'write fails after the commit': { share: 0.35, rate: 0.15 },
  'write is delayed before the commit': { share: 0.3, rate: 0.2 },
  'write is delayed after the commit': { share: 0.3, rate: 0.2 },
  'write takes longer than the lease': { share: 0.15, rate: 0.04 },
  'store is full for a while': { share: 0.12, rate: 0.01 },
  'store cannot be reached for a while': { share: 0.15, rate: 0.01 },
  'replies come in another order': { share: 0.3, rate: 0.3 },
  'reply of a claim is lost': { share: 0.2, rate: 0.1 },
  'claim says a wrong next due time': { share: 0.15, rate: 0.3 },
  // Store: reads, notifications, sessions.
  'read fails': { share: 0.25, rate: 0.12 },
  'read is delayed': { share: 0.25, rate: 0.2 },
  'notification is dropped': { share: 0.25, rate: 0.5 },
  'notification is doubled': { share: 0.2, rate: 0.3 },
  'notification is late': { share: 0.25, rate: 0.5 },
  'notification without a reason': { share: 0.15, rate: 0.03 },
  'heartbeat fails': { share: 0.2, rate: 0.4 },
  'reply of a heartbeat is lost': { share: 0.15, rate: 0.3 },
  'heartbeat is delayed past the lease': { share: 0.12, rate: 0.15 },
  'end of a session is lost': { share: 0.2, rate: 0.4 },
  // Workers.
  'worker crashes at a store call': { share: 0.3, rate: 0.03 },
  'worker crashes in a step': { share: 0.3, rate: 0.1 },
  'worker crashes at any time': { share: 0.3, rate: 0.12 },
  'worker crashes again and again': { share: 0.1, rate: 0.5 },
  'death of a worker is known at once': { share: 0.3, rate: 0.7 },
  'worker freezes': { share: 0.25, rate: 0.12 },
  'worker freezes past its lease': { share: 0.25, rate: 0.08 },
  'worker freezes while it writes': { share: 0.15, rate: 0.04 },
  'worker stops gracefully': { share: 0.25, rate: 0.08 },
  'flow code is deployed again': { share: 0.2, rate: 0.08 },
  'worker joins': { share: 0.25, rate: 0.08 },
  // Time.
  'clock jumps forward': { share: 0.2, rate: 0.06 },
  'clock jumps back': { share: 0.15, rate: 0.06 },
  'clock of a process is wrong': { share: 0.2, rate: 0.5 },
  // Operators and the outside world.
  'operator cancels': { share: 0.2, rate: 0.1 },
  'operator pauses': { share: 0.2, rate: 0.15 },
  'operator cancels what was just paused': { share: 0.1, rate: 0.1 },
  'operator resumes': { share: 0.25, rate: 0.3 },
  'operator retries': { share: 0.25, rate: 0.3 },
  'answer comes twice': { share: 0.25, rate: 0.4 },
  'two people answer at once': { share: 0.25, rate: 0.4 },
  'answer or signal races the deadline': { share: 0.4, rate: 0.7 },
  'answer comes late': { share: 0.2, rate: 0.4 },
  'answer does not fit': { share: 0.2, rate: 0.3 },
  'signal comes twice': { share: 0.3, rate: 0.5 },
  'signal that nobody awaits': { share: 0.3, rate: 0.3 },
  'queue limit changes': { share: 0.15, rate: 0.1 },
  'worker crashes while it undoes': { share: 0.35, rate: 0.5 },
  'model is overloaded': { share: 0.25, rate: 0.15 },
  'model never answers': { share: 0.15, rate: 0.05 },
  'somebody talks to an agent': { share: 0.4, rate: 0.5 },
} as const satisfies Record<string, Kind>

export type FaultKind = keyof typeof faultKinds
export const faultNames = Object.keys(faultKinds) as FaultKind[]

/** The faults of one seed: which are on, how likely, and how often they happened. */
export class Faults {
  readonly fired = new Map<FaultKind, number>()
  readonly #rates = new Map<FaultKind, number>()
  readonly #chance: Chance
  #on = true

  constructor(plan: Chance, chance: Chance, only?: readonly FaultKind[]) {
    this.#chance = chance
    const calm = plan.roll(0.05)
    for (const name of faultNames) {
      const { share, rate } = faultKinds[name]
      const isOn = plan.roll(share)
      const drawn = rate * (0.2 + 0.8 * plan.next())
      if (only ? only.includes(name) : isOn && !calm) this.#rates.set(name, drawn)
    }
  }

  /** True when the fault happens now. */
  strikes(name: FaultKind): boolean {
    const rate = this.#rates.get(name)
    if (rate === undefined || !this.#on || !this.#chance.roll(rate)) return false
    this.fired.set(name, (this.fired.get(name) ?? 0) + 1)
    return true
  }

  has(name: FaultKind): boolean {
    return this.#on && this.#rates.has(name)
  }

  get enabled(): readonly FaultKind[] {
    return [...this.#rates.keys()]
  }

  /** From now on nothing goes wrong any more. */
  end(): void {
    this.#on = false
  }

  get isOver(): boolean {
    return !this.#on
  }

  /** Draws for the faults that are happening, such as how long one lasts. */
  get chance(): Chance {
    return this.#chance
  }
}
