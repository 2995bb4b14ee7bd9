import type { Ever } from '../../src/run/index.ts'

/** What somebody watches. */
export interface Watched<Item extends { readonly cursor: string }> {
  readonly run: string
  open(ever: Ever, from: { readonly from?: string }): AsyncIterable<Item>
  see(item: Item): void
  /** There is nothing more to see. */
  end(): void
}
