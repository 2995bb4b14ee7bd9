/**
 * Whether the ledger of one run may be imported, entry by entry: all invariants of the ledger, that what
 * rows are made of has the types that rows need, and that the run has ended.
 */
import { EverloopError } from '../../base/errors.ts'
import {
  artifactsOf,
  chargeOf,
  childNamed,
  type Effect,
  effectOf,
  type Entry,
  type ExportLine,
  isEnd,
  placeOf,
  type ReadEntry,
  readEntry,
  type RunStatus,
  Verification,
  type Violation,
} from '../../ledger/index.ts'

type Line<K extends ExportLine['is']> = Extract<ExportLine, { is: K }>

export class LedgerCheck {
  readonly run: string
  /** The runs below, in the order in which they were started. */
  readonly children: string[] = []
  entries = 0
  readonly #started: Line<'run'>
  readonly #verification = new Verification()
  #created = 0
  #status: RunStatus['is'] = 'active'

  constructor(started: Line<'run'>) {
    this.run = started.run
    this.#started = started
  }

  /** Throws BAD_EXPORT and EXPORT_NEWER. `missing`: artifacts that the export holds a gap for. */
  see(entry: Entry, missing: ReadonlySet<string>): void {
    const { kind, seq } = entry
    if (placeOf(kind) === undefined) {
      const what = `Entry ${seq} of run "${this.run}" is of kind ${JSON.stringify(kind.slice(0, 60))}, which this everloop does not implement`
      throw new EverloopError('EXPORT_NEWER', `${what}. Update everloop. Nothing was imported.`, {
        run: this.run,
      })
    }
    const read = readEntry(entry)
    const flaw = this.#flaw(read)
    if (flaw) throw this.#broken(flaw)
    for (const hash of artifactsOf(read)) {
      if (!missing.has(hash)) continue
      const what = `refers to artifact ${hash}, which was missing where it was exported`
      throw this.#broken({ id: 'artifact', seq, what })
    }
    if (seq === 1) this.#created = entry.time
    const child = childNamed(read)
    if (child !== undefined) this.children.push(child)
    this.entries++
  }

  /** Throws BAD_EXPORT, and RUN_STATE where the run has not ended. */
  end(head: Line<'head'>): void {
    const { flow, version, queue, labels, parent } = this.#started
    const created = this.#created
    const started = { flow, version, queue, labels, parent: parent ?? undefined, created }
    const [wrong] = this.#verification.end({ head, started })
    if (wrong) throw this.#broken(wrong)
    if (this.entries === 0) throw this.#broken({ id: 'L1', seq: 1, what: 'is missing' })
    if (isEnd(this.#status)) return
    throw new EverloopError(
      'RUN_STATE',
      `Run "${this.run}" had not ended when it was exported: it was ${this.#status}. Imported, it would be executed in two places. Export it again when it has ended. Nothing was imported.`,
      { run: this.run },
    )
  }

  /** Whoever forges a chain can write any field: what they make fail is no ledger. */
  #flaw(read: ReadEntry): Violation | undefined {
    const { seq } = read.entry
    try {
      const [wrong] = this.#verification.see(read)
      const effect = effectOf(read.entry, read.record)
      this.#status = effect.status?.is ?? this.#status
      const what = rowFlaw(effect) ?? chargeFlaw(read.entry)
      return wrong ?? (what === undefined ? undefined : { id: 'fields', seq, what })
    } catch {
      return { id: 'fields', seq, what: 'has fields that nobody writes' }
    }
  }

  #broken({ id, seq, what }: Violation): EverloopError {
    const said = what.length > 300 ? `${what.slice(0, 300)} ...` : what
    return new EverloopError(
      'BAD_EXPORT',
      `The export is not what was written: entry ${seq} of run "${this.run}" ${said} (${id}). Nothing was imported.`,
      { run: this.run },
    )
  }
}

/** A charge of the first entry stands on no account: nothing had been done. */
function chargeFlaw(entry: Entry): string | undefined {
  const charge = chargeOf(entry)
  if (!charge) return undefined
  const isSound = entry.seq > 1 && Object.values(charge.amounts).every((amount) => amount >= 0)
  return isSound ? undefined : 'charges what cannot be'
}

const isText = (value: unknown): boolean => value === undefined || typeof value === 'string'

/** What is wrong with what would become of a run's rows. */
function rowFlaw({ status, title, version, reopen = [] }: Effect): string | undefined {
  if (!isText(title)) return 'has a title that is no text'
  if (!isText(version)) return 'has a version that is no text'
  if (status?.is === 'paused' && !isText(status.code)) return 'has a code that is no text'
  if (status?.is === 'failed' && !isText(status.error.code)) return 'has a code that is no text'
  const areScopes = reopen.every(
    ({ path, from }) => typeof path === 'string' && Number.isSafeInteger(from),
  )
  return areScopes ? undefined : 'opens what is no scope'
}
