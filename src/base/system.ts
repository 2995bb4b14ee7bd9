/**
 * The real ports: the only file below the CLI that touches the wall clock, timers and randomness.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Ports, Timer } from './ports.ts'

/** setTimeout takes at most 2^31 - 1 ms (24.8 days) and fires at once beyond it. */
const timerMsMax = 2 ** 31 - 1

/** Waits in slices, so that a timer of 60 days is one of 60 days. */
function setTimer(ms: number, callback: () => void): Timer {
  let left = Math.max(0, ms)
  let current: NodeJS.Timeout
  let isLoose = false
  const arm = (): void => {
    const slice = Math.min(left, timerMsMax)
    current = setTimeout(() => {
      left -= slice
      if (left > 0) arm()
      else callback()
    }, slice)
    if (isLoose) current.unref()
  }
  arm()
  return {
    cancel: () => clearTimeout(current),
    loosen: () => {
      isLoose = true
      current.unref()
    },
  }
}

/** Drawing a few bytes costs as much as drawing a few thousand: they are drawn ahead, and each is handed out once. */
const poolBytes = 8192
let pool = Buffer.alloc(0)
let drawnBytes = 0

function drawBytes(count: number): Uint8Array {
  if (count > poolBytes / 8) return randomBytes(count)
  if (drawnBytes + count > pool.length) {
    pool = randomBytes(poolBytes)
    drawnBytes = 0
  }
  drawnBytes += count
  return pool.subarray(drawnBytes - count, drawnBytes)
}

// As they were when this was loaded: a test runner that fakes time fakes these, too, which are none.
const nextTick = process.nextTick.bind(process)
const soon = setImmediate

const settled = Promise.resolve()

/**
 * A tick that is queued from within a tick runs before microtasks do, so it is queued from a
 * microtask: then all others, and those they queue, come first. A promise's microtask takes 60 % of
 * queueMicrotask's time, and the callback is executed by the tick, where a throw is not a rejection.
 */
const afterMicrotasks = (callback: () => void): void => {
  void settled.then(() => nextTick(callback))
}

/** How long this thread was ready to go on and had no processor. Linux tells; elsewhere it is not known. */
function starvedMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6 || 0
  } catch {
    return 0
  }
}

/** The ports of a real process. */
export const systemPorts: Ports = {
  clock: { now: () => Date.now() },
  monotonic: () => performance.now(),
  busy: () => performance.eventLoopUtilization().active - starvedMs(),
  setTimer,
  afterMicrotasks,
  nextTurn: (callback) => void soon(callback),
  randomBytes: drawBytes,
}

/** Whether the process says of itself that it is in production. */
export const isProduction = (): boolean => process.env['NODE_ENV'] === 'production'
