/**
 * A run of the memory store: its entries, its row, and the projections beside it.
 *
 * `apply` is the only place where entries change projections (S7); the store around it decides who may
 * append and who holds the run.
 */
import {
  effectOf,
  type Entry,
  isEnd,
  isQuestion,
  isWithin,
  type LinkedEntry,
  mayAsk,
  type OpenScope,
  operationPath,
  PathMap,
  questionId,
  type Wait,
} from '../ledger/index.ts'
import { questionSeq, rowEffect, statusColumns } from './projection.ts'
import {
  type Chunk,
  type DeliverResult,
  type EntryRange,
  type Message,
  type NewChunk,
  type NewMessage,
  type NewRun,
  type PositionedEntry,
  type QuestionRow,
  reception,
  type RunRow,
  type UntakenSignals,
} from './store.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

interface Question {
  readonly wait: Wait
  readonly position: number
  state: QuestionRow['state']
}

export class MemoryRun {
  readonly row: Mutable<RunRow>
  /** Entry n stands at n - 1. */
  readonly entries: LinkedEntry[] = []
  /** First needed entry by path. */
  readonly scopes: PathMap<number> = new PathMap()
  /** Open questions by operation path. */
  readonly questions: PathMap<Question> = new PathMap()
  /** Messages nobody has taken, by number, oldest first. */
  readonly inbox: Map<number, Message> = new Map()
  /** Ids of all messages it ever got. */
  readonly receipts: Set<string> = new Set()
  /** Text of operations under way, oldest first. */
  chunks: Chunk[] = []

  constructor({ genesis, flow, version, queue, labels, parent, wake }: NewRun) {
    this.row = {
      id: genesis.run,
      flow,
      version,
      queue,
      labels: { ...labels },
      parent,
      status: 'active',
      code: undefined,
      title: undefined,
      created: genesis.time,
      updated: genesis.time,
      seq: 0,
      hash: '',
      epoch: 0,
      session: undefined,
      wake,
      crashes: 0,
      overtakes: 0,
      barren: 0,
      newest: 0,
    }
  }

  /** The row as it is now, for callers. */
  snapshot(): RunRow {
    return { ...this.row, labels: { ...this.row.labels } }
  }

  /** Adds an entry behind the last one and does to the projections what it says. */
  apply(entry: Entry, position: number): PositionedEntry {
    const stored = { ...entry, previous: this.row.hash }
    this.entries.push(stored)
    this.row.seq = entry.seq
    this.row.hash = entry.hash
    this.row.updated = entry.time
    this.#project(entry, position)
    return { ...stored, position }
  }

  /** Of its entries, in order. */
  entriesIn({ after = 0, limit = Infinity, units = Infinity }: EntryRange): LinkedEntry[] {
    const first = Math.max(0, after)
    const found = this.entries.slice(first, first + limit)
    let read = 0
    const last = found.findIndex(({ payload }) => (read += payload?.length ?? 0) >= units)
    return last === -1 ? found : found.slice(0, last + 1)
  }

  /** What a resume needs. */
  openEntries(): LinkedEntry[] {
    return this.entries.filter(
      ({ scope, seq }) => scope === '' || seq >= (this.scopes.get(scope) ?? Infinity),
    )
  }

  openScopes(): OpenScope[] {
    const scopes = Array.from(this.scopes, ([path, from]) => ({ path, from }))
    return scopes.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** Messages that nobody has taken: of signals the oldest of each of these names. */
  untaken(signals: readonly string[]): Message[] {
    const asked = new Set(signals)
    return Array.from(this.inbox.values()).filter(
      ({ kind, name }) => kind !== 'signal' || asked.delete(name),
    )
  }

  /** The names of those that are signals. */
  untakenSignals(): UntakenSignals[] {
    const counts = new Map<string, number>()
    for (const { kind, name } of this.inbox.values()) {
      if (kind === 'signal') counts.set(name, (counts.get(name) ?? 0) + 1)
    }
    return Array.from(counts, ([name, count]) => ({ name, count }))
  }

  /** What it asks, and where the entry that asks stands among all of the store. */
  asked(): { readonly row: QuestionRow; readonly position: number }[] {
    const { id: run } = this.row
    return Array.from(this.questions.values(), ({ wait, state, position }) => ({
      row: { id: questionId(run, wait.seq), run, wait, state },
      position,
    }))
  }

  /** Puts a message into the inbox, unless the run does not take it. */
  receive(
    { unlessNewerThan = Infinity, keepsOpen = false, ...message }: NewMessage,
    number: number,
    now: number,
  ): DeliverResult {
    const { row, receipts } = this
    const { kind, id } = message
    if (id !== undefined && receipts.has(id)) return { is: 'duplicate' }
    const isRetried = (): boolean =>
      Array.from(this.inbox.values()).some((other) => other.kind === 'retry')
    const welcome = reception(kind, row.status, row.status === 'failed' && isRetried())
    if (welcome === 'refuse') return { is: 'refused', status: row.status }
    if (row.newest > unlessNewerThan) return { is: 'news', newest: row.newest }
    if (kind === 'answer') {
      const seq = questionSeq(row.id, message.name)
      const asked = Array.from(this.questions.values()).find(({ wait }) => wait.seq === seq)
      if (!asked) {
        const was = seq !== undefined && mayAsk(this.entries[seq - 1]?.kind)
        return { is: was ? 'question-closed' : 'unknown-question' }
      }
      if (asked.state === 'answered') return { is: 'question-closed' }
      if (!keepsOpen) asked.state = 'answered'
    }
    if (id !== undefined) receipts.add(id)
    this.inbox.set(number, { ...message, number, time: now })
    row.newest = number
    if (welcome === 'wake' && row.session === undefined) row.wake = Math.min(row.wake ?? now, now)
    return { is: 'delivered', number }
  }

  /** Shows text (S10). `number`: gives each chunk its own. */
  show(chunks: readonly NewChunk[], number: () => number): void {
    const { seq, epoch } = this.row
    for (const chunk of chunks) {
      const isOwn = (other: Chunk): boolean =>
        other.epoch === epoch && other.attempt === chunk.attempt
      const before = this.chunks.filter(({ path }) => path === chunk.path)
      if (before.some((other) => isOwn(other) && other.part === chunk.part)) continue
      if (chunk.part === 1 && before.some((other) => !isOwn(other))) {
        this.#hide((path) => path === chunk.path)
        this.chunks.push({ ...chunk, part: 0, text: '', number: number(), seq, epoch })
      }
      this.chunks.push({ ...chunk, number: number(), seq, epoch })
    }
  }

  #hide(isOver: (path: string) => boolean): void {
    if (this.chunks.length > 0) this.chunks = this.chunks.filter(({ path }) => !isOver(path))
  }

  #project(entry: Entry, position: number): void {
    const { scopes, questions } = this
    const effect = mayAsk(entry.kind) ? effectOf(entry) : rowEffect(entry)
    if (effect.open && !scopes.has(effect.open.path)) scopes.set(effect.open.path, effect.open.from)
    this.row.title = effect.title ?? this.row.title
    this.row.version = effect.version ?? this.row.version
    if (effect.settle !== undefined) {
      questions.delete(effect.settle)
      this.#hide((path) => path === effect.settle)
    }
    if (effect.wait) {
      const path = operationPath(entry.scope, entry.key)
      questions.delete(path)
      if (isQuestion(effect.wait)) {
        questions.set(path, { wait: effect.wait, position, state: 'open' })
      }
    }
    if (effect.reask !== undefined) {
      const question = questions.get(effect.reask)
      if (question) question.state = 'open'
    }
    if (effect.close !== undefined) this.#close(effect.close)
    if (effect.move) scopes.set(effect.move.path, effect.move.from)
    for (const scope of effect.reopen ?? []) scopes.set(scope.path, scope.from)
    if (effect.status) Object.assign(this.row, statusColumns(effect.status))
    if (isEnd(this.row.status) || effect.undoing) {
      questions.clear()
      this.chunks = []
    }
  }

  #close(scope: string): void {
    this.#hide((path) => isWithin(path, scope))
    this.scopes.deleteWithin(scope)
    this.questions.deleteWithin(scope)
  }
}
