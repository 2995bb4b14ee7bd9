/**
 * One of three processes that begin together on one new file: opens it, starts its own runs, works
 * on all. Arguments: the folder, its number. Each line it writes says what the store granted it.
 */
import { existsSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { systemPorts } from '../../src/base/system.ts'
import { open } from '../../src/index.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import { type Granted, pairOfSteps, runsEach } from './one-of-three.ts'
import { storeOf } from './recover.ts'
import { wrapStore } from './wrapped-store.ts'

const [folder = '', number = ''] = process.argv.slice(2)
const log = openSync(join(folder, `granted-${number}`), 'a')
const tell = (granted: Granted): void => void writeSync(log, `${JSON.stringify(granted)}\n`)

tell({ is: 'ready' })
while (!existsSync(join(folder, 'go'))) await setTimeout(1)
const store = await sqliteStore({ location: storeOf(folder), ports: systemPorts })
const watched = wrapStore(store, {
  claim: async (request) => {
    const result = await store.claim(request)
    for (const { id, epoch } of result.runs) tell({ is: 'claimed', run: id, epoch })
    return result
  },
  append: async (append) => {
    const result = await store.append(append)
    const { run, epoch, entries } = append
    if (result.is === 'committed') {
      for (const { hash } of entries) tell({ is: 'written', run, epoch, hash })
    }
    return result
  },
})
const ever = await open({
  store: watched,
  flows: [pairOfSteps],
  work: { concurrency: 16 },
  name: number,
  onTrouble: (error, run) => tell({ is: 'trouble', what: `${run ?? 'store'}: ${String(error)}` }),
})
const ids = Array.from({ length: runsEach }, (_, i) => `p${number}-${i}`)
const runs = await Promise.all(ids.map((id) => ever.start(pairOfSteps, id, { id })))
const outputs = await Promise.all(runs.map((run) => run.result()))
if (outputs.some((output, i) => output !== `${ids[i]} a b`))
  throw new Error('A run gave another output.')
await ever.work({ until: 'idle' })
await ever.close()
