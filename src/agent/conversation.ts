/**
 * The conversation of an agent's run, for people: read from the ledger, entry by entry, so that it shows
 * what happened and not what the model remembers of it. Nothing is executed.
 */
import {
  decode,
  type Entry,
  operationPath,
  type Payloads,
  type StateChange,
  unescape,
  type Vote,
} from '../ledger/index.ts'
import type { Ever } from '../run/index.ts'
import { largeIn, largeOf } from '../run/large.ts'
import { answerText } from './model/answer-text.ts'
import type { ToolCallPart } from './model/answer.ts'
import { asUserMessage } from './prompt.ts'
import type { Reply } from './reply.ts'
import type { CallResult } from './state.ts'

interface Place {
  /** The entry it was read from, and its time. */
  readonly seq: number
  readonly time: number
}

/** Something that happened in the conversation. */
export type ConversationItem = Place &
  (
    | { readonly is: 'user'; readonly text: string; readonly by?: string }
    | {
        readonly is: 'assistant'
        readonly text: string
        /** A limit of tokens has cut it off: the model's, or `maxOutputTokens`. */
        readonly isCut?: true
        readonly model: string
        readonly calls: readonly {
          readonly id: string
          readonly tool: string
          readonly args: unknown
        }[]
        readonly amounts: Readonly<Record<string, number>>
      }
    | { readonly is: 'result'; readonly call: string; readonly value: unknown }
    | {
        readonly is: 'error'
        readonly call: string
        readonly error: string
        /** False where the call made no sense, and nothing was called. */
        readonly wasMade: boolean
      }
    /** A guard did not let it be made, by itself or with the answer that it stands in. */
    | { readonly is: 'unmade'; readonly call: string; readonly reason: string }
    | {
        readonly is: 'approval'
        readonly call: string
        readonly verdict: 'approved' | 'denied' | 'expired' | 'voided'
        /** What its policy had for the case that nobody decides in time, when it has expired. */
        readonly otherwise?: 'approve' | 'deny'
        readonly by?: string
        readonly reason?: string
        readonly args?: unknown
        /** Through what the deciding vote came: "cli", "api" … */
        readonly channel?: string
        /** Of everybody who voted, the deciding vote last. */
        readonly votes?: readonly Vote[]
      }
    /** A person is asked: for leave to make a call, what came of one in doubt, or something else. */
    | {
        readonly is: 'asked'
        /** The id to answer under. */
        readonly question: string
        readonly prompt: string
        /** The call that it is about, or that it is. */
        readonly call?: string
      }
    /** One of several approvals that a call wants, and not yet the last. */
    | ({ readonly is: 'vote'; readonly call: string } & Omit<Vote, 'time'>)
    /** It was not known whether a call took effect, and what became of that. */
    | {
        readonly is: 'doubt'
        readonly call: string
        readonly verdict: 'open' | 'done' | 'notDone' | 'failed'
        /** Why it is not known, while it is open. */
        readonly why?: 'crashed' | 'timed-out' | 'aborted' | 'threw'
        /** What told: the call itself, its reconciliation, or a person. */
        readonly via?: 'call' | 'reconcile' | 'person'
        readonly by?: string
        /** What it threw, while it is open; else what was said by whoever knew. */
        readonly reason?: string
      }
    /** What became of undoing a call that took effect, or may have. */
    | {
        readonly is: 'undo'
        readonly call: string
        readonly state: 'undone' | 'failed' | 'skipped'
        readonly by?: string
        /** Why it failed, or was left out. */
        readonly reason?: string
      }
    /** A guard that did not simply allow. */
    | {
        readonly is: 'guard'
        readonly guard: string
        readonly position: string
        readonly verdict: string
        readonly reason?: string
        /** What all fixes at this place have made of it. */
        readonly fixed?: unknown
      }
    | { readonly is: 'question'; readonly prompt: string; readonly answer: unknown }
    | { readonly is: 'summary'; readonly text: string }
    /** The run has failed; whatever stands behind it came of a retry. */
    | { readonly is: 'failed'; readonly error: string; readonly code?: string }
    | { readonly is: 'cancelled'; readonly reason: string; readonly by?: string }
  )

/** A conversation, and what it has cost so far. */
export interface Conversation {
  readonly run: string
  readonly items: readonly ConversationItem[]
  /** Of the run and those below it: turns, tokens, microUsd (millionths of a dollar), calls. */
  readonly spent: Readonly<Record<string, number>>
}

/** How many entries are read at a time. */
const pageMax = 1000

/**
 * Reads the conversation of a run. Throws UNKNOWN_RUN.
 *
 * @example
 * const { items, spent } = await conversation(ever, 'ticket-42')
 * for (const item of items) if (item.is === 'assistant') console.log(item.text)
 */
export async function conversation(ever: Ever, run: string): Promise<Conversation> {
  const { id } = await ever.get(run)
  const reading = new ConversationReading(ever, id)
  await reading.readOn()
  reading.end()
  return { run: id, items: reading.items, spent: await ever.store.account(id) }
}

/** The entries of a run as items, one after the other. */
export class ConversationReading {
  readonly items: ConversationItem[] = []
  readonly #ever: Ever
  readonly #run: string
  /** The entry that was read last. */
  #seq = 0
  /** What was asked, by path, until it is answered. */
  readonly #asked = new Map<string, string>()
  /** Calls of which nothing is known yet, with where they were made and what is wrong with them. */
  readonly #untold = new Map<string, Place & { readonly invalid: string | undefined }>()
  /** The calls of the last answer of the model. */
  #answered: readonly string[] = []
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
    for (let isMore = true; isMore && this.#seq < upTo;) {
      const limit = Math.min(pageMax, upTo - this.#seq)
      const page = await store.entries(this.#run, { after: this.#seq, limit })
      for (const entry of page) {
        const before = this.items.length
        const shown = isShown(entry) ? entry.payload : null
        this.#read(entry, await largeIn(store, this.#run, shown))
        added = this.items.slice(before)
      }
      this.#seq = page.at(-1)?.seq ?? this.#seq
      isMore = page.length === limit
    }
    return added
  }

  /** Reads the next one, with the large values that it refers to. */
  #read(entry: Entry, large: Large): void {
    const { seq, time, kind, scope, key, payload } = entry
    if (payload === null) return // erased
    const read = <K extends keyof Payloads>(_kind: K): Payloads[K] =>
      recordOf(payload, large) as Payloads[K]
    const add = (item: Unplaced): void => {
      this.items.push({ seq, time, ...item })
      if (tellsEnd(item)) this.#untold.delete(item.call)
    }
    const call = callOf(key)
    const path = operationPath(scope, key)
    const question = `${this.#run}/${seq}`
    switch (kind) {
      case 'run.started': {
        const { parent, input, ...started } = read(kind)
        const by = parent ? undefined : started.by
        for (const text of promptsOf(input)) {
          add({ is: 'user', text, ...(by === undefined ? {} : { by }) })
        }
        return
      }
      case 'message.received':
      case 'signal.received': {
        const { value, by } = read(kind)
        if (kind === 'message.received' || key === '=next message') {
          const { text } = asUserMessage(value)
          add({ is: 'user', text, ...(by === undefined ? {} : { by }) })
        }
        return
      }
      case 'step.completed':
        if (key === '=model') this.#answer(read(kind).value, { seq, time }, add)
        else if (call !== undefined) add({ is: 'result', call, value: read(kind).value })
        return
      case 'child.completed':
        if (call !== undefined) add({ is: 'result', call, value: read(kind).output })
        return
      case 'step.failed':
      case 'child.failed':
        if (call !== undefined) {
          add({ is: 'error', call, error: read(kind).error.message, wasMade: true })
        }
        return
      case 'effect.intended':
        if (call !== undefined) this.#undoable.set(seq, call)
        return
      case 'undo.completed':
        this.#undone({ ...read(kind), state: 'undone' }, add)
        return
      case 'undo.failed': {
        const { error, ...rest } = read(kind)
        const reason = `${error.name}: ${error.message}`
        this.#undone({ ...rest, state: 'failed', reason }, add)
        return
      }
      case 'undo.skipped':
        this.#undone({ ...read(kind), state: 'skipped' }, add)
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
      case 'approval.requested': {
        const { otherwise, prompt } = read(kind)
        this.#otherwise.set(path, otherwise?.value === 'approve' ? 'approve' : 'deny')
        add({ is: 'asked', question, prompt, call: approvalOf(key) })
        return
      }
      case 'approval.expired': {
        const otherwise = this.#otherwise.get(path)
        add({ is: 'approval', call: approvalOf(key), verdict: 'expired', ...said({ otherwise }) })
        return
      }
      case 'approval.voided':
        add({ is: 'approval', call: approvalOf(key), verdict: 'voided' })
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
      case 'guard.decided': {
        const { position, verdicts, outcome, fixed } = read(kind)
        const refusal = verdicts.find(({ verdict }) => refusals.has(verdict))
        if (position === 'answer' && refusal) {
          const { guard, verdict } = refusal
          const reason = `guard "${guard}" had this answer of the model: ${verdict}`
          for (const id of this.#answered) {
            const error = this.#untold.get(id)?.invalid
            if (error === undefined) add({ is: 'unmade', call: id, reason })
            else add({ is: 'error', call: id, error, wasMade: false })
          }
        }
        for (const { guard, verdict, reason } of verdicts) {
          if (verdict === 'allow') continue
          if (verdict === 'ask' && outcome === 'allow') continue // people have answered it before
          add({
            is: 'guard',
            guard,
            position,
            verdict,
            ...(reason === undefined ? {} : { reason }),
            ...(verdict === 'fix' && fixed ? { fixed: fixed.value } : {}),
          })
        }
        return
      }
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
        return
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

  /** What was wrong with the calls of a turn that never committed. */
  end(): void {
    for (const [call, { invalid, ...place }] of this.#untold) {
      if (invalid === undefined) continue
      this.items.push({ ...place, is: 'error', call, error: invalid, wasMade: false })
    }
    this.#untold.clear()
  }

  #undone({ of, state, by, reason }: Undone, add: (item: Unplaced) => void): void {
    const call = this.#undoable.get(of)
    if (call !== undefined) add({ is: 'undo', call, state, ...said({ by, reason }) })
  }

  #answer(value: unknown, place: Place, add: (item: Unplaced) => void): void {
    if (!isReply(value)) return // a step of a flow that is no agent
    const { answer, amounts } = value
    const calls = answer.content.filter((part): part is ToolCallPart => part.type === 'tool-call')
    for (const { id, invalid } of calls) this.#untold.set(id, { ...place, invalid })
    this.#answered = calls.map(({ id }) => id)
    add({
      is: 'assistant',
      text: answerText(answer.content),
      ...(answer.finishReason === 'length' ? { isCut: true } : {}),
      model: answer.model,
      calls: calls.map(({ id, name, input, rawInput }) => ({
        id,
        tool: name,
        args: input ?? rawInput,
      })),
      amounts,
    })
  }
}

/** Verdicts about an answer with which its calls are not made. */
const refusals: ReadonlySet<string> = new Set(['deny', 'retry', 'halt'])

/** Whether nothing needs to be said about the call behind it: after a vote, say, it is still open. */
const tellsEnd = (item: Unplaced): item is Extract<Unplaced, { readonly call: string }> =>
  'call' in item &&
  item.is !== 'asked' &&
  item.is !== 'vote' &&
  !(item.is === 'approval' && (item.verdict === 'approved' || item.verdict === 'voided'))

/** What an entry says of undoing what another one registered. */
interface Undone {
  readonly of: number
  readonly state: 'undone' | 'failed' | 'skipped'
  readonly by?: string | undefined
  readonly reason?: string | undefined
}

type WithoutPlace<T> = T extends unknown ? Omit<T, keyof Place> : never
type Unplaced = WithoutPlace<ConversationItem>

/** What a commit tells of calls for which no entry of their own stands: the model called them wrongly. */
function resultsOf(change: StateChange): readonly CallResult[] {
  const messages =
    'base' in change
      ? listOf((change.base as { readonly messages?: unknown } | null)?.messages)
      : change.delta.flatMap((edit) => {
          if (edit[1][0] !== 'messages' || edit[0] === 'cut') return []
          return edit[0] === 'splice' ? edit[4] : listOf(edit[2])
        })
  return messages.flatMap(
    (message) =>
      listOf((message as { readonly results?: unknown } | null)?.results) as CallResult[],
  )
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** Without what is not set. */
const said = <T extends object>(fields: T): Said<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Said<T>

type Said<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Large values by name. */
type Large = ReadonlyMap<string, unknown>

/** References to entries are shown as they are. */
const recordOf = (payload: string, large: Large): unknown =>
  decode(payload, { resolve: (ref) => large.get(largeOf(ref) ?? '') ?? { ref } })

/** Whether what it holds is an item, or part of one, so that a large value of it is needed. */
const isShown = ({ kind, key }: Entry): boolean =>
  key === '=model' ||
  key === '=next message' ||
  kind === 'question.answered' ||
  callOf(key) !== undefined

/** What an agent was started with; nothing where the run is of another flow. */
function promptsOf(input: unknown): readonly string[] {
  const { prompt, messages } = Object(input) as { prompt?: unknown; messages?: unknown }
  return [prompt, ...listOf(messages)].filter((text) => typeof text === 'string')
}

function isReply(value: unknown): value is Reply {
  const { answer, amounts } = Object(value) as Partial<Reply>
  return Array.isArray(answer?.content) && typeof amounts === 'object'
}

/** The call that a key belongs to, when it belongs to one. */
const callOf = (key: string): string | undefined =>
  key.startsWith('=call:') ? unescape(key.slice('=call:'.length)) : undefined

/** The call that an approval is about: what a second request for it adds is left out. */
const approvalOf = (key: string): string =>
  unescape(key.slice('=approval:'.length)).replace(/ #\d+$/, '')
