/**
 * Runs that a run starts and waits for. Each is started in the transaction that records it.
 *
 * When a retry has forgotten how one ended, or nobody waited for it any more, the code asks for it again. It is
 * the same run then, if it can be (R5, see replay/earlier-child.ts).
 */
import { EverloopError } from '../../base/errors.ts'
import { digestOf, encode } from '../../ledger/index.ts'
import type { Ancestor, Payloads } from '../../ledger/index.ts'
import type { NewMessage } from '../../store/store.ts'
import { checkOptions } from '../../base/options.ts'
import { actor } from '../actor.ts'
import { asItIs } from '../as-it-is.ts'
import type { AnyFlow, ChildOptions } from '../face.ts'
import { isFlow } from '../flow.ts'
import type { Operation } from '../pass/operation.ts'
import type { Pass } from '../pass/pass.ts'
import type { Scope } from '../pass/scope.ts'
import { type Pause, unable } from '../pass/stop.ts'
import { tainted } from '../pass/taints.ts'
import { readPatiently } from '../patience.ts'
import { earlierChild, type EarlierChild, hasActed, leavesDone } from '../replay/earlier-child.ts'
import { payloadWith } from '../replay/large.ts'
import type { Recorded } from '../replay/recorded.ts'
import { beginTime } from '../replay/reader.ts'
import { checkPlacement, newRun } from '../work/genesis.ts'
import { register } from './waits.ts'

/** A child run to start. */
export interface ChildCall {
  readonly flow: AnyFlow
  readonly input: unknown
  readonly options: ChildOptions
  /** Outputs of more characters than this are kept as artifacts. Default: those of 256 K. */
  readonly largeAt?: number
}

/** Starts a child run and waits for its end. */
export function child(pass: Pass, scope: Scope, call: ChildCall): Promise<unknown> {
  const { flow, options, largeAt } = call
  checkOptions('run.child', options, ['queue', 'labels', 'key'])
  if (!isFlow(flow)) {
    throw new EverloopError('BAD_OPTION', 'run.child takes a flow that was made with flow(…).', {
      run: pass.run,
    })
  }
  const key = scope.key(flow.name, options.key)
  checkPlacement(options)
  const { queue, labels } = asItIs(options)
  const input = asItIs(call.input)
  const digest = digestOf(input)
  const start = (operation: Operation, taken: readonly number[] = []): void => {
    const id = operation.child ?? childId(pass)
    operation.child = id
    const created = newRun(pass.options, {
      id,
      flow,
      input,
      queue,
      labels,
      parent: { run: pass.run, scope: scope.path, key },
      // It is done for whoever asked for this run.
      by: pass.reader.beginning.record.by,
      ancestors: ancestorsOfChild(pass),
      ...pass.options.taints.told(),
    })
    const record = { run: id, flow: flow.name, input: digest }
    register(pass, operation, 'child.started', record, { create: [created], taken })
  }
  const begin = (operation: Operation): void => {
    const earlier = pass.recorded.earlierChild(operation.path)
    if (operation.begun || !earlier) return start(operation)
    const isOther = earlier.flow !== flow.name || earlier.input !== digest
    void comeBackTo(pass, operation, { earlier, isOther, largeAt, start })
  }
  return pass.request(scope, 'child', key, {
    input: digest,
    largeAt,
    begin,
    onEnd: (operation) => {
      operation.phase = 'busy'
      operation.child = undefined
      begin(operation)
    },
  })
}

interface Again {
  readonly earlier: Payloads['child.started']
  /** The code asks for something else now. */
  readonly isOther: boolean
  readonly largeAt: number | undefined
  /** Starts another run. */
  readonly start: (operation: Operation, taken: readonly number[]) => void
}

/** Goes on with a run that was started here before, where that can be. */
async function comeBackTo(pass: Pass, operation: Operation, again: Again): Promise<void> {
  const { earlier, isOther, start } = again
  const { store, run: parent } = pass
  try {
    const found = await readPatiently(pass, () => earlierChild(store, { parent, run: earlier.run }))
    const hindrance = await readPatiently(pass, () => hindranceOf(pass, operation, again, found))
    if (isOver(pass, operation)) return
    if (hindrance) leaveTo(pass, operation, hindrance)
    else if (found.is === 'ending') {
      operation.child = earlier.run
      // Or it would be told of an earlier end for ever.
      if (found.stale.length > 0) pass.commit({ drafts: [], taken: found.stale })
      pass.wait(operation, undefined)
    } else if (found.is === 'gone' || isOther) start(operation, found.stale)
    else goOn(pass, operation, { ...again, found })
  } catch (error) {
    if (isOver(pass, operation)) return
    if (!EverloopError.is(error)) {
      const message = `What has become of run "${earlier.run}" could not be read.`
      return pass.drop(new EverloopError('INTERNAL', message, { run: pass.run, cause: error }))
    }
    // The store's trouble is none of the run's: whoever claims it next looks again.
    if (error.code.startsWith('STORE_')) return pass.drop(error)
    leaveTo(pass, operation, unable(operation, error))
  }
}

/** What a person has to decide before another run takes the place of the earlier one (R5). */
async function hindranceOf(
  { store, recorded }: Pass,
  operation: Operation,
  { earlier: { run }, isOther }: Again,
  { is }: EarlierChild,
): Promise<Pause | undefined> {
  if (is === 'ending') return undefined
  if (is === 'gone') {
    const isFree = recorded.mayBeginAnew || !(await leavesDone(store, run))
    return isFree ? undefined : gone(operation, run)
  }
  if (!isOther) return undefined
  if (is === 'under way') return drifted(operation, run, `Or cancel run "${run}", and then`)
  const isFree = recorded.mayBeginAnew || !(await hasActed(store, run))
  return isFree ? undefined : drifted(operation, run, 'Or')
}

/** Somebody has to see to it. */
function leaveTo(pass: Pass, operation: Operation, pause: Pause): void {
  pass.wait(operation, undefined)
  pass.stop(pause)
}

const drifted = ({ path }: Operation, run: string, or: string): Pause => ({
  is: 'pause',
  code: 'DRIFTED',
  message: `Child "${path}" is run "${run}", which was started with another input, or of another flow, than the code asks for now, and may have done what must not be done twice. Nothing is started. Put the old code back and resume this run. ${or} resume this one with \`anew\`: another run does all of it, as the code asks for it now.`,
})

const gone = ({ path }: Operation, run: string): Pause => ({
  is: 'pause',
  code: 'CHILD_GONE',
  detail: { child: run },
  message: `Child "${path}" was run "${run}", which has ended and cannot go on. It, or a run below it, has done what must not be done twice and has not undone it (a call, a transaction, something with an undo), or a run below it has not ended yet. Another run in its place would do that again. Nothing is started. Undo run "${run}", if that can be, or wait until those below it have ended, and resume this one. Or resume it with \`anew\`: another run does all of it again.`,
})

/** The code is told of a cancel instead of what was being looked for, or waits no longer. */
const isOver = ({ isOver: hasEnded, recorded }: Pass, { phase, scope }: Operation): boolean =>
  hasEnded ||
  phase !== 'busy' ||
  scope.closed ||
  (recorded.cancelling !== undefined && !scope.shielded)

function goOn(
  pass: Pass,
  operation: Operation,
  { found, earlier: record, largeAt }: Again & { readonly found: EarlierChild },
): void {
  const { stale: taken } = found
  if (found.is === 'completed') {
    const { output, taints } = found
    const started = { ...operation.place, kind: 'child.started', record } as const
    const before = [...tainted(pass.options.taints.add(taints)), started]
    const written = payloadWith('output', encode(output), {}, { largeAt })
    pass.conclude(operation, 'child.completed', { output }, { before, taken, ...written })
    return
  }
  operation.child = record.run
  const deliver = found.is === 'failed' ? [retryMessage(record.run, pass.recorded)] : []
  register(pass, operation, 'child.started', record, { deliver, taken })
}

/** What was said when the parent was let go on holds for those below, too. */
const retryMessage = (run: string, { retriedBy, mayBeginAnew }: Recorded): NewMessage => ({
  run,
  kind: 'retry',
  name: '',
  payload: encode({ ...actor(retriedBy), ...(mayBeginAnew ? { anew: true } : {}) }),
})

/** Deeper than this nobody nests runs; what a run costs is written to each account above it. */
const ancestorsMax = 32

function ancestorsOfChild({ run, reader, limits }: Pass): readonly Ancestor[] {
  const { ancestors, parent } = reader.beginning.record
  const around = ancestors ?? (parent ? [{ run: parent.run }] : [])
  return [{ run, ...(limits ? { limits, started: beginTime(reader) } : {}) }, ...around].slice(
    0,
    ancestorsMax,
  )
}

/** Chance alone: nobody can start a run under this id before the entry that names it is there. */
function childId({ run, ports }: Pass): string {
  return `${run.slice(0, 150)}.${Buffer.from(ports.randomBytes(8)).toString('hex')}`
}
