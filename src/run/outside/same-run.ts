/** Starting under an id that is taken: the same run, or another one. */
import { EverloopError } from '../../base/errors.ts'
import { decode, digestOf, type Entry, type Payloads } from '../../ledger/index.ts'
import type { RunRow, Store } from '../../store/store.ts'

/**
 * Throws RUN_EXISTS unless the run was started with the same flow and input as this genesis. The order of keys
 * makes no other input, and a run of another version of the flow is the same run: it goes on as it began.
 */
export async function checkSame(store: Store, row: RunRow, { payload }: Entry): Promise<void> {
  const [first] = await store.entries(row.id, { limit: 1 })
  const was = decode(first?.payload ?? '{}') as Partial<Payloads['run.started']>
  const is = decode(payload ?? '{}') as Payloads['run.started']
  if (was.flow === is.flow && digestOf(was.input) === digestOf(is.input)) return
  const what = was.flow === is.flow ? 'another input' : `flow "${was.flow}"`
  throw new EverloopError(
    'RUN_EXISTS',
    `A run "${row.id}" exists already, with ${what}. Use another id, or the same flow and input.`,
    { run: row.id },
  )
}
