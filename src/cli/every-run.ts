/** Goes through the runs of a store page by page: there may be millions. */
import type { Ever, ListOptions, RunInfo } from '../run/index.ts'

const pageMax = 500

/** All runs that fit, the newest first. */
export async function* everyRun(
  ever: Ever,
  filter: Omit<ListOptions, 'limit' | 'before'>,
): AsyncGenerator<RunInfo, void> {
  for (let before: string | undefined; ;) {
    const from = before === undefined ? {} : { before }
    const page = await ever.list({ ...filter, ...from, limit: pageMax })
    yield* page
    if (page.length < pageMax) return
    before = page.at(-1)?.id
  }
}
