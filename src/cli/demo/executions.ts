/**
 * Counts executions outside of the ledger: each step body of the demo appends one line to a file,
 * so that "executed once" is measured and not taken from the system that claims it.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** One execution of a step body, to its end. */
export interface Execution {
  /** The process that executed it. */
  readonly pid: number
  /** The step, as its path in the run. */
  readonly step: string
}

type Counted = <T>(step: string, paceMs: number, body: () => T | Promise<T>) => () => Promise<T>

/** Makes bodies that take their time, do their work, and leave a line behind. */
export function counted(file: string): Counted {
  return (step, paceMs, body) => async () => {
    await pause(paceMs)
    const value = await body()
    leave(file, step)
    return value
  }
}

/** Leaves a line behind. Appended in one write, so that several processes may use the file. */
export function leave(file: string, step: string): void {
  appendFileSync(file, `${process.pid}\t${step}\n`)
}

/** What the file holds so far. */
export function readExecutions(file: string): Execution[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  // A line without its end is still being written.
  return lines.slice(0, -1).map((line) => {
    const at = line.indexOf('\t')
    return { pid: Number(line.slice(0, at)), step: line.slice(at + 1) }
  })
}
