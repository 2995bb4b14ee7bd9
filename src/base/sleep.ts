/** Letting time pass, on the ports' timers. */
import type { Ports } from './ports.ts'

/** Resolves after at least this many milliseconds. */
export const sleep = (ports: Pick<Ports, 'setTimer'>, ms: number): Promise<void> =>
  new Promise((resolve) => void ports.setTimer(ms, resolve))
