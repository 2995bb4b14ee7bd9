/**
 * A client as a careful user would write it: it repeats what it was not told to have been accepted,
 * and never what it was. So whatever is lost after an acknowledgement stays lost, and shows.
 */
import {
  EverloopError,
  type Ever,
  type Flow,
  type Settled,
  type StartOptions,
} from '../../src/index.ts'
import type { World } from './world.ts'

export class Client {
  readonly ever: Ever
  readonly world: World
  readonly #acknowledged: Set<string>

  constructor(ever: Ever, world: World) {
    this.ever = ever
    this.world = world
    this.#acknowledged = new Set(
      world.lines().flatMap((line) => (line.is === 'acknowledged' ? [line.what] : [])),
    )
  }

  async start<I, O>(
    flow: Flow<I, O>,
    input: NoInfer<I>,
    options: StartOptions & { readonly id: string },
  ): Promise<void> {
    await this.#once(`start ${options.id}`, () => this.ever.start(flow, input, options))
  }

  /** The id makes a second delivery harmless. */
  async signal(run: string, name: string, value: unknown, id: string): Promise<void> {
    await this.#once(`signal ${run} ${id}`, () => this.ever.signal(run, name, value, { id }))
  }

  /** Answers the run's first question. */
  async answer(run: string, value: unknown): Promise<void> {
    await this.#once(`answer ${run}`, async () => {
      const settled = await this.rest(run, 'waiting')
      const [question] = await this.ever.questions({ run })
      // Taken already: the process that asked for it died before it could say so.
      if (settled.status !== 'waiting' || !question) return
      await this.ever.answer(question.id, value)
    })
  }

  /** Approves the first call of the run that waits for a person, and exactly what was shown. */
  async approve(run: string): Promise<void> {
    await this.#once(`approve ${run}`, async () => {
      await this.known(run)
      const reference = await this.ever.get(run)
      for (;;) {
        const [open] = await this.ever.approvals.list({ run })
        if (open && !open.isAnswered) {
          const { id, digest: shown } = open
          return this.ever.approvals.approve(id, { by: 'eve', channel: 'sweep', shown })
        }
        if (isEnded(await reference.status())) return
        await pause()
      }
    })
  }

  /** Answers whatever the run asks about calls in doubt, until it has ended. */
  async attend(run: string, answer: () => unknown): Promise<void> {
    await this.known(run)
    const reference = await this.ever.get(run)
    while (!isEnded(await reference.status())) {
      for (const { id, kind } of await this.ever.questions({ run })) {
        if (kind === 'effect') await this.#answerOpen(id, answer())
      }
      await pause()
    }
  }

  async #answerOpen(id: string, value: unknown): Promise<void> {
    try {
      await this.ever.answer(id, value, { by: 'eve' })
    } catch (error) {
      // Answered already, and not taken yet.
      if (!EverloopError.is(error) || error.code !== 'QUESTION_CLOSED') throw error
    }
  }

  /** Cancels a run that waits. */
  async cancel(run: string): Promise<void> {
    await this.#when(run, 'cancel', 'waiting', () => this.ever.cancel(run, 'enough'))
  }

  async pause(run: string): Promise<void> {
    await this.#when(run, 'pause', 'waiting', () => this.ever.pause(run))
  }

  async resume(run: string): Promise<void> {
    await this.#when(run, 'resume', 'paused', () => this.ever.resume(run))
  }

  async retry(run: string): Promise<void> {
    await this.#when(run, 'retry', 'failed', () => this.ever.retry(run))
  }

  /** Waits until the run has ended as it must, and keeps what it was told. */
  async end(run: string, status: Settled['status'] = 'completed'): Promise<void> {
    let end = await this.rest(run)
    // A retry that was accepted and not taken yet: the run still stands where it failed.
    for (; end.status !== status; end = await this.rest(run)) await pause()
    await this.#once(`end ${run}`, () => Promise.resolve(end), endText(end))
  }

  /** The id of the run's child of this flow, once there is one. */
  async childOf(parent: string, flow: string): Promise<string> {
    for (;;) {
      const [child] = await this.ever.list({ parent, flow })
      if (child) return child.id
      await pause()
    }
  }

  /** Waits until the run has ended, or has come to rest in one of these statuses. */
  async rest(run: string, ...statuses: readonly Settled['status'][]): Promise<Settled> {
    await this.known(run)
    const reference = await this.ever.get(run)
    for (;;) {
      const settled = await reference.settled()
      if (statuses.includes(settled.status) || isEnded(settled)) return settled
      await pause()
    }
  }

  /** A request that is sent only while the run is in this status; otherwise it was sent before. */
  async #when(
    run: string,
    what: string,
    status: Settled['status'],
    request: () => Promise<void>,
  ): Promise<void> {
    await this.#once(`${what} ${run}`, async () => {
      // Paused or waiting instead: the request was taken, and its reply was lost with the process.
      const settled = await this.rest(run, status, 'paused', 'waiting')
      if (settled.status !== status) return
      try {
        await request()
      } catch (error) {
        // The same, but it was taken only just now.
        if (!EverloopError.is(error) || error.code !== 'RUN_STATE') throw error
      }
    })
  }

  async #once(what: string, request: () => Promise<unknown>, value?: string): Promise<void> {
    if (this.#acknowledged.has(what)) return
    await request()
    this.world.acknowledged(what, value)
    this.#acknowledged.add(what)
  }

  /** Waits until the run is there: another process may be the one that starts it. */
  async known(run: string): Promise<void> {
    while (!this.#acknowledged.has(`start ${run}`)) {
      try {
        await this.ever.get(run)
        return
      } catch (error) {
        if (!EverloopError.is(error) || error.code !== 'UNKNOWN_RUN') throw error
        await pause()
      }
    }
  }
}

/** How a run ended, as one text that can be compared. */
export const endText = (settled: Settled): string =>
  settled.status === 'completed'
    ? `completed ${JSON.stringify(settled.output)}`
    : settled.status === 'failed'
      ? `failed ${settled.error.message}`
      : settled.status

const isEnded = ({ status }: { readonly status: string }): boolean =>
  status === 'completed' || status === 'failed' || status === 'cancelled'

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))
