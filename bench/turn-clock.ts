/** What the turns of one agent cost the runtime: from the model's answer to the next question to it. */
import type { AgentHooks } from './agent-flow.ts'

export interface TurnCost {
  readonly turn: number
  readonly ms: number
}

/** An agent that stands at the model until it is told up to which turn it is to go. */
export class TurnClock implements AgentHooks {
  costs: TurnCost[] = []
  /** What the model was asked last. */
  prompt: Parameters<AgentHooks['asked']>[1] = []
  #until = 0
  #answered = 0
  #worked = 0
  #gate: ((verdict: 'call' | 'end') => void) | undefined
  #arrived: (() => void) | undefined

  readonly asked = (
    turn: number,
    prompt: Parameters<AgentHooks['asked']>[1],
  ): 'call' | Promise<'call' | 'end'> => {
    if (this.#answered > 0) {
      this.costs.push({ turn: turn - 1, ms: performance.now() - this.#answered - this.#worked })
    }
    this.prompt = prompt
    if (turn < this.#until) return 'call'
    return new Promise((resolve) => {
      this.#gate = resolve
      this.#arrived?.()
    })
  }

  readonly answering = (): void => {
    this.#worked = 0
    this.#answered = performance.now()
  }

  readonly worked = (ms: number): void => {
    this.#worked += ms
  }

  /** Resolves when the model is asked in this turn. */
  async to(turn: number): Promise<void> {
    this.#until = turn
    const arrived = new Promise<void>((resolve) => (this.#arrived = resolve))
    this.#gate?.('call')
    await arrived
  }

  /** Lets the agent end. */
  end(): void {
    this.#answered = 0
    this.#gate?.('end')
  }
}
