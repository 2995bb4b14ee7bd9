/** The runs that ask people something on behalf of one run: itself and those it has started, however deep. */
import type { Ever } from '../run/index.ts'

/** The id of a child begins with that much of its parent's at most (`childId` in run/operations/child.ts). */
const inheritedMax = 150

/** Those at or below this run whose questions are not closed, the oldest question first. */
export async function runsThatAsk(ever: Ever, top: string): Promise<readonly string[]> {
  const rows = await ever.store.questions({ id: top.slice(0, inheritedMax) })
  const found: string[] = []
  for (const run of new Set(rows.map((row) => row.run))) {
    if (await isWithin(ever, run, top)) found.push(run)
  }
  return found
}

async function isWithin(ever: Ever, run: string, top: string): Promise<boolean> {
  for (let at: string | undefined = run; at !== undefined;) {
    if (at === top) return true
    at = (await ever.store.run(at))?.parent
  }
  return false
}
