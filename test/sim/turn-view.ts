/** One turn of an agent's loop, as the ledger has it. */
import { asUserMessage } from '../../src/agent/loop/prompt.ts'
import { explicitKey, operationPath } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import type { Mirror } from './mirror.ts'
import { recordOf } from './record-of.ts'

export class TurnView {
  readonly #run: Mirror
  readonly #scope: string

  constructor(run: Mirror, turn: number) {
    this.#run = run
    this.#scope = `turns/${turn}`
  }

  /** The turn that this operation stands in. */
  static around(run: Mirror, path: string): TurnView {
    return new TurnView(run, Number(/^turns\/(\d+)\//.exec(path)?.[1]))
  }

  outcome(key: string): Entry | undefined {
    return this.#run.outcomes.get(operationPath(this.#scope, explicitKey(key)))
  }

  /** Whether guards let it pass, or the person whom they have asked. */
  passes(key: string): boolean {
    const ruling = this.outcome(key)
    if (!ruling) return true
    const { outcome } = recordOf(ruling, 'guard.decided') as { readonly outcome?: string }
    if (outcome !== 'ask') return outcome === 'allow'
    const said = this.outcome(`${key} asked`)
    const value =
      said && (recordOf(said, 'question.answered').value as { readonly verdict: string })
    return value?.verdict === 'allow'
  }

  /** The text that guards have put in its place. */
  fixed(key: string): string | undefined {
    const ruling = this.outcome(key)
    return ruling && (recordOf(ruling, 'guard.decided').fixed?.value as string | undefined)
  }

  /** What was said to the agent in this turn, in order. */
  get messages(): readonly string[] {
    const next = this.outcome('next message')
    const received = next?.kind === 'signal.received' ? [next] : []
    for (let n = 1; ; n++) {
      const message = this.outcome(`message:${n}`)
      if (!message) break
      received.push(message)
    }
    return received.map((entry) => asUserMessage(recordOf(entry, 'message.received').value).text)
  }

  /** What the model answered. */
  get answer(): Answer | undefined {
    const model = this.outcome('model')
    if (model?.kind !== 'step.completed') return undefined
    return (recordOf(model, model.kind).value as { readonly answer: Answer }).answer
  }
}

export interface Answer {
  readonly content: readonly {
    readonly type: string
    readonly text?: string
    readonly id?: string
    readonly name?: string
  }[]
}
