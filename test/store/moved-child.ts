/** Writes runs into a ledger and closes it when told to: `moved-child.ts LOCATION COUNT`. */
import { once } from 'node:events'
import { systemPorts } from '../../src/base/system.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import { ChainBuilder } from '../../src/testing/chain-builder.ts'

const [location = '', count = '0'] = process.argv.slice(2)
const store = await sqliteStore({ location, ports: systemPorts, durability: 'process' })
for (let i = 0; i < Number(count); i++) {
  await store.createRun(new ChainBuilder(`child-${i}`).start())
}
process.stdout.write('ready')
await once(process.stdin, 'data')
await store.close()
process.stdout.write(' closed')
process.exit()
