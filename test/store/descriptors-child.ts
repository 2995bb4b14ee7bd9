/**
 * Claims with a process that has no file descriptor left:
 * `node descriptors-child.ts LOCATION`, under a low limit. Prints what the claim handed out.
 */
import { openSync } from 'node:fs'
import { systemPorts } from '../../src/base/system.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import { testFlow } from '../../src/testing/chain-builder.ts'

const [, , location = ''] = process.argv
const store = await sqliteStore({ location, ports: systemPorts })
await store.openSession({ token: 'out of descriptors', leaseMs: 60_000, name: '' })
await store.runs({ limit: 1 }) // so that all that reading needs is open

let code: unknown
for (let count = 0; count < 10_000 && code === undefined; count++) {
  try {
    openSync('/dev/null', 'r')
  } catch (error) {
    ;({ code } = error as NodeJS.ErrnoException)
  }
}
const { runs } = await store.claim({ session: 'out of descriptors', flows: [testFlow], limit: 10 })
process.stdout.write(`${String(code)} ${runs.length}`)
process.kill(process.pid, 'SIGKILL') // nothing can be opened any more, not even to leave
