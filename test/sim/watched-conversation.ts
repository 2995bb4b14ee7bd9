/**
 * The conversation of an agent as whoever follows it is shown it: each thing that happened once and in order,
 * and between them the text of one attempt at the answer under way.
 */
import {
  type ConversationStreamItem,
  streamConversation,
} from '../../src/agent/conversation/stream-conversation.ts'
import { asUserMessage } from '../../src/agent/loop/prompt.ts'
import { encode } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import type { Ever } from '../../src/run/index.ts'
import { endKinds } from './mirror.ts'
import { recordOf } from './record-of.ts'
import { secretIn } from './secret-words.ts'
import type { Answer } from './turn-view.ts'
import type { Watched } from './watched.ts'
import type { World } from './world.ts'

/** What makes void the text that was shown before it. */
const replacing: readonly string[] = ['assistant', 'failed', 'cancelled']

export class WatchedConversation implements Watched<ConversationStreamItem> {
  readonly run: string
  readonly #world: World
  /** What was told of all that the ledger has an entry of its own for. */
  readonly #told: string[] = []
  /** The last entry before what was told last. */
  #seq = 0
  #text = ''

  constructor(world: World, run: string) {
    this.#world = world
    this.run = run
  }

  open(ever: Ever, from: { readonly from?: string }): AsyncIterable<ConversationStreamItem> {
    return streamConversation(ever, this.run, from)
  }

  see(item: ConversationStreamItem): void {
    const { report, observer, attempts } = this.#world
    this.#seq = Number(item.cursor.split('.')[0])
    switch (item.type) {
      case 'items':
        this.#hide(encode(item.items))
        for (const told of item.items) {
          if (replacing.includes(told.is)) this.#text = ''
          const isOwn = told.is !== 'error' || told.wasMade
          const words = 'text' in told ? ` ${told.text}` : ''
          if (isOwn && primary.includes(told.is)) {
            this.#told.push(`${told.is} ${told.seq}${told.is === 'summary' ? '' : words}`)
          }
        }
        return
      case 'text': {
        this.#text += item.text
        this.#hide(this.#text)
        if (observer.agents.get(observer.run(this.run).flow)?.models === undefined) return
        const path = attempts.stepOf(this.run, this.#text)
        this.#must(path !== undefined, `its answer is shown as ${this.#text}`)
        const outcome = observer.run(this.run).outcomes.get(path ?? '')
        const isInTime = outcome === undefined || outcome.seq > this.#seq
        this.#must(isInTime, `text of "${path}" comes behind its outcome`)
        return
      }
      case 'restarted':
        if (this.#text !== '') report.reach('answer that began anew followed')
        this.#text = ''
    }
  }

  end(): void {
    const { report, observer } = this.#world
    const { entries } = observer.run(this.run)
    const told = this.#told.join('\n')
    // That a run has completed is not said: what it has ended with stands in the last answer.
    const isWhole = entries.some(
      ({ kind, seq }) =>
        endKinds.includes(kind) &&
        seq >= this.#seq &&
        entries
          .slice(0, seq)
          .flatMap((entry) => toldOf(entry) ?? [])
          .join('\n') === told,
    )
    this.#must(isWhole, `when it has ended its conversation is told as ${told}`)
    report.reach('conversation told to its end')
  }

  #hide(text: string): void {
    const secret = this.#world.observer.isRedacted ? secretIn(text) : undefined
    this.#must(secret === undefined, `"${secret}" is shown in its conversation`)
  }

  #must(condition: boolean, what: string): void {
    this.#world.report.check(condition, 'conversation', () => `run ${this.run}: ${what}`)
  }
}

/** What stands in an entry of its own. */
const primary: readonly string[] = ['user', 'assistant', 'result', 'error', 'failed', 'cancelled']

/** What is to be told of an entry, where it is one of these. */
function toldOf(entry: Entry): string | undefined {
  const { kind, key, seq } = entry
  const isOfCall = key.startsWith('=call:')
  switch (kind) {
    case 'run.started': {
      const { prompt } = recordOf(entry, kind).input as { readonly prompt: string }
      return `user ${seq} ${prompt}`
    }
    case 'signal.received':
    case 'message.received':
      if (kind === 'signal.received' && key !== '=next message') return undefined
      return `user ${seq} ${asUserMessage(recordOf(entry, kind).value).text}`
    case 'step.completed': {
      if (isOfCall) return `result ${seq}`
      if (key !== '=model') return undefined
      const { answer } = recordOf(entry, kind).value as { readonly answer: Answer }
      return `assistant ${seq} ${answer.content.map(({ text = '' }) => text).join('')}`
    }
    case 'child.completed':
    case 'question.answered':
      return isOfCall ? `result ${seq}` : undefined
    case 'step.failed':
    case 'child.failed':
      return isOfCall ? `error ${seq}` : undefined
    case 'run.failed':
      return `failed ${seq}`
    case 'run.cancelled':
      return `cancelled ${seq}`
    default:
      return undefined
  }
}
