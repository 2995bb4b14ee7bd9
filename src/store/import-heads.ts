/**
 * What every store checks of an import while its parts come, and what it keeps of each run: what decides
 * whether it may come in.
 */
import { assert } from '../base/errors.ts'
import { chargeOf, checkRunId, type Entry } from '../ledger/index.ts'
import type { ImportPart } from './store.ts'

export interface ImportHead {
  /** Its last entry, without its payload: by it is known whether the run is here already. */
  readonly last: Entry
  /** Other runs on whose accounts it charges something. */
  readonly charged: ReadonlySet<string>
}

export class ImportHeads {
  readonly #heads = new Map<string, { last: Entry | undefined; readonly charged: Set<string> }>()
  #run: string | undefined

  /** Throws BAD_NAME for an impossible id, and INTERNAL for an entry that is not the next one of its run. */
  take(part: ImportPart): void {
    if (part.is === 'artifact') return
    if (part.is === 'run') {
      checkRunId(part.id)
      assert(!this.#heads.has(part.id), 'A run was imported twice at once.', { run: part.id })
      this.#heads.set(part.id, { last: undefined, charged: new Set() })
      this.#run = part.id
      return
    }
    const { run, seq } = part.entry
    const head = run === this.#run ? this.#heads.get(run) : undefined
    const expected = (head?.last?.seq ?? 0) + 1
    assert(head && seq === expected, `Entry ${seq} was imported where ${expected} belongs.`, {
      run,
    })
    // Its payload may be long, and nobody asks for it.
    head.last = { ...part.entry, payload: null }
    for (const other of chargeOf(part.entry)?.to ?? []) if (other !== run) head.charged.add(other)
  }

  /** All runs, in the order in which they came, when all parts have come. */
  end(): readonly ImportHead[] {
    return Array.from(this.#heads, ([run, { last, charged }]) => {
      assert(last, 'A run was imported without entries.', { run })
      return { last, charged }
    })
  }
}
