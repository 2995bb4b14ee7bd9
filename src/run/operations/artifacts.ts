/** Artifacts of a run: bytes beside the ledger, identified by their hash in it. */
import { hash } from 'node:crypto'
import { EverloopError } from '../../base/errors.ts'
import type { Artifact, Artifacts } from '../face.ts'
import type { Pass } from '../pass/pass.ts'
import { readPatiently } from '../patience.ts'
import type { Scope } from '../pass/scope.ts'

/** The artifacts face of one scope. */
export const artifactsOf = (pass: Pass, scope: Scope): Artifacts => ({
  put(name, content) {
    const bytes = pass.options.redactor.bytes(copyOf(content, pass.run))
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
  async get(given) {
    if (typeof (given as Partial<Artifact> | undefined)?.artifact !== 'string') {
      throw bad('run.artifacts.get takes what run.artifacts.put returned.', pass.run)
    }
    const { artifact } = given
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

/** The bytes as they are now: the caller may go on writing into its own. */
function copyOf(content: string | Uint8Array, run: string): Buffer {
  try {
    return Buffer.from(content)
  } catch {
    throw bad('run.artifacts.put takes a text or bytes.', run)
  }
}

const bad = (message: string, run: string): EverloopError =>
  new EverloopError('BAD_OPTION', message, { run })
