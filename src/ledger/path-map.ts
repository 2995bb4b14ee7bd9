/**
 * A map whose keys are paths of scopes or operations. It finds what lies inside a scope without going
 * through everything else: thousands of scopes may be open, and they close one at a time.
 */
import { LateMap } from '../base/late-map.ts'

export class PathMap<T> extends Map<string, T> {
  /** By scope: the paths inside it. Not for scope "", in which all of them are. */
  readonly #inside = new LateMap<string, Set<string>>()

  constructor(entries: Iterable<readonly [string, T]> = []) {
    super()
    for (const [path, value] of entries) this.set(path, value)
  }

  override set(path: string, value: T): this {
    if (!this.has(path)) {
      for (const around of pathsAround(path)) {
        const others = this.#inside.get(around)
        if (others) others.add(path)
        else this.#inside.set(around, new Set([path]))
      }
    }
    return super.set(path, value)
  }

  override delete(path: string): boolean {
    if (!super.delete(path)) return false
    for (const around of pathsAround(path)) {
      const others = this.#inside.get(around)
      others?.delete(path)
      if (others?.size === 0) this.#inside.delete(around)
    }
    return true
  }

  override clear(): void {
    super.clear()
    this.#inside.clear()
  }

  /** The paths inside the scope, without its own. */
  inside(scope: string): readonly string[] {
    const paths = scope === '' ? this.keys() : this.#inside.get(scope)
    return paths ? [...paths] : []
  }

  /** Forgets the scope and what is inside. */
  deleteWithin(scope: string): void {
    for (const path of this.inside(scope)) this.delete(path)
    this.delete(scope)
  }
}

function* pathsAround(path: string): Generator<string> {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    yield path.slice(0, end)
  }
}
