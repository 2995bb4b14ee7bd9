/**
 * Has the writing thread write two batches, of which the second was sent ahead, and waits for nothing else: it
 * says "written" when both are. Usage: ahead-child.ts LOCATION
 */
import { systemPorts } from '../../src/base/system.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import { ChainBuilder } from '../../src/testing/chain-builder.ts'

const [location = ''] = process.argv.slice(2)
const clock = { ms: 0 }
const ports = { ...systemPorts, monotonic: () => clock.ms }
const store = await sqliteStore({ location, ports })
let started = 0
const start = (count: number): Promise<unknown> =>
  Promise.all(
    Array.from({ length: count }, () => store.createRun(new ChainBuilder(`r${started++}`).start())),
  )

// The thread is started, and the queue learns how long a batch takes.
for (let i = 0; i < 20; i++) {
  const written = start(100)
  clock.ms += 10
  await written
}
const first = start(3)
await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)))
clock.ms += 100
await start(1000)
await first
console.log('written')
