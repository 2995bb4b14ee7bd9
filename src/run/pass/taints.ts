/**
 * What of a run came from outside: of its input, of what runs below have returned, of what its own calls
 * have read.
 *
 * O1 It goes where what the run says goes: a run that it starts is told of it, and so is the run above
 *    when it ends. Code between two agents passes it on without looking.
 * O2 None is lost with a worker: what the run was not started with is written down when it comes, in an
 *    entry that each resume reads. A loop that has ended takes its state with it.
 */
import { LateMap } from '../../base/late-map.ts'
import type { AnyDraft, Taint } from '../../ledger/index.ts'
import type { Reader } from '../replay/reader.ts'

/** The first ones are enough to know whom not to trust. */
const taintsMax = 16

export class Taints {
  readonly #run: string
  readonly #known = new LateMap<string, Taint>()

  private constructor(run: string) {
    this.#run = run
  }

  /** Those that a run's ledger holds. */
  static of(reader: Reader): Taints {
    const taints = new Taints(reader.run)
    taints.add(reader.beginning.record.taints)
    taints.add(reader.state.taints)
    return taints
  }

  get list(): readonly Taint[] {
    return Array.from(this.#known.values())
  }

  /** Returns those that were not known. A run below tells of the run's own calls, too. */
  add(taints: readonly Taint[] = []): readonly Taint[] {
    return taints.filter((taint) => {
      // Models count their calls anew in each answer: one id may be that of several tools.
      const id = JSON.stringify([taint.run ?? this.#run, taint.call, taint.tool])
      if (this.#known.has(id) || this.#known.size >= taintsMax) return false
      this.#known.set(id, taint)
      return true
    })
  }

  /** As other runs are told of them; empty when there are none. */
  told(): { readonly taints?: readonly Taint[] } {
    const run = this.#run
    return this.#known.size === 0 ? {} : { taints: this.list.map((taint) => ({ run, ...taint })) }
  }
}

/** Writes them down; nothing when there are none. */
export const tainted = (taints: readonly Taint[]): readonly AnyDraft[] =>
  taints.length === 0 ? [] : [{ scope: '', kind: 'run.tainted', key: '', record: { taints } }]
