/** How long many callers at once take, and whether the event loop breathes meanwhile. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

export interface Timed {
  readonly ms: number
  /** Processor time of all threads. */
  readonly cpuMs: number
  /** The 99th percentile of the interval of a timer of 1 ms. */
  readonly delayMs: number
}

export async function timed(work: () => Promise<unknown>): Promise<Timed> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const start = performance.now()
  const cpu = process.cpuUsage()
  await work()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  delay.disable()
  return { ms, cpuMs: (user + system) / 1000, delayMs: delay.percentile(99) / 1e6 }
}
