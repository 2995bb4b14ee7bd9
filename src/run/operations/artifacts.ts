/** Artifacts of a run: bytes beside the ledger, identified by their hash in it. */
import { hash } from 'node:crypto'
import { EverloopError } from '../../base/errors.ts'
import { current } from '../current.ts'
import type { Artifact, Artifacts } from '../face.ts'
import type { Pass } from '../pass/pass.ts'
import { readPatiently } from '../patience.ts'
import type { Scope } from '../pass/scope.ts'

/** The artifacts face of a handle. `here` is asked at each call: code may keep the face and go elsewhere with it. */
export const artifactsOf = (pass: Pass, here: () => Scope): Artifacts => ({
  put(name, content) {
    const scope = here()
    if (typeof name !== 'string') {
      throw bad('run.artifacts.put takes a name and what it names, a text or bytes.', pass.run)
    }
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
    // The body of a step is not executed by a replay: nothing has to wait while it reads.
    const scope = current()?.step === undefined ? here() : undefined
    const reading = readPatiently(pass, () => pass.store.artifact(artifact))
    const bytes = await (scope ? pass.hold(reading, scope) : reading)
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

/** The bytes as they are now: the caller may go on writing into its own. Of any view they are what it shows. */
function copyOf(content: unknown, run: string): Buffer {
  if (typeof content === 'string') return Buffer.from(content)
  if (ArrayBuffer.isView(content)) {
    const { buffer, byteOffset, byteLength } = content
    return Buffer.from(new Uint8Array(buffer, byteOffset, byteLength))
  }
  if (content instanceof ArrayBuffer) return Buffer.from(new Uint8Array(content))
  throw bad('run.artifacts.put takes a text or bytes.', run)
}

const bad = (message: string, run: string): EverloopError =>
  new EverloopError('BAD_OPTION', message, { run })
