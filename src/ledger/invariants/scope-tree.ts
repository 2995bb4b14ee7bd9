/**
 * Something about each scope of a run, as a tree: what is known of a scope that has closed goes with
 * all that was inside it, in one step, however many scopes are open beside it.
 */

interface Node<T> {
  readonly value: T
  /** By the segment that leads there. */
  readonly inner: Map<string, Node<T>>
}

export class ScopeTree<T> {
  readonly #make: () => T
  readonly #root: Node<T>

  /** `make` is called for each scope when it is first asked for. */
  constructor(make: () => T) {
    this.#make = make
    this.#root = this.#node()
  }

  /** What is known of the scope. */
  at(path: string): T {
    let node = this.#root
    for (const segment of segmentsOf(path)) {
      let next = node.inner.get(segment)
      if (!next) {
        next = this.#node()
        node.inner.set(segment, next)
      }
      node = next
    }
    return node.value
  }

  /** The scopes around this one, outermost first, each with the segment that leads further in. */
  *around(path: string): Generator<{ readonly value: T; readonly segment: string }> {
    let node: Node<T> | undefined = this.#root
    for (const segment of segmentsOf(path)) {
      if (!node) return
      yield { value: node.value, segment }
      node = node.inner.get(segment)
    }
  }

  /** Forgets what is inside this scope at this segment. */
  drop(path: string, segment: string): void {
    let node: Node<T> | undefined = this.#root
    for (const step of segmentsOf(path)) node = node?.inner.get(step)
    node?.inner.delete(segment)
  }

  /** What is known of all scopes, or of this one and those inside. */
  *values(path = ''): Generator<T> {
    let from: Node<T> | undefined = this.#root
    for (const segment of segmentsOf(path)) from = from?.inner.get(segment)
    const left = from ? [from] : []
    for (let node = left.pop(); node; node = left.pop()) {
      yield node.value
      left.push(...node.inner.values())
    }
  }

  #node(): Node<T> {
    return { value: this.#make(), inner: new Map() }
  }
}

const segmentsOf = (path: string): readonly string[] => (path === '' ? [] : path.split('/'))
