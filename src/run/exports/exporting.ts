/** Exporting: a run, and those below it, as lines of text. It reads page by page, and changes nothing. */
import {
  artifactsNamed,
  artifactsNamedIn,
  childNamed,
  type Entry,
  exportFormat,
  type ExportLine,
  readEntry,
  writeLine,
} from '../../ledger/index.ts'
import type { RunRow, Store } from '../../store/store.ts'
import { pageAfter } from '../ledger-page.ts'
import { unknownRun } from '../outside/run-row.ts'
import { piecesOf } from './artifact-pieces.ts'

/** The lines, each with its end. Throws UNKNOWN_RUN. */
export async function* exportOf(
  store: Store,
  run: string,
  { children }: { readonly children: boolean },
): AsyncGenerator<string, void> {
  const row = await store.run(run)
  if (!row) throw unknownRun(run)
  for await (const line of new Export(store, children).lines(row)) yield writeLine(line)
}

class Export {
  readonly #store: Store
  readonly #children: boolean
  /** Each stands once, before the first entry that names it. */
  readonly #artifacts = new Set<string>()
  readonly #runs = new Set<string>()
  readonly #count = { runs: 0, entries: 0, artifacts: 0 }

  constructor(store: Store, children: boolean) {
    this.#store = store
    this.#children = children
  }

  async *lines(row: RunRow): AsyncGenerator<ExportLine, void> {
    const { id: run } = row
    yield { is: 'export', of: 'everloop', format: exportFormat, run, children: this.#children }
    yield* this.#runWithChildren(row)
    yield { is: 'end', ...this.#count }
  }

  /** The run, then those below it in the order in which it has started them, each with its own. */
  async *#runWithChildren(row: RunRow): AsyncGenerator<ExportLine, void> {
    // No recursion: nobody knows how deep runs are nested.
    const left: (RunRow | string)[] = [row]
    this.#runs.add(row.id)
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      if (typeof next === 'string') {
        yield { is: 'missing-run', run: next }
        continue
      }
      const below: (RunRow | string)[] = []
      for (const child of yield* this.#ledger(next)) {
        if (!this.#children || this.#runs.has(child)) continue
        this.#runs.add(child)
        const found = await this.#store.run(child)
        below.push(found?.parent === next.id ? found : child)
      }
      left.push(...below.toReversed())
    }
  }

  /** One run up to where it stands now. Returns the runs that it has started. */
  async *#ledger({
    id: run,
    seq,
    hash,
    ...row
  }: RunRow): AsyncGenerator<ExportLine, readonly string[]> {
    const { flow, version, queue, labels, parent = null } = row
    yield { is: 'run', run, flow, version, queue, labels, parent }
    const children: string[] = []
    for (let after = 0; after < seq;) {
      const page = await this.#store.entries(run, pageAfter(after, seq))
      for (const entry of page) {
        yield* this.#artifactsBefore(entry)
        yield { is: 'entry', ...entry }
        this.#count.entries++
        if (entry.kind !== 'child.started') continue
        const child = childNamed(readEntry(entry))
        if (child !== undefined) children.push(child)
      }
      const last = page.at(-1)?.seq ?? 0
      if (!(last > after)) break // a damaged store: the head will show that something is missing
      after = last
    }
    yield { is: 'head', run, seq, hash }
    this.#count.runs++
    return children
  }

  async *#artifactsBefore({ payload }: Entry): AsyncGenerator<ExportLine, void> {
    const names = artifactsNamed(payload)
    for (const hash of names) {
      if (this.#artifacts.has(hash)) continue
      this.#artifacts.add(hash)
      const bytes = await this.#store.artifact(hash)
      if (!bytes) {
        yield { is: 'missing-artifact', hash }
        continue
      }
      yield* piecesOf({ hash, bytes })
      this.#count.artifacts++
      names.push(...artifactsNamedIn(bytes))
    }
  }
}
