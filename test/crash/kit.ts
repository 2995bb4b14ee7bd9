/** What all points of a sweep are made of: made once, because there are a thousand of them. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from '../../src/index.ts'
import { bundle, bundleFolder } from '../bundled.ts'
import { storeOf } from './recover.ts'

export class Kit implements Disposable {
  /** The program of a scenario's processes, joined with the sources. */
  readonly program: string
  /** Where Node keeps what it has compiled of that. */
  readonly compiled: string
  /** The file of an empty store. */
  readonly store: string
  readonly #folders: readonly string[]

  private constructor(built: string, folder: string) {
    this.program = join(built, 'dist', 'child.js')
    this.compiled = join(built, 'compiled')
    this.store = storeOf(folder)
    this.#folders = [built, folder]
  }

  static async make(): Promise<Kit> {
    const kit = new Kit(bundleFolder(), mkdtempSync(join(tmpdir(), 'everloop-crash-kit-')))
    const [built = '', folder = ''] = kit.#folders
    try {
      await bundle(built, { child: join(import.meta.dirname, 'scenario-child.ts') })
      mkdirSync(join(folder, 'store'))
      const ever = await open({ store: `sqlite:${kit.store}` })
      await ever.close()
      return kit
    } catch (error) {
      kit[Symbol.dispose]()
      throw error
    }
  }

  [Symbol.dispose](): void {
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true })
  }
}
