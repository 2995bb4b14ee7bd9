/**
 * Reads an export line by line: what stands where. What a run is made of is the business of `LedgerCheck`.
 *
 * The order of a document follows from what it holds: artifacts directly before the first entry that
 * names them, runs below behind the run that has started them. Nothing else stands in it, nothing
 * twice, and what was missing has a line that says so; so nothing can be left out unnoticed.
 */
import { EverloopError } from '../../base/errors.ts'
import {
  artifactsNamed,
  exportFormat,
  type ExportLine,
  formatOf,
  readLine,
} from '../../ledger/index.ts'
import type { ImportPart } from '../../store/store.ts'
import { type Arrived, ArtifactPieces } from './artifact-pieces.ts'
import { LedgerCheck } from './ledger-check.ts'

type Line<K extends ExportLine['is']> = Extract<ExportLine, { is: K }>

/** A run that must come, and the run that has started it. */
interface Awaited {
  readonly run: string
  /** Undefined for the first one: nothing is known of what started it. */
  readonly by: string | undefined
}

export class DocumentReader {
  #number = 0
  #first: Line<'export'> | undefined
  /** The next one last. */
  readonly #awaited: Awaited[] = []
  readonly #named = new Set<string>()
  #ledger: LedgerCheck | undefined
  #piece: ArtifactPieces | undefined
  /** What has come since the entry before. */
  #arrived: Arrived[] = []
  readonly #artifacts = new Set<string>()
  readonly #missing = new Set<string>()
  readonly #count = { runs: 0, entries: 0, artifacts: 0 }
  #isOver = false

  /** What this line brings, if anything. Throws BAD_EXPORT, EXPORT_NEWER and RUN_STATE. */
  take(text: string): ImportPart | undefined {
    this.#number++
    const line = readLine(text)
    if (!this.#first) return this.#begin(text, line)
    if (!line) throw this.#refused('is no line that an export has')
    if (this.#isOver) throw this.#refused('stands behind the end of the export')
    if (this.#piece && line.is !== 'artifact') {
      throw this.#refused('stands in the middle of an artifact')
    }
    switch (line.is) {
      case 'export':
        throw this.#refused('begins another export inside of this one')
      case 'run':
        return this.#beginRun(line)
      case 'missing-run':
        return this.#passRun(line)
      case 'artifact':
        return this.#takePiece(line)
      case 'missing-artifact':
        this.#missing.add(line.hash)
        return this.#arrive({ hash: line.hash, bytes: undefined, names: [] })
      case 'entry':
        return this.#takeEntry(line)
      case 'head':
        return this.#endRun(line)
      case 'end':
        return this.#end(line)
    }
  }

  /** Throws BAD_EXPORT unless the last line was the last. */
  end(): void {
    if (this.#isOver) return
    throw this.refusedNext(
      this.#first ? 'is missing: the export was cut off' : 'is missing: there is nothing to import',
    )
  }

  /** What is wrong with the line behind those that were read. */
  refusedNext(what: string): EverloopError {
    this.#number++
    return this.#refused(what)
  }

  #refused(what: string): EverloopError {
    return new EverloopError(
      'BAD_EXPORT',
      `Line ${this.#number} of the export ${what}. Nothing was imported.`,
      this.#ledger ? { run: this.#ledger.run } : {},
    )
  }

  #begin(text: string, line: ExportLine | undefined): undefined {
    const format = formatOf(text)
    if (format !== undefined && format > exportFormat) {
      throw new EverloopError(
        'EXPORT_NEWER',
        `The export has format ${format}, but this everloop knows formats up to ${exportFormat}. Update everloop. Nothing was imported.`,
      )
    }
    if (line?.is !== 'export' || format !== exportFormat) {
      throw this.#refused('does not begin an export of everloop')
    }
    this.#first = line
    this.#await({ run: line.run, by: undefined })
  }

  #await(awaited: Awaited): void {
    this.#named.add(awaited.run)
    this.#awaited.push(awaited)
  }

  #beginRun(line: Line<'run'>): ImportPart {
    const { by } = this.#next(line)
    if (by !== undefined && line.parent !== by) {
      throw this.#refused(`has another parent than run "${by}", which has started it`)
    }
    this.#ledger = new LedgerCheck(line)
    const { run: id, flow, version, queue, labels, parent } = line
    return { is: 'run', id, flow, version, queue, labels, parent: parent ?? undefined }
  }

  #passRun(line: Line<'missing-run'>): undefined {
    const { by } = this.#next(line)
    if (by === undefined) throw this.#refused('says that the exported run itself is missing')
  }

  /** The run that must come here. */
  #next({ run }: { readonly run: string }): Awaited {
    if (this.#ledger) throw this.#refused(`stands in the middle of run "${this.#ledger.run}"`)
    const awaited = this.#awaited.pop()
    if (awaited?.run === run) return awaited
    throw this.#refused(
      awaited
        ? `is of run "${run}" where run "${awaited.run}" belongs`
        : `is of run "${run}", which no run in the export has started`,
    )
  }

  #takePiece(line: Line<'artifact'>): ImportPart | undefined {
    this.#piece ??= new ArtifactPieces(line)
    const arrived = this.#piece.add(line)
    if (typeof arrived === 'string') throw this.#refused(arrived)
    if (!arrived) return undefined
    this.#piece = undefined
    return this.#arrive(arrived)
  }

  #arrive(arrived: Arrived): ImportPart | undefined {
    if (!this.#ledger) throw this.#refused('is an artifact outside of a run')
    this.#arrived.push(arrived)
    const { hash, bytes } = arrived
    if (!bytes) return undefined
    this.#count.artifacts++
    return { is: 'artifact', artifact: { hash, bytes } }
  }

  #takeEntry(line: Line<'entry'>): ImportPart {
    if (!this.#ledger) throw this.#refused('is an entry outside of a run')
    const { run, seq, epoch, time, scope, kind, key, salt, digest, payload, hash } = line
    const entry = { run, seq, epoch, time, scope, kind, key, salt, digest, payload, hash }
    if (entry.run !== this.#ledger.run) throw this.#refused(`is an entry of run "${entry.run}"`)
    this.#checkArtifacts(artifactsNamed(entry.payload))
    this.#ledger.see(entry, this.#missing)
    this.#count.entries++
    return { is: 'entry', entry }
  }

  /** What an entry names for the first time has come before it, in this order, and nothing else has. */
  #checkArtifacts(names: string[]): void {
    let count = 0
    for (const name of names) {
      if (this.#artifacts.has(name)) continue
      const arrived = this.#arrived[count++]
      if (arrived?.hash !== name) {
        throw this.#refused(`names artifact ${name}, which does not stand before it`)
      }
      this.#artifacts.add(name)
      names.push(...arrived.names)
    }
    const extra = this.#arrived[count]
    if (extra) throw this.#refused(`does not name artifact ${extra.hash}, which stands before it`)
    this.#arrived = []
  }

  #endRun(line: Line<'head'>): undefined {
    const ledger = this.#ledger
    if (ledger?.run !== line.run) throw this.#refused('ends a run that has not begun')
    const [extra] = this.#arrived
    if (extra) throw this.#refused(`does not name artifact ${extra.hash}, which stands before it`)
    ledger.end(line)
    this.#count.runs++
    this.#ledger = undefined
    if (this.#first?.children !== true) return
    const below = ledger.children.filter((run) => !this.#named.has(run))
    for (const run of Array.from(new Set(below)).toReversed()) this.#await({ run, by: ledger.run })
  }

  #end({ runs, entries, artifacts }: Line<'end'>): undefined {
    if (this.#ledger) throw this.#refused(`stands in the middle of run "${this.#ledger.run}"`)
    const awaited = this.#awaited.at(-1)
    if (awaited) throw this.#refused(`stands where run "${awaited.run}" belongs`)
    const count = this.#count
    if (runs !== count.runs || entries !== count.entries || artifacts !== count.artifacts) {
      throw this.#refused('counts something else than what stands before it')
    }
    this.#isOver = true
  }
}
