/** Artifacts of a run: bytes beside the ledger, identified by their hash in it. */
import { hash } from 'node:crypto'
import { EverloopError } from '../base/errors.ts'
import type { Artifact, Artifacts } from './face.ts'
import type { Pass } from './pass.ts'
import type { Scope } from './scope.ts'

/** How long reading is put off after the store was in trouble. */
const troubleMs = 100

/** The artifacts face of one scope. */
export const artifactsOf = (pass: Pass, scope: Scope): Artifacts => ({
  put(name, content) {
    // A copy: the caller may go on writing into its own.
    const bytes = pass.options.redactor.bytes(Buffer.from(content))
    const artifact = hash('sha256', bytes, 'base64url')
    const value: Artifact = { artifact, name, bytes: bytes.byteLength }
    return pass.request(scope, 'step', scope.key(`artifact ${name}`), {
      begin: (operation) =>
        pass.conclude(
          operation,
          'step.completed',
          { value },
          { artifacts: [{ hash: artifact, bytes }] },
        ),
    }) as Promise<Artifact>
  },
  async get({ artifact }) {
    const bytes = await pass.hold(read(pass, artifact), scope)
    if (!bytes) {
      throw new EverloopError('UNKNOWN_ARTIFACT', `The store has no artifact ${artifact}.`, {
        run: pass.run,
      })
    }
    if (hash('sha256', bytes, 'base64url') !== artifact) {
      throw new EverloopError(
        'BROKEN_CHAIN',
        `Artifact ${artifact} is not what was kept: its bytes have another hash.`,
        { run: pass.run },
      )
    }
    return bytes
  },
})

/** Reads as soon as the store can be read: its trouble is none of the flow's. */
async function read(pass: Pass, artifact: string): Promise<Uint8Array | undefined> {
  const { store, ports, options } = pass
  for (;;) {
    try {
      return await store.artifact(artifact)
    } catch (error) {
      const isPassing = EverloopError.is(error) && error.code === 'STORE_UNAVAILABLE'
      if (!isPassing || pass.isOver) throw error
      options.onTrouble(error)
      await new Promise<void>((resolve) => void ports.setTimer(troubleMs, resolve))
    }
  }
}
