/** What a move to another version must find, and what must not come behind it. */
import { isWithin } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import type { Mirror } from './mirror.ts'
import type { Must } from './must.ts'
import type { Sight } from './sight.ts'

/** The path of each loop that a path lies in. Programs call them so. */
const loopsAround = (path: string): string[] =>
  [...path.matchAll(/(?:^|\/)loop-\d+(?=\/|$)/g)].map(({ 0: name, index }) =>
    path.slice(0, index + name.length),
  )

/** `entry` is about to be added to the run. */
export function checkMove({ report }: Sight, run: Mirror, entry: Entry, must: Must): void {
  const { head } = run
  const before = run.entries.at(-2)
  if (before?.kind === 'run.migrated' && head) {
    must(entry.epoch > head.epoch, 'move', 'the pass that has moved the run goes on')
  }
  if (head?.kind !== 'run.migrated') return
  report.reach('run moved to another version')
  if (loopsAround(entry.scope).length > 1) report.reach('run moved inside the turn of another loop')
  for (const path of run.begun.keys()) {
    const beside = loopsAround(path).find((loop) => !isWithin(entry.scope, loop))
    must(beside === undefined, 'move', `"${path}" is open in a loop beside`)
  }
}
