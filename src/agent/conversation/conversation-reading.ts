/**
 * Reads the conversation of an agent's run from its ledger, entry by entry, so that it shows what
 * happened and not what the model remembers of it. Nothing is executed.
 */
import { decode, type Entry, operationPath, type Payloads, questionId } from '../../ledger/index.ts'
import type { Ever } from '../../run/index.ts'
import { escalationOf } from '../../run/approvals/escalation.ts'
import { pageAfter } from '../../run/ledger-page.ts'
import { largeIn, largeOf } from '../../run/replay/large.ts'
import { asUserMessage } from '../loop/prompt.ts'
import { answerText } from '../model/answer-text.ts'
import { proposedCalls, shownCall } from '../model/proposed-calls.ts'
import type { ConversationItem, Place, Unplaced } from './conversation-item.ts'
import {
  approvalOf,
  callOf,
  guardedIn,
  isReply,
  isShown,
  modelKey,
  nextMessageKey,
  promptsOf,
  resultsOf,
} from './recorded.ts'
import { UntoldCalls } from './untold-calls.ts'

/** The entries of a run as items, one after the other. */
export class ConversationReading {
  readonly items: ConversationItem[] = []
  readonly #ever: Ever
  readonly #run: string
  /** The entry that was read last. */
  #seq = 0
  /** What was asked, by path, until it is answered. */
  readonly #asked = new Map<string, string>()
  readonly #untold = new UntoldCalls()
  /** Calls that can be undone, by the entries that registered how. */
  readonly #undoable = new Map<number, string>()
  /** What is decided about requests that nobody decides about, by path. */
  readonly #otherwise = new Map<string, 'approve' | 'deny'>()
  /** Who has asked for the run's end. */
  #canceller: string | undefined

  constructor(ever: Ever, run: string) {
    this.#ever = ever
    this.#run = run
  }

  /** Reads on, up to this entry or all there are. Returns the items that the last of them has added. */
  async readOn(upTo: number = Infinity): Promise<readonly ConversationItem[]> {
    const { store } = this.#ever
    let added: readonly ConversationItem[] = []
    while (this.#seq < upTo) {
      const page = await store.entries(this.#run, pageAfter(this.#seq, upTo))
      if (page.length === 0) break
      for (const entry of page) {
        const before = this.items.length
        const shown = isShown(entry) ? entry.payload : null
        this.#read(entry, await largeIn(store, this.#run, shown))
        added = this.items.slice(before)
        this.#seq = entry.seq
      }
    }
    return added
  }

  /** Reads the next one, with the large values that it refers to. */
  #read(entry: Entry, large: Large): void {
    const { seq, time, kind, scope, key, payload } = entry
    if (payload === null) return // erased
    const about: About = {
      kind,
      key,
      seq,
      call: callOf(key),
      path: operationPath(scope, key),
      question: questionId(this.#run, seq),
      read: <K extends keyof Payloads>(_kind: K): Payloads[K] =>
        recordOf(payload, large) as Payloads[K],
      add: (item) => {
        this.items.push({ seq, time, ...item })
        this.#untold.heed(item)
      },
    }
    this.#readRun(about)
    this.#readTurn(about, { seq, time })
    this.#readCall(about)
    this.#readApproval(about)
  }

  /** How the run began, what it was told since, and how it ended. */
  #readRun({ kind, key, read, add }: About): void {
    switch (kind) {
      case 'run.started': {
        const { parent, input, ...started } = read(kind)
        const by = parent ? undefined : started.by
        for (const text of promptsOf(input)) add({ is: 'user', text, ...said({ by }) })
        return
      }
      case 'message.received':
      case 'signal.received': {
        if (kind === 'signal.received' && key !== nextMessageKey) return
        const { value, by } = read(kind)
        add({ is: 'user', text: asUserMessage(value).text, ...said({ by }) })
        return
      }
      case 'run.completed':
        this.end()
        return
      case 'run.cancelling':
        this.#canceller = read(kind).by
        return
      case 'run.failed': {
        const { name, code, message } = read(kind).error
        this.end()
        add({ is: 'failed', error: message === '' ? name : message, ...said({ code }) })
        return
      }
      case 'run.cancelled':
        this.end()
        add({ is: 'cancelled', reason: read(kind).reason, ...said({ by: this.#canceller }) })
    }
  }

  /** What the model said, what guards said of it, and what a turn came to. */
  #readTurn({ kind, key, read, add }: About, place: Place): void {
    switch (kind) {
      case 'step.completed':
        if (key === modelKey) this.#answer(read(kind).value, place, add)
        return
      case 'guard.decided':
        this.#guarded(read(kind), guardedIn(key), add)
        return
      case 'context.compacted': {
        const value = read(kind).value as { readonly summary?: string }
        if (value?.summary !== undefined) add({ is: 'summary', text: value.summary })
        return
      }
      case 'turn.committed':
        for (const { id, is, value } of resultsOf(read(kind))) {
          if (!this.#untold.has(id)) continue
          const text = typeof value === 'string' ? value : ''
          if (is === 'error') add({ is, call: id, error: text, wasMade: false })
          else if (is === 'denied') add({ is: 'unmade', call: id, reason: text })
        }
    }
  }

  /** What became of a call, or of a question that is one. */
  #readCall({ kind, seq, call, path, question, read, add }: About): void {
    switch (kind) {
      case 'step.completed':
        if (call !== undefined) add({ is: 'result', call, value: read(kind).value })
        return
      case 'child.started':
        if (call !== undefined) add({ is: 'child', call, run: read(kind).run })
        return
      case 'child.completed':
        if (call !== undefined) add({ is: 'result', call, value: read(kind).output })
        return
      case 'step.failed':
      case 'child.failed':
        if (call === undefined) return
        add({ is: 'error', call, error: read(kind).error.message, wasMade: true })
        return
      case 'question.asked': {
        const { prompt } = read(kind)
        this.#asked.set(path, prompt)
        add({ is: 'asked', question, prompt, ...said({ call }) })
        return
      }
      case 'question.answered': {
        const prompt = this.#asked.get(path) ?? ''
        if (call !== undefined) add({ is: 'result', call, value: read(kind).value })
        else add({ is: 'question', prompt, answer: read(kind).value })
        this.#asked.delete(path)
        return
      }
      case 'effect.intended':
        if (call !== undefined) this.#undoable.set(seq, call)
        return
      case 'effect.doubted': {
        const { why, error, prompt } = read(kind)
        if (prompt !== undefined) add({ is: 'asked', question, prompt, ...said({ call }) })
        else if (call !== undefined) {
          const reason = why === 'threw' && error ? `${error.name}: ${error.message}` : undefined
          add({ is: 'doubt', call, verdict: 'open', why, ...said({ reason }) })
        }
        return
      }
      case 'effect.resolved': {
        const { attempt: _attempt, ...resolved } = read(kind)
        if (call !== undefined) add({ is: 'doubt', call, ...said(resolved) })
        return
      }
      case 'undo.completed':
        this.#undone({ ...read(kind), state: 'undone' }, add)
        return
      case 'undo.failed': {
        const { error, ...rest } = read(kind)
        this.#undone({ ...rest, state: 'failed', reason: `${error.name}: ${error.message}` }, add)
        return
      }
      case 'undo.skipped':
        this.#undone({ ...read(kind), state: 'skipped' }, add)
    }
  }

  /** What people were asked about a call, and what they said. */
  #readApproval({ kind, key, path, question, read, add }: About): void {
    switch (kind) {
      case 'approval.requested': {
        const request = read(kind)
        const { otherwise, prompt } = request
        const escalation = escalationOf(request)
        this.#otherwise.set(path, otherwise?.value === 'approve' ? 'approve' : 'deny')
        add({ is: 'asked', question, prompt, call: approvalOf(key), ...said({ escalation }) })
        return
      }
      case 'approval.changed': {
        const { escalated, assignee: to, by } = read(kind)
        if (!escalated || to === undefined) return
        add({ is: 'escalated', call: approvalOf(key), to, ...said({ by }) })
        return
      }
      case 'approval.voted': {
        const { time: _time, ...vote } = read(kind)
        add({ is: 'vote', call: approvalOf(key), ...vote })
        return
      }
      case 'approval.decided': {
        const decided = read(kind)
        const channel = decided.votes.at(-1)?.channel
        add({ is: 'approval', call: approvalOf(key), ...said({ ...decided, channel }) })
        return
      }
      case 'approval.expired': {
        const otherwise = this.#otherwise.get(path)
        add({ is: 'approval', call: approvalOf(key), verdict: 'expired', ...said({ otherwise }) })
        return
      }
      case 'approval.voided': {
        const { reason } = read(kind)
        add({ is: 'approval', call: approvalOf(key), verdict: 'voided', ...said({ reason }) })
      }
    }
  }

  /** The run ends here, or has no more entries: of calls that made no sense nothing more will stand there. */
  end(): void {
    this.items.push(...this.#untold.end())
  }

  #undone({ of, state, by, reason }: Undone, add: Add): void {
    const call = this.#undoable.get(of)
    if (call !== undefined) add({ is: 'undo', call, state, ...said({ by, reason }) })
  }

  #guarded(decision: Payloads['guard.decided'], call: string | undefined, add: Add): void {
    const { position, verdicts, outcome, fixed } = decision
    const refusal = verdicts.find(({ verdict }) => refusals.has(verdict))
    if (position === 'answer' && refusal) {
      const { guard, verdict } = refusal
      const reason = `guard "${guard}" had this answer of the model: ${verdict}`
      for (const item of this.#untold.refused(reason)) add(item)
    }
    for (const { guard, verdict, reason } of verdicts) {
      if (verdict === 'allow') continue
      if (verdict === 'ask' && outcome === 'allow') continue // people have answered it before
      const made = verdict === 'fix' && fixed ? { fixed: fixed.value } : {}
      add({ is: 'guard', guard, position, verdict, ...said({ call, reason }), ...made })
    }
  }

  #answer(value: unknown, place: Place, add: Add): void {
    if (!isReply(value)) return // a step of a flow that is no agent
    const { answer, amounts } = value
    const calls = proposedCalls(answer.content)
    this.#untold.propose(calls, place)
    add({
      is: 'assistant',
      text: answerText(answer.content),
      ...(answer.finishReason === 'length' ? { isCut: true } : {}),
      model: answer.model,
      calls: calls.map(shownCall),
      amounts,
    })
  }
}

type Add = (item: Unplaced) => void

/** An entry, and what is done with it. */
interface About {
  readonly kind: Entry['kind']
  readonly key: string
  readonly seq: number
  /** The call that it belongs to, when it belongs to one. */
  readonly call: string | undefined
  readonly path: string
  /** The id of the question that it asks, if it asks one. */
  readonly question: string
  /** Its record, when it is of this kind. */
  readonly read: <K extends keyof Payloads>(kind: K) => Payloads[K]
  readonly add: Add
}

/** Verdicts about an answer with which its calls are not made. */
const refusals: ReadonlySet<string> = new Set(['deny', 'retry', 'halt'])

/** What an entry says of undoing what another one registered. */
interface Undone {
  readonly of: number
  readonly state: 'undone' | 'failed' | 'skipped'
  readonly by?: string | undefined
  readonly reason?: string | undefined
}

/** Without what is not set. */
const said = <T extends object>(fields: T): Said<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Said<T>

type Said<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Large values by name. */
type Large = ReadonlyMap<string, unknown>

/** References to entries are shown as they are. */
const recordOf = (payload: string, large: Large): unknown =>
  decode(payload, { resolve: (ref) => large.get(largeOf(ref) ?? '') ?? { ref } })
