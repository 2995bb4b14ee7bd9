/** Artifacts of a run: bytes beside the ledger, identified by their hash in it. */
import { hash } from 'node:crypto'
import { EverloopError } from '../base/errors.ts'
import type { Artifact, Artifacts } from './face.ts'
import type { Pass } from './pass.ts'
import { readPatiently } from './patience.ts'
import type { Scope } from './scope.ts'

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
    const bytes = await pass.hold(
      readPatiently(pass, () => pass.store.artifact(artifact)),
      scope,
    )
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
