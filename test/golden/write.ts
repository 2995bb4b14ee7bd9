/**
 * Writes the ledgers of this version: `node test/golden/write.ts 0.1`. Done once, when a version is
 * made; what is written is never written again.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { artifactsNamed } from '../../src/ledger/index.ts'
import { testRuntime } from '../../src/testing/index.ts'
import { golden, goldenFlows } from './flows.ts'

const [version = ''] = process.argv.slice(2)
for (const [name, { flow, drive, ...rest }] of Object.entries(golden)) {
  const path = join(import.meta.dirname, version, `${name}.json`)
  if (existsSync(path)) continue
  const { input } = { input: undefined, ...rest }
  await using runtime = await testRuntime({ flows: goldenFlows, seed: 1 })
  const run = await runtime.ever.start(flow as never, input as never, { id: name, by: 'Zoe' })
  await runtime.settled(run)
  await drive(runtime)
  const end = await runtime.settled(run)
  const { store } = runtime
  const entries = await store.entries(name)
  const names = entries.flatMap(({ payload }) => artifactsNamed(payload))
  const artifacts = await Promise.all(
    names.map(async (hash) => [
      hash,
      Buffer.from((await store.artifact(hash)) ?? []).toString('base64'),
    ]),
  )
  const beside = names.length === 0 ? {} : { artifacts: Object.fromEntries(artifacts) as object }
  const stored = { row: await store.run(name), end, entries, ...beside }
  writeFileSync(path, `${JSON.stringify(stored, undefined, 1)}\n`, { flag: 'wx' })
}
