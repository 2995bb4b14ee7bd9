/**
 * The flow that `everloop demo crash` kills and brings back. It reads every file of a directory,
 * adds up what it found, asks how to order the result, and writes a report.
 *
 * There is nothing about crashes in here, and that is the point: each `run.step` is recorded when
 * it has ended, and a process that takes the run over goes on behind the last record. In code of
 * your own the first import reads: import { flow } from 'everloop'
 */
import { type Flow, flow } from '../../index.ts'
import { counted } from './executions.ts'
import { type Finding, listFiles, measure } from './measure.ts'
import { oneOf } from './one-of.ts'
import { addUp, noTotals, reportOf } from './report.ts'

export interface SurveyInput {
  readonly directory: string
  /** At most so many files are read. */
  readonly filesMax: number
  /** How long reading should take altogether, so that a person can watch it. */
  readonly readMs: number
  /** The file that counts executions outside of the ledger. */
  readonly executions: string
}

export interface SurveyOutput {
  readonly files: number
  /** Why there are not more, if there are. */
  readonly limit: string | undefined
  readonly unreadable: number
  readonly report: string
}

const concurrency = 8
const batchSize = 25

export const survey: Flow<SurveyInput, SurveyOutput> = flow({
  name: 'survey',
  run: async (run, input: SurveyInput): Promise<SurveyOutput> => {
    const { directory, filesMax, readMs } = input
    const step = counted(input.executions)

    // A step: executed once, then served from the ledger for ever.
    const list = await run.step(
      'list files',
      step('list files', 300, () => listFiles(directory, filesMax)),
    )
    const { files } = list
    const paceMs = Math.min(400, (readMs * concurrency) / Math.max(1, files.length))

    // Branches: eight files at a time, each in a scope of its own.
    const findings: Finding[] = await run.map('files', files, { concurrency }, (branch, file, i) =>
      branch.step(
        'measure',
        step(`files/${i}/measure`, paceMs, () => measure(directory, file)),
      ),
    )

    // A loop: its state is data, and `next` commits a turn.
    const totals = await run.loop('fold', { state: noTotals }, async (turn, state) => {
      const batch = findings.slice(state.files, state.files + batchSize)
      const next = await turn.step(
        'add up',
        step(`fold/${turn.turn}/add up`, paceMs, () => addUp(state, batch)),
      )
      return next.files < findings.length ? turn.next(next) : turn.done(next)
    })

    // A question: while it is open the run needs no process at all.
    const order = await run.ask('How shall the report be ordered?', {
      schema: oneOf('lines', 'bytes', 'todos'),
    })

    const text = await run.step(
      'write report',
      step('write report', paceMs, () => reportOf({ directory, list, findings, totals, order })),
    )
    // An artifact: a large value, kept beside the ledger by the hash of its content.
    const { artifact } = await run.artifacts.put('report.md', text)
    return {
      files: files.length,
      limit: list.limit,
      unreadable: totals.unreadable,
      report: artifact,
    }
  },
})
