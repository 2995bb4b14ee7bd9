/**
 * Reads on a connection of their own, which can write nothing. A read begins inside a transaction (see
 * read-queue.ts), and what is small ends in it.
 *
 * Long reads are done in pages with a turn of the event loop between them. From the second on they need
 * no transaction: entries never change, so the head at the beginning is the snapshot (S8).
 */
import type { Clock } from '../../base/ports.ts'
import type { Amounts, LinkedEntry, OpenScope, Wait } from '../../ledger/index.ts'
import { addedTo, effectOf, questionId } from '../../ledger/index.ts'
import { assert } from '../../base/errors.ts'
import type {
  Chunk,
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
  UntakenSignals,
} from '../store.ts'
import { spentIn } from './accounts.ts'
import { idleClaim, lostSessions, sessionTokens } from './claim.ts'
import type { LostSession } from './command.ts'
import { Connection, type Row, type Value } from './driver.ts'
import type { Liveness } from './liveness.ts'
import { listRuns } from './list-runs.ts'
import * as sql from './read-statements.ts'
import {
  chunkRow,
  type ChunkTuple,
  type EntryTuple,
  linkedEntry,
  listLengths,
  type MessageTuple,
  messageRow,
  type RunTuple,
  runRow,
  type SessionTuple,
  sessionRow,
} from './rows.ts'
import { fromStored, toStored } from './stored-text.ts'
import { farRows, openedAt } from './trail.ts'
import type { TurnBudget } from './turn-budget.ts'

/** Readers wait only while another process repairs the log after a crash: milliseconds. */
const busyMs = 500

/** Rows that are read at once: about a millisecond. A first page shows how large they are. */
const pageRows = 500
const firstPageRows = 50
/** Passing by so many rows of other scopes takes as long as reading one. */
const passedPerRow = 4
/** Reading this many characters takes as long as reading a row. */
const unitsPerRow = 2000

/** Where the payload stands in the row of an entry, and in one that begins with position, id and key of the run. */
const payloadAt = 9
const payloadBehindPosition = 3 + payloadAt

/** How many characters the payload has, which stands there. */
const unitsIn = (row: Row, at: number): number => {
  const payload = row[at]
  return typeof payload === 'string' ? payload.length : 0
}

/** How many rows the next page may have, when so many cost so much. */
const nextCount = (rows: number, cost: number): number =>
  Math.max(1, Math.min(pageRows, 8 * rows, Math.floor((pageRows * rows) / cost)))

type PositionTuple = readonly [position: number, id: string, run: number, ...entry: EntryTuple]
type ListedTuple = readonly [...entry: EntryTuple, previous: string | null]
type QuestionTuple = readonly [run: string, answered: number, ...entry: EntryTuple]

export interface ReaderOptions {
  readonly clock: Clock
  readonly budget: TurnBudget
}

export class Reader {
  readonly #db: Connection
  readonly #clock: Clock
  readonly #budget: TurnBudget

  constructor(location: string, { clock, budget }: ReaderOptions) {
    this.#db = new Connection(location, { access: 'read', busyMs })
    this.#clock = clock
    this.#budget = budget
  }

  /** What is read inside sees one commit. */
  transact(reads: () => void): void {
    this.#db.run(sql.begin)
    try {
      reads()
    } finally {
      if (this.#db.inTransaction) this.#db.run(sql.end) // trouble of the disk ends it by itself
    }
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
    const [key, head] = this.#head(run)
    const entries: LinkedEntry[] = []
    for await (const page of this.#pages(sql.entriesAfter, [key], head, range)) {
      this.#link(run, key, page, entries)
    }
    return entries
  }

  /**
   * Goes through the ledger in order, window by window, and jumps when one has ended in what is not
   * needed.
   */
  async openEntries(run: string): Promise<LinkedEntry[]> {
    const [key, head] = this.#head(run)
    const froms = new Map([...this.#scopesOf(key, head), ['', 1]])
    const entries: LinkedEntry[] = []
    const isNeeded = ({ 0: seq, 3: scope }: ListedTuple): boolean =>
      seq >= (froms.get(scope) ?? Infinity)
    let isUnbroken = froms.size === 1
    let starts: readonly number[] | undefined
    let [last, count, next] = [0, firstPageRows, 0]
    while (last < head) {
      const end = Math.min(last + count, head)
      const read = this.#between(key, last, end, { scopes: froms, isUnbroken })
      const rows = read.filter(isNeeded)
      const apart = this.#link(run, key, rows, entries)
      const passed = end - last
      const cost = await this.#spend(read, payloadAt)
      count = nextCount(passed, cost + passed / passedPerRow)
      // Looking up predecessors for all in SQLite takes as long as here for every fourth.
      isUnbroken = apart * 4 < rows.length
      last = end
      // Near ones are found by passing by (trail.ts), which is quicker, too, where there are many.
      const isNear = end - (entries.at(-1)?.seq ?? 0) < farRows
      const isDense = passed > farRows && rows.length * farRows >= passed
      if (isDense || isNear) continue
      // Nor is anything passed by behind an entry that should be there: its successor will tell.
      if (this.#previous(key, end + 1) === null) continue
      starts ??= this.#stretches(key, head, froms)
      while ((starts[next] ?? Infinity) <= end) next++
      last = (starts[next] ?? Infinity) - 1
      if (last - end > pageRows) count = farRows
    }
    return entries
  }

  async entriesAt(run: string, seqs: readonly number[]): Promise<LinkedEntry[]> {
    const [key] = this.#head(run)
    const wanted = Array.from(new Set(seqs)).toSorted((a, b) => a - b)
    const entries: LinkedEntry[] = []
    let count = firstPageRows
    for (let at = 0; at < wanted.length;) {
      const part = wanted.slice(at, at + count)
      const rows = this.#listed(sql.entriesListed, [key], part)
      for (const row of rows) entries.push(linkedEntry(run, row, row[0] === 1 ? '' : row[10]))
      at += part.length
      const cost = await this.#spend(rows, payloadAt)
      if (rows.length > 0) count = Math.min(listLengths.many, nextCount(rows.length, cost))
    }
    return entries
  }

  async follow(after: number, limit: number): Promise<PositionedEntry[]> {
    const entries: PositionedEntry[] = []
    const last = new Map<number, PositionedEntry>()
    let [position, count] = [after, firstPageRows]
    while (entries.length < limit) {
      const wanted = Math.min(count, limit - entries.length)
      const rows = this.#db.all<PositionTuple>(sql.entriesFrom, position, wanted)
      for (const [at, id, run, ...row] of rows) {
        const before = last.get(run)
        const previous = before?.seq === row[0] - 1 ? before.hash : this.#previous(run, row[0])
        const entry = { ...linkedEntry(id, row, previous), position: at }
        last.set(run, entry)
        entries.push(entry)
        position = at
      }
      const cost = await this.#spend(rows, payloadBehindPosition)
      if (rows.length < wanted) break
      count = nextCount(rows.length, cost)
    }
    return entries
  }

  openScopes(run: string): OpenScope[] {
    const [key, head] = this.#head(run)
    const scopes = this.#scopesOf(key, head).map(([path, from]) => ({ path, from }))
    return scopes.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  }

  chunks(run: string, after: number, limit: number): Chunk[] {
    const [key] = this.#head(run)
    // SQLite takes a negative limit for none.
    const rows = this.#db.all<ChunkTuple>(sql.chunksOf, key, after, limit === Infinity ? -1 : limit)
    return rows.map(chunkRow)
  }

  messages(run: string, signals: readonly string[]): Message[] {
    const [key] = this.#head(run)
    const rows = Array.from(this.#db.all<MessageTuple>(sql.messagesOfRun, key))
    for (const name of new Set(signals)) {
      const row = this.#db.get<MessageTuple>(sql.oldestSignal, key, toStored(name))
      if (row) rows.push(row)
    }
    return rows.toSorted(([a], [b]) => a - b).map((row) => messageRow(run, row))
  }

  untakenSignals(run: string, limit: number): UntakenSignals[] {
    const [key] = this.#head(run)
    return this.#db
      .all<readonly [name: string, count: number]>(sql.untakenSignals, key, limit)
      .map(([name, count]) => ({ name: fromStored(name), count }))
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
      .all<readonly [run: string, newest: number]>(sql.newsOfSession, toStored(session))
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

  account(run: string): Amounts {
    const [spent] = this.#db.get<readonly [string]>(sql.spentBy, run) ?? []
    const sums = new Map(spent === undefined ? [] : spentIn(spent).sums)
    type Charged = readonly [name: string, amount: number]
    for (const [stored, amount] of this.#db.all<Charged>(sql.accountOf, toStored(run))) {
      const name = fromStored(stored)
      sums.set(name, addedTo(sums.get(name), amount))
    }
    return Object.fromEntries([...sums].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  artifact(hash: string): Uint8Array | undefined {
    return this.#db.get<readonly [bytes: Uint8Array]>(sql.artifactBytes, hash)?.[0]
  }

  sessions(liveness: Liveness): SessionRow[] {
    const sessions = this.#db.all<SessionTuple>(sql.sessionsAll).map(sessionRow)
    // Whoever only looks claims nothing, and would keep the files of all that ever were open.
    liveness.keepOnly(new Set(sessions.map(({ token }) => token)))
    return sessions.map((session) =>
      liveness.isDead(session.token) ? { ...session, isDead: true } : session,
    )
  }

  sessionTokens(): string[] {
    return sessionTokens(this.#db)
  }

  queues(): QueueRow[] {
    const due = this.#dueByQueue()
    return this.#db
      .all<readonly [name: string, concurrency: number | null, held: number]>(sql.queuesAll)
      .map(([name, concurrency, held]) => ({
        name: fromStored(name),
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

  /**
   * What lies between two numbers in these scopes; perhaps in others too. When it is unbroken, hashes of
   * predecessors are left out: they are mostly among it.
   */
  #between(
    key: number,
    after: number,
    to: number,
    {
      scopes,
      isUnbroken,
    }: { readonly scopes: ReadonlyMap<string, number>; readonly isUnbroken: boolean },
  ): readonly ListedTuple[] {
    if (scopes.size > listLengths.many) {
      return this.#db.all<ListedTuple>(sql.entriesBetween, key, after, to)
    }
    const statement = isUnbroken ? sql.entriesOfScopes : sql.entriesOfScopesLinked
    return this.#listed(statement, [key, after, to], Array.from(scopes.keys()))
  }

  /** The rows of a statement with a list. There must be a value. */
  #listed(
    { few, many }: sql.Listing,
    place: readonly Value[],
    values: readonly Value[],
  ): readonly ListedTuple[] {
    return values.length <= listLengths.few
      ? this.#db.all<ListedTuple>(few, ...place, ...filled(values, listLengths.few))
      : this.#db.all<ListedTuple>(many, ...place, ...filled(values, listLengths.many))
  }

  #scopesOf(key: number, head: number): readonly (readonly [path: string, from: number])[] {
    if (head < 2) return [] // who has just begun has none
    const rows = this.#db.all<readonly [path: string, from: number]>(sql.openScopes, key)
    const newest = this.#db.get<readonly [scope: string]>(sql.scopeAt, key, head)?.[0] ?? ''
    if (newest === '' || rows.some(([path]) => path === newest)) return rows
    return [...rows, [newest, openedAt(this.#db, key, newest)]]
  }

  /** Where entries of these scopes are, from the given numbers on, if nothing near them leads there; in order. */
  #stretches(key: number, head: number, froms: ReadonlyMap<string, number>): number[] {
    const starts = Array.from(froms, ([scope, from]) => [
      from,
      ...this.#db
        .all<readonly [seq: number]>(sql.stretchesOf, key, scope, from, head)
        .map(([seq]) => seq),
    ])
    return starts.flat().toSorted((a, b) => a - b)
  }

  /** Rows of a statement that continues behind a seq, page by page, with turns in between. */
  async *#pages(
    statement: string,
    place: readonly (number | string)[],
    head: number,
    { after = 0, limit = Infinity, units = Infinity }: EntryRange,
  ): AsyncGenerator<readonly EntryTuple[], void> {
    let [last, left, unitsLeft, count] = [after, limit, units, firstPageRows]
    while (left > 0 && unitsLeft > 0) {
      const wanted = Math.min(count, left)
      const rows: EntryTuple[] = []
      // One by one: only a row that has been read shows how large it is.
      for (const row of this.#db.iterate<EntryTuple>(statement, ...place, last, head, wanted)) {
        rows.push(row)
        unitsLeft -= unitsIn(row, payloadAt)
        if (unitsLeft <= 0) break
      }
      yield rows
      const cost = await this.#spend(rows, payloadAt)
      if (rows.length < wanted) return
      last = rows.at(-1)?.[0] ?? last
      left -= rows.length
      count = nextCount(rows.length, cost)
    }
  }

  /** Says what was read, whose payloads stand there. Returns the cost, in rows. */
  async #spend(rows: readonly Row[], at: number): Promise<number> {
    let units = 0
    for (const row of rows) units += unitsIn(row, at)
    const cost = rows.length + units / unitsPerRow
    await this.#budget.spend(cost)
    return cost
  }

  /**
   * Adds entries with their predecessors' hashes: of those among them, as read, or looked up. Returns how
   * many are not among them.
   */
  #link(
    run: string,
    key: number,
    rows: readonly (readonly [...entry: EntryTuple, previous?: string | null])[],
    entries: LinkedEntry[],
  ): number {
    let before = entries.at(-1)
    let apart = 0
    rows.forEach((row) => {
      const { 0: seq, 10: read } = row
      const near = before?.seq === seq - 1 ? before.hash : undefined
      if (near === undefined) apart++
      before = linkedEntry(run, row, near ?? read ?? this.#previous(key, seq))
      entries.push(before)
    })
    return apart
  }

  #previous(key: number, seq: number): string | null {
    if (seq === 1) return ''
    return this.#db.get<readonly [hash: string]>(sql.hashAt, key, seq - 1)?.[0] ?? null
  }
}

/** So many values: the last one is repeated. */
function filled(values: readonly Value[], count: number): readonly Value[] {
  const last = values.at(-1) as Value
  const all = [...values]
  while (all.length < count) all.push(last)
  return all
}

function questionRow([run, answered, ...row]: QuestionTuple): QuestionRow {
  const entry = linkedEntry(run, row, null)
  const wait: Wait | undefined = effectOf(entry).wait
  assert(wait, 'A question belongs to an entry that asks nothing.', { run })
  const id = questionId(run, entry.seq)
  return { id, run, wait, state: answered === 1 ? 'answered' : 'open' }
}
