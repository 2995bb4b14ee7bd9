/**
 * What the user sees of the demo while it goes: a bar for each process on a terminal, plain lines
 * elsewhere.
 */
import { moveCursor, clearScreenDown } from 'node:readline'
import { cleanLine } from '../clean.ts'
import type { Output } from '../output.ts'

type Outcome = 'working' | 'killed' | 'waits' | 'done'

interface Actor {
  readonly pid: number
  /** Steps that were in the ledger when it began. */
  readonly from: number
  to: number
  outcome: Outcome
  /** What it does, where that is told. */
  doing: string
}

const frameMs = 60
const barMax = 40

export class Scene {
  readonly #out: Output
  readonly #isLive: boolean
  readonly #actors: Actor[] = []
  #total: number | undefined
  /** Actors before this one are on lines that stay. */
  #first = 0
  #frame: readonly string[] = []
  #timer: NodeJS.Timeout | undefined
  #told = 0

  constructor(out: Output) {
    this.#out = out
    this.#isLive = out.isTerminal
  }

  /** A line that stays. */
  say(text: string): void {
    this.#erase()
    if (!this.#out.json) process.stdout.write(`${text}\n`)
    this.#draw()
  }

  /** A new process works from here on. */
  begin(pid: number): void {
    const from = this.#actors.at(-1)?.to ?? 0
    this.#actors.push({ pid, from, to: from, outcome: 'working', doing: '' })
    this.#plain(
      `process ${pid} started${from > 0 ? `: ${from} steps are in the ledger and are not executed again` : ''}`,
    )
    this.#change()
  }

  /** So many steps are recorded now, of so many there will be. */
  progress(steps: number, total: number | undefined): void {
    this.#total = total
    const actor = this.#actors.at(-1)
    if (!actor) return
    actor.to = steps
    const quarter = total === undefined ? 0 : Math.floor((steps / total) * 4)
    if (quarter > this.#told)
      this.#plain(`process ${actor.pid}: ${steps} of ${total} steps recorded`)
    this.#told = Math.max(this.#told, quarter)
    this.#change()
  }

  /** What the process does now. */
  doing(text: string): void {
    const actor = this.#actors.at(-1)
    if (!actor || actor.doing === text) return
    actor.doing = text
    if (text !== '') this.#plain(`process ${actor.pid}: ${text}`)
    this.#change()
  }

  /** The process works no more. `why` stands in the place of the usual words. */
  end(outcome: Exclude<Outcome, 'working'>, why?: string): void {
    const actor = this.#actors.at(-1)
    if (!actor) return
    actor.outcome = outcome
    actor.doing = why ?? ''
    this.#plain(`process ${actor.pid} ${this.#ending(actor)}`)
    this.#change()
  }

  /** Lets go of the screen: what is drawn stays, and new processes appear below it. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#draw()
    this.#frame = []
    this.#first = this.#actors.length
  }

  #plain(text: string): void {
    if (!this.#isLive && !this.#out.json) process.stdout.write(`${text}\n`)
  }

  #change(): void {
    if (!this.#isLive) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#draw()
    }, frameMs)
  }

  #draw(): void {
    if (!this.#isLive) return
    const frame = this.#actors.slice(this.#first).map((actor) => this.#line(actor))
    if (frame.join() === this.#frame.join()) return
    this.#erase()
    process.stdout.write(`${frame.join('\n')}\n`)
    this.#frame = frame
  }

  #erase(): void {
    if (this.#frame.length === 0) return
    moveCursor(process.stdout, 0, -this.#frame.length)
    clearScreenDown(process.stdout)
    this.#frame = []
  }

  #line(actor: Actor): string {
    const { pid, from, to, outcome } = actor
    const out = this.#out
    // What surrounds the bar takes about 60 columns.
    const width = Math.max(10, Math.min(barMax, process.stdout.columns - 62))
    // Where nobody knows how much there is to do, each step has a place of its own.
    const total = Math.max(1, this.#total ?? width, to)
    const at = (steps: number): number => Math.round((steps / total) * width)
    const bar =
      out.style('cyan', '░'.repeat(at(from))) +
      out.style(outcome === 'killed' ? 'red' : 'green', '█'.repeat(at(to) - at(from))) +
      out.style('dim', '·'.repeat(width - at(to)))
    const count = (this.#total === undefined ? String(to) : `${to}/${this.#total}`).padStart(7)
    const room = Math.max(12, process.stdout.columns - width - 30)
    const ending = cleanLine(outcome === 'working' ? actor.doing : this.#ending(actor), room)
    const color = outcome === 'killed' ? 'red' : 'dim'
    return `  process ${String(pid).padEnd(7)} ${bar} ${count}  ${out.style(color, ending)}`
  }

  #ending({ outcome, doing }: Actor): string {
    if (doing !== '') return doing
    switch (outcome) {
      case 'killed':
        return 'killed with SIGKILL'
      case 'waits':
        return 'ended: the run waits for an answer'
      case 'done':
        return 'ended: the run is completed'
      case 'working':
        return 'works'
    }
  }
}
