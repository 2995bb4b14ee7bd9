/** What stays in a process when everything that is garbage has gone. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface Memory {
  readonly heap: number
  readonly timers: number
}

export async function memory(): Promise<Memory> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let i = 0; i < 4; i++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  return { heap: process.memoryUsage().heapUsed, timers }
}
