/**
 * Where the parts of an import wait until all have come: a file without a name beside the ledger, on the
 * same disk. However many they are, memory holds a few of them, and the ledger is locked for no longer than
 * it takes to copy them. A process that dies leaves nothing: the system takes the file with it.
 */
import { readSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { deserialize, serialize } from 'node:v8'
import type { Ports } from '../../base/ports.ts'
import { assert } from '../../base/errors.ts'
import { type ImportHead, ImportHeads } from '../import-heads.ts'
import type { ImportPart } from '../store.ts'
import { ownerOnly } from './open.ts'

/** What lies in a spool, for another thread of this process: its file is open for as long as it reads. */
export interface Spooled {
  readonly handle: number
  readonly bytes: number
  readonly heads: readonly ImportHead[]
}

/** Parts are written and read several at once, until they hold so much: one by one, the lock would be kept half as long again. */
const unitsAtOnce = 256 * 1024
/** What a part holds beside its payload or its bytes, roughly. */
const unitsOfPart = 256
/** What is written at once stands behind its length. */
const lengthBytes = 4

export class Spool {
  readonly #file: FileHandle
  readonly #heads = new ImportHeads()
  #bytes = 0
  #waiting: ImportPart[] = []
  #waitingUnits = 0

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async open(location: string, ports: Ports): Promise<Spool> {
    const name = Buffer.from(ports.randomBytes(8)).toString('hex')
    const path = `${location}-import-${name}`
    const file = await open(path, 'wx+', ownerOnly.file)
    try {
      rmSync(path)
    } catch (error) {
      await file.close()
      throw error
    }
    return new Spool(file)
  }

  async add(part: ImportPart): Promise<void> {
    this.#heads.take(part)
    this.#waiting.push(part)
    this.#waitingUnits += unitsOfPart + unitsOf(part)
    if (this.#waitingUnits >= unitsAtOnce) await this.#write()
  }

  /** All parts have come. */
  async end(): Promise<Spooled> {
    await this.#write()
    return { handle: this.#file.fd, bytes: this.#bytes, heads: this.#heads.end() }
  }

  /** Also when it failed: nothing of it is left. */
  async close(): Promise<void> {
    await this.#file.close()
  }

  async #write(): Promise<void> {
    const parts = serialize(this.#waiting)
    this.#waiting = []
    this.#waitingUnits = 0
    const length = Buffer.alloc(lengthBytes)
    length.writeUInt32LE(parts.length)
    const content = Buffer.concat([length, parts])
    for (let at = 0; at < content.length;) {
      const { bytesWritten } = await this.#file.write(content, at, content.length - at, this.#bytes)
      at += bytesWritten
      this.#bytes += bytesWritten
    }
  }
}

function unitsOf(part: ImportPart): number {
  if (part.is === 'artifact') return part.artifact.bytes.length
  return part.is === 'entry' ? (part.entry.payload?.length ?? 0) : 0
}

/** The parts that lie in a spool, in order. */
export function* spooledParts({ handle, bytes }: Spooled): Generator<ImportPart, void> {
  const read = (length: number, at: number): Buffer => {
    const content = Buffer.allocUnsafe(length)
    for (let count = 0; count < length;) {
      const more = readSync(handle, content, count, length - count, at + count)
      assert(more > 0, 'The parts of an import are gone.')
      count += more
    }
    return content
  }
  for (let at = 0; at < bytes;) {
    const length = read(lengthBytes, at).readUInt32LE()
    // It was serialised by the class above, in this very process.
    yield* deserialize(read(length, at + lengthBytes)) as readonly ImportPart[]
    at += lengthBytes + length
  }
}
