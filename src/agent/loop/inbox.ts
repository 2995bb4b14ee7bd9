/**
 * Messages that come while the agent is at work: taken as they come, and given to the model at the
 * next turn. Costs nothing while none comes.
 */
import { receiveIn, type Reception } from '../../run/inside.ts'
import type { Run } from '../../run/index.ts'
import { asUserMessage } from './prompt.ts'
import type { UserMessage } from './state.ts'

/** The name of the signals that bring messages. */
export const messageSignal = 'message'

export class Inbox {
  readonly #run: Run
  readonly #messages: UserMessage[] = []
  #reception: Reception | undefined
  #opened = 0

  constructor(run: Run) {
    this.#run = run
    this.#listen()
  }

  /** Whether anything has come so far. */
  get hasMessages(): boolean {
    return this.#messages.length > 0
  }

  /** Ends the run with this output, unless somebody has spoken by then. Returns what came. */
  async orEnd(output: unknown): Promise<readonly UserMessage[]> {
    if (!this.hasMessages) {
      this.#reception?.orEnd(output)
      await this.#reception?.message
    }
    return this.close()
  }

  /** Takes nothing more. Returns what came, the oldest first. */
  async close(): Promise<readonly UserMessage[]> {
    // A message that is being taken comes through; by then the next reception is open.
    while (this.#reception && !this.#reception.stop()) await this.#reception.message
    this.#reception = undefined
    return this.#messages
  }

  #listen(): void {
    this.#opened++
    const reception = receiveIn(this.#run, messageSignal, `message:${this.#opened}`)
    this.#reception = reception
    reception.message.then(({ value, by }) => {
      this.#listen() // first: whatever the message is, the next one is listened for
      this.#messages.push(asUserMessage(value, by))
    }, ignore)
  }
}

/** The run was cancelled: the code is told so where it waits for something. */
const ignore = (): void => {}
