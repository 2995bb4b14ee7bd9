/**
 * Reads on a connection of their own, which can write nothing. Every statement sees the newest
 * commit, so a read after an acknowledgement shows what was acknowledged (S8).
 *
 * Long reads are done in pages with a turn of the event loop between them. They need no
 * transaction: entries never change, so the head at the beginning is the snapshot.
 */
import type { Clock, Ports } from '../../base/ports.ts'
import type { LinkedEntry, OpenScope, Wait } from '../../ledger/index.ts'
import { effectOf } from '../../ledger/index.ts'
import { assert } from '../../base/errors.ts'
import { questionId } from '../projection.ts'
import type {
  ClaimRequest,
  ClaimResult,
  EntryRange,
  Message,
  PositionedEntry,
  QuestionFilter,
  QuestionRow,
  QueueRow,
  RunFilter,
  RunRow,
  SessionRow,
} from '../store.ts'
import { idleClaim, lostSessions } from './claim.ts'
import type { LostSession } from './command.ts'
import { Connection } from './driver.ts'
import type { Liveness } from './liveness.ts'
import { listRuns } from './list-runs.ts'
import * as sql from './read-statements.ts'
import {
  type EntryTuple,
  linkedEntry,
  type MessageTuple,
  messageRow,
  type RunTuple,
  runRow,
  type SessionTuple,
  sessionRow,
} from './rows.ts'
import { kept, told } from './text.ts'
import { TurnBudget } from './turn-budget.ts'

/** Readers wait only while another process repairs the log after a crash: milliseconds. */
const busyMs = 500

/** A page ends at whichever comes first: about a millisecond of reading. */
const pageRows = 500
const pageUnits = 1_000_000
/** Reading this many characters takes as long as reading a row. */
const unitsPerRow = 2000

interface Page<R> {
  readonly rows: R[]
  readonly isLast: boolean
  /** In rows. */
  readonly cost: number
}

type PositionTuple = readonly [position: number, id: string, run: number, ...entry: EntryTuple]
type QuestionTuple = readonly [run: string, answered: number, ...entry: EntryTuple]

export class Reader {
  readonly #db: Connection
  readonly #clock: Clock
  readonly #budget: TurnBudget

  constructor(location: string, ports: Ports) {
    this.#db = new Connection(location, { access: 'read', busyMs })
    this.#clock = ports.clock
    this.#budget = new TurnBudget(ports)
  }

  /** Resolves when there is time to read. */
  ready(): Promise<void> {
    return this.#budget.spend()
  }

  /** Another number than before when any connection has committed since. */
  version(): number {
    return this.#db.value<number>(sql.dataVersion)
  }

  run(id: string): RunRow | undefined {
    const row = this.#db.get<RunTuple>(sql.runById, id)
    return row && runRow(row)
  }

  runs(filter: RunFilter): RunRow[] {
    return listRuns(this.#db, filter)
  }

  async entries(run: string, range: EntryRange = {}): Promise<LinkedEntry[]> {
    const { after = 0, limit = Infinity } = range
    const [key, head] = this.#head(run)
    const rows = await this.#pages(sql.entriesAfter, [key], after, head, limit)
    return this.#link(run, key, rows)
  }

  async openEntries(run: string): Promise<LinkedEntry[]> {
    const [key, head] = this.#head(run)
    const scopes = this.openScopes(run).filter(({ path }) => path !== '')
    const rows = await this.#pages(sql.entriesOfScope, [key, ''], 0, head, Infinity)
    for (const { path, from } of scopes) {
      rows.push(...(await this.#pages(sql.entriesOfScope, [key, path], from - 1, head, Infinity)))
    }
    return this.#link(run, key, scopes.length === 0 ? rows : rows.toSorted(bySeq))
  }

  async entriesAt(run: string, seqs: readonly number[]): Promise<LinkedEntry[]> {
    const [key] = this.#head(run)
    const rows: EntryTuple[] = []
    const wanted = Array.from(new Set(seqs)).toSorted((a, b) => a - b)
    for (const [i, seq] of wanted.entries()) {
      const row = this.#db.get<EntryTuple>(sql.entryAt, key, seq)
      if (row) rows.push(row)
      if (i % pageRows === pageRows - 1) await this.#budget.spend(pageRows)
    }
    return this.#link(run, key, rows)
  }

  async follow(after: number, limit: number): Promise<PositionedEntry[]> {
    const entries: PositionedEntry[] = []
    const last = new Map<number, PositionedEntry>()
    for (let position = after; entries.length < limit;) {
      const page = this.#page<PositionTuple>(
        sql.entriesFrom,
        [position],
        limit - entries.length,
        12,
      )
      for (const [at, id, run, ...row] of page.rows) {
        const before = last.get(run)
        const previous = before?.seq === row[0] - 1 ? before.hash : this.#previous(run, row[0])
        const entry = { ...linkedEntry(id, row, previous), position: at }
        last.set(run, entry)
        entries.push(entry)
        position = at
      }
      await this.#budget.spend(page.cost)
      if (page.isLast) break
    }
    return entries
  }

  openScopes(run: string): OpenScope[] {
    const [key] = this.#head(run)
    return this.#db
      .all<readonly [path: string, from: number]>(sql.openScopes, key)
      .map(([path, from]) => ({ path, from }))
  }

  messages(run: string, signals: readonly string[]): Message[] {
    const [key] = this.#head(run)
    const rows = Array.from(this.#db.all<MessageTuple>(sql.messagesOfRun, key))
    for (const name of new Set(signals)) {
      const row = this.#db.get<MessageTuple>(sql.oldestSignal, key, kept(name))
      if (row) rows.push(row)
    }
    return rows.toSorted(([a], [b]) => a - b).map((row) => messageRow(run, row))
  }

  /** What a claim would find: sessions that are lost, and its reply if there is nothing to do. */
  due(
    request: ClaimRequest,
    liveness: Liveness,
  ): { readonly lost: readonly LostSession[]; readonly idle: ClaimResult | undefined } {
    const now = this.#clock.now()
    const lost = lostSessions(this.#db, liveness, now)
    return { lost, idle: lost.length === 0 ? idleClaim(this.#db, request, now) : undefined }
  }

  news(session: string): { readonly run: string; readonly newest: number }[] {
    return this.#db
      .all<readonly [run: string, newest: number]>(sql.newsOfSession, kept(session))
      .map(([run, newest]) => ({ run, newest }))
  }

  questions({ run, id, limit = Infinity }: QuestionFilter): QuestionRow[] {
    const rows = this.#questionRows(run, id)
    const questions: QuestionRow[] = []
    for (const row of rows) {
      if (questions.length >= limit) break
      const question = questionRow(row)
      if (id === undefined || question.id.startsWith(id)) questions.push(question)
    }
    return questions
  }

  artifact(hash: string): Uint8Array | undefined {
    return this.#db.get<readonly [bytes: Uint8Array]>(sql.artifactBytes, hash)?.[0]
  }

  sessions(): SessionRow[] {
    return this.#db.all<SessionTuple>(sql.sessionsAll).map(sessionRow)
  }

  queues(): QueueRow[] {
    const due = this.#dueByQueue()
    return this.#db
      .all<readonly [name: string, concurrency: number | null, held: number]>(sql.queuesAll)
      .map(([name, concurrency, held]) => ({
        name: told(name),
        concurrency,
        held,
        due: due.get(name) ?? 0,
      }))
  }

  close(): void {
    this.#db.close()
  }

  #questionRows(run: string | undefined, id: string | undefined): Iterable<QuestionTuple> {
    if (run !== undefined) {
      return this.#db.iterate<QuestionTuple>(sql.questionsOfRun, this.#head(run)[0])
    }
    if (id === undefined) return this.#db.iterate<QuestionTuple>(sql.questionsAll)
    return this.#db.iterate<QuestionTuple>(sql.questionsByPrefix, id, `${id}\u{10ffff}`)
  }

  #dueByQueue(): Map<string, number> {
    type Lane = readonly [flow: string, version: string, queue: string]
    const due = new Map<string, number>()
    const now = this.#clock.now()
    let lane = this.#db.get<Lane>(sql.firstLane)
    while (lane) {
      const [, , queue] = lane
      due.set(queue, (due.get(queue) ?? 0) + this.#db.value<number>(sql.dueInLane, ...lane, now))
      lane = this.#db.get<Lane>(sql.nextLane, ...lane)
    }
    return due
  }

  /** Key and last seq; a run that does not exist has key 0, which no row has. */
  #head(run: string): readonly [key: number, seq: number] {
    return this.#db.get<readonly [key: number, seq: number]>(sql.runHead, run) ?? [0, 0]
  }

  /** Rows of a statement that continues behind a seq, page by page. */
  async #pages(
    statement: string,
    place: readonly (number | string)[],
    after: number,
    head: number,
    limit: number,
  ): Promise<EntryTuple[]> {
    const rows: EntryTuple[] = []
    for (let last = after; rows.length < limit;) {
      const page = this.#page<EntryTuple>(statement, [...place, last, head], limit - rows.length, 9)
      rows.push(...page.rows)
      last = page.rows.at(-1)?.[0] ?? last
      await this.#budget.spend(page.cost)
      if (page.isLast) break
    }
    return rows
  }

  /** Rows until the page is full. `sized`: the column that may be large. */
  #page<R extends readonly (string | number | null)[]>(
    statement: string,
    values: readonly (number | string)[],
    limit: number,
    sized: number,
  ): Page<R> {
    const rows: R[] = []
    let units = 0
    const page = (isLast: boolean): Page<R> => ({
      rows,
      isLast,
      cost: rows.length + units / unitsPerRow,
    })
    for (const row of this.#db.iterate<R>(statement, ...values)) {
      rows.push(row)
      const payload = row[sized]
      units += typeof payload === 'string' ? payload.length : 0
      const isLast = rows.length >= limit
      if (isLast || rows.length >= pageRows || units >= pageUnits) return page(isLast)
    }
    return page(true)
  }

  /** Entries with their predecessors' hashes, read only where the predecessor is not among them. */
  #link(run: string, key: number, rows: readonly EntryTuple[]): LinkedEntry[] {
    const entries: LinkedEntry[] = []
    for (const row of rows) {
      const before = entries.at(-1)
      const previous = before?.seq === row[0] - 1 ? before.hash : this.#previous(key, row[0])
      entries.push(linkedEntry(run, row, previous))
    }
    return entries
  }

  #previous(key: number, seq: number): string | null {
    if (seq === 1) return ''
    return this.#db.get<readonly [hash: string]>(sql.hashAt, key, seq - 1)?.[0] ?? null
  }
}

const bySeq = (a: EntryTuple, b: EntryTuple): number => a[0] - b[0]

function questionRow([run, answered, ...row]: QuestionTuple): QuestionRow {
  const entry = linkedEntry(run, row, null)
  const wait: Wait | undefined = effectOf(entry).wait
  assert(wait, 'A question belongs to an entry that asks nothing.', { run })
  const id = questionId(run, entry.seq)
  return { id, run, wait, state: answered === 1 ? 'answered' : 'open' }
}
