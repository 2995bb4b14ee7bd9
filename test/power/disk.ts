/**
 * A disk as the standard describes it, fed with recorded calls: what a sync has made durable stays,
 * and of everything since any part may be there after a cut of the power.
 *
 * Stricter than most file systems: syncing a file says nothing about its name, which needs a sync
 * of its folder, and names that changed may come back in any state they have had since.
 */
import { dirname } from 'node:path'
import type { Call } from '../crash/recording.ts'

/** A change of a file's content that has not been synced. */
export type Change =
  | { readonly is: 'write'; readonly at: number; readonly data: Buffer }
  | { readonly is: 'size'; readonly size: number }

export class File {
  /** Content as of the last sync. */
  durable: Buffer = Buffer.alloc(0)
  pending: Change[] = []

  sync(): void {
    for (const change of this.pending) this.durable = applied(this.durable, change)
    this.pending = []
  }
}

export type Node = File | 'folder'

/** The states of a name since its folder was synced, the durable one first; undefined: not there. */
export type Names = ReadonlyMap<string, readonly (Node | undefined)[]>

export class Disk {
  readonly #root: string
  readonly #names = new Map<string, (Node | undefined)[]>()

  /** Everything below this folder is on the disk; the folder itself is. */
  constructor(root: string) {
    this.#root = root
  }

  get names(): Names {
    return this.#names
  }

  /** Does what the call did. */
  apply({ op, path, at, data }: Call): void {
    switch (op) {
      case 'W':
        this.#file(path).pending.push({ is: 'write', at, data })
        return
      case 'T':
        this.#file(path).pending.push({ is: 'size', size: at })
        return
      case 'S':
        this.#sync(path)
        return
      case 'C':
        this.#set(path, new File())
        return
      case 'D':
        this.#set(path, 'folder')
        return
      case 'U':
      case 'X':
        this.#set(path, undefined)
        return
      case 'R':
        this.#set(data.toString('utf8'), this.#node(path))
        this.#set(path, undefined)
        return
      case 'M':
        return
    }
  }

  #sync(path: string): void {
    const node = this.#node(path)
    if (node instanceof File) node.sync()
    else {
      for (const [name, states] of this.#names) {
        if (dirname(name) === path) this.#names.set(name, states.slice(-1))
      }
    }
  }

  #set(path: string, node: Node | undefined): void {
    const states = this.#names.get(path) ?? [undefined]
    this.#names.set(path, [...states, node])
  }

  #node(path: string): Node | undefined {
    return path === this.#root ? 'folder' : this.#names.get(path)?.at(-1)
  }

  #file(path: string): File {
    const node = this.#node(path)
    if (node instanceof File) return node
    throw new Error(`A file was written that was never made: ${path}`)
  }
}

/** The content after the change. May reuse the buffer it is given. */
export function applied(content: Buffer, change: Change): Buffer {
  if (change.is === 'size') return resized(content, change.size)
  const grown = resized(content, Math.max(content.length, change.at + change.data.length))
  change.data.copy(grown, change.at)
  return grown
}

function resized(content: Buffer, size: number): Buffer {
  if (size <= content.length) return content.subarray(0, size)
  // A view of a larger buffer can grow in place; what lies behind it may be old, and is cleared.
  const spare = content.byteOffset === 0 ? content.buffer.byteLength : 0
  const grown =
    size <= spare ? Buffer.from(content.buffer, 0, size) : Buffer.alloc(size * 2).subarray(0, size)
  if (size > spare) content.copy(grown)
  grown.fill(0, content.length)
  return grown
}
