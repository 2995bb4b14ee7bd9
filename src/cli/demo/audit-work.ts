/** The flow file of the demo's worker processes: the auditor, as the demo has set it up for them. */
import { EverloopError } from '../../base/errors.ts'
import type { Agent } from '../../index.ts'
import { modelNamed } from './audit-model.ts'
import { auditor } from './auditor.ts'
import type { Called } from './called.ts'

/** What the demo tells its workers, as JSON in `EVERLOOP_DEMO`: where things are, as a deployment would. */
export interface Setting {
  readonly model: string
  readonly thinkMs: number
  readonly directory: string
  readonly report: string
  readonly asked: string
  readonly calls: Called
}

function setting(): Setting {
  const text = process.env['EVERLOOP_DEMO']
  if (text !== undefined) return JSON.parse(text) as Setting
  throw new EverloopError(
    'BAD_OPTION',
    'This is what `everloop demo agent` starts its workers with. Start that.',
  )
}

const { model, directory, report, calls, ...asking } = setting()

export const audit: Agent = auditor({
  model: await modelNamed(model, asking),
  directory,
  report,
  calls,
})
