/**
 * What every store checks of an import while its parts come, and what it keeps of each run: its last entry,
 * by which it is known whether the run is here already.
 */
import { assert } from '../base/errors.ts'
import { checkRunId, type Entry } from '../ledger/index.ts'
import type { ImportPart } from './store.ts'

export class ImportHeads {
  readonly #last = new Map<string, Entry>()
  #run: string | undefined

  /** Throws BAD_NAME for an impossible id, and INTERNAL for an entry that is not the next one of its run. */
  take(part: ImportPart): void {
    if (part.is === 'artifact') return
    if (part.is === 'run') {
      checkRunId(part.id)
      this.#checkBegun()
      assert(!this.#last.has(part.id), 'A run was imported twice at once.', { run: part.id })
      this.#run = part.id
      return
    }
    const { run, seq } = part.entry
    const expected = (this.#last.get(run)?.seq ?? 0) + 1
    const isNext = run === this.#run && seq === expected
    assert(isNext, `Entry ${seq} was imported where ${expected} belongs.`, { run })
    // Its payload may be long, and nobody asks for it.
    this.#last.set(run, { ...part.entry, payload: null })
  }

  /** The last entry of each run, without its payload, when all parts have come. */
  end(): ReadonlyMap<string, Entry> {
    this.#checkBegun()
    return this.#last
  }

  #checkBegun(): void {
    const hasBegun = this.#run === undefined || this.#last.has(this.#run)
    assert(hasBegun, 'A run was imported without entries.', { run: this.#run })
  }
}
