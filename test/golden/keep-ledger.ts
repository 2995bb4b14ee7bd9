/** Puts a ledger into a store as the workers have that wrote it. */
import assert from 'node:assert/strict'
import { decode, type Entry, type Payloads } from '../../src/ledger/index.ts'
import type { NewArtifact, Store } from '../../src/store/store.ts'

export async function keepLedger(
  store: Store,
  [genesis, ...rest]: readonly Entry[],
  artifacts: readonly NewArtifact[] = [],
): Promise<void> {
  if (!genesis) return
  const { run, time } = genesis
  const { flow, version, queue } = decode(genesis.payload ?? '{}') as Payloads['run.started']
  await store.createRun({
    genesis,
    flow,
    version,
    queue,
    labels: {},
    parent: undefined,
    wake: time,
    artifacts,
  })
  let after = { seq: 1, hash: genesis.hash }
  for (let epoch = 1; epoch <= (rest.at(-1)?.epoch ?? 0); epoch++) {
    const session = `session ${epoch} of ${run}`
    await store.openSession({ token: session, name: 'golden', leaseMs: 10_000 })
    await store.claim({ session, flows: [], limit: 1, run })
    const entries = rest.filter((entry) => entry.epoch === epoch)
    const release = { wake: time, seen: 0 }
    const { is } = await store.append({ run, session, epoch, after, entries, release })
    assert.equal(is, 'committed')
    after = entries.at(-1) ?? after
    await store.closeSession(session)
  }
}
