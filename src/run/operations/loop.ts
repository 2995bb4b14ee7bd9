/**
 * The durable loop. Each turn is a scope; `run.next` commits it together with the new state, and
 * what the turn did is never read again. See loop-state.ts for what a turn costs.
 */
import { EverloopError } from '../../base/errors.ts'
import { isWithin, redacted } from '../../ledger/index.ts'
import { within } from '../current.ts'
import { type Done, makerOf, type Next, verdictOf } from '../face.ts'
import { abandoning, LoopState } from './loop-state.ts'
import type { Left } from '../pass/leaving.ts'
import type { Pass } from '../pass/pass.ts'
import { inScope, whenEnding } from './scopes.ts'
import { moveFirst } from './move.ts'
import { isSampled, shadowReplay } from '../pass/shadow.ts'
import { Scope } from '../pass/scope.ts'
import { cleaned } from '../replay/large.ts'
import { standardSizes } from './state-blocks.ts'

/** Executes a loop from its first turn, or from the one behind the last that was committed. */
export function loop(
  pass: Pass,
  parent: Scope,
  call: {
    readonly name: string
    readonly initial: unknown
    readonly body: (scope: Scope, turn: number, state: unknown) => unknown
  },
): Promise<unknown> {
  return inScope(pass, parent, parent.key(call.name), async (scope) => {
    const turns = pass.recorded.turns.get(scope.path)
    pass.recorded.turns.delete(scope.path)
    const { redactor, blockSizes: sizes = standardSizes } = pass.options
    const redact = (text: string): string => redacted(text, redactor, 'value')
    const state = turns
      ? LoopState.restored(turns, pass.reader, { redact, sizes })
      : LoopState.initial(call.initial, { redact, sizes })
    const last = turns?.at(-1)?.entry
    scope.time = last?.time ?? scope.time
    // What comes behind the turns that are passed over has known of the cancel from its beginning.
    const told = last && pass.recorded.toldBefore(last.seq)
    if (told) await told
    for (let turnsOfPass = 1; ; turnsOfPass++) {
      const number = state.turn + 1
      const turn = Scope.turn(scope, call.name, number)
      const move = pass.options.moves.get(call.name)
      if (move) await moveFirst(pass, turn, state, move)
      const verdict = await within({ pass, scope: turn, step: undefined }, () =>
        call.body(turn, number, state.handed()),
      )
      const { shadow } = pass.options
      if (shadow?.isTarget(turn.path)) {
        shadow.onVerdict(verdict)
        return new Promise(() => {})
      }
      const said = verdictOf(verdict)
      if (said !== undefined) checkMaker(turn, number, verdict as Next | Done<unknown>)
      switch (said) {
        case 'done':
          return (verdict as Done<unknown>).result
        case 'next':
          if (pass.options.development && !shadow && isSampled(turnsOfPass, state.chain)) {
            turn.leave() // its code has ended: what it left behind must not go on meanwhile
            await compareWithShadow(pass, turn, verdict)
          }
          await commit(pass, turn, state, (verdict as Next).state)
          break
        case undefined:
          throw new EverloopError(
            'NOT_A_TURN',
            `Turn ${number} of loop "${scope.path}" in run "${pass.run}" returned neither run.next(…) nor run.done(…). Return one of them from the loop's body.`,
            { run: pass.run, step: turn.path },
          )
      }
    }
  })
}

/**
 * Throws WRONG_SCOPE for what the handle of another turn has made: it speaks for that turn and its loop. Of what
 * was made without a handle, such as by a method that was taken off it, nobody can tell.
 */
function checkMaker(turn: Scope, number: number, verdict: Next | Done<unknown>): void {
  const maker = makerOf(verdict)
  if (maker === turn || maker === undefined) return
  const { run, path, parent } = turn
  const isOuter = maker.run === run && path !== maker.path && isWithin(path, maker.path)
  const owner = maker.run === run ? `"${maker.path}"` : `"${maker.path}" of run "${maker.run}"`
  const advice = isOuter
    ? ' To decide on the outer turn, end this loop with its own run.done(…), and return what the outer handle makes from the body of the outer loop.'
    : ''
  throw new EverloopError(
    'WRONG_SCOPE',
    `Turn ${number} of loop "${parent?.path}" in run "${run}" returned what the handle of turn ${owner} made. Return run.next(…) or run.done(…) of the \`run\` that the body of this loop is handed for this turn.${advice}`,
    { run, step: path },
  )
}

/** Pauses the run, and never resolves, when a second execution of the turn goes another way. */
async function compareWithShadow(pass: Pass, turn: Scope, verdict: unknown): Promise<void> {
  const { options, journal, store, run } = pass
  const asked = Array.from(pass.operations, ({ path }) => path)
  const row = await store.run(run).catch(() => undefined)
  // While something is on its way into the ledger there is nothing firm to compare with.
  if (!row || journal.pending || turn.parent?.isLeaving) return
  const difference = await shadowReplay(options, row, { turn: turn.path, verdict, asked })
  if (difference === undefined) return
  pass.stop({
    is: 'pause',
    code: 'HIDDEN_STATE',
    message: `Turn "${turn.path}" depends on something outside of its state: ${difference}. After a crash the loop would go on differently. Keep everything a turn needs in the state that run.next hands on, then resume the run.`,
  })
  return new Promise(() => {})
}

/** Resolves when the turn is durable. Never does so when the pass ends before. Throws NOT_SERIALISABLE. */
async function commit(pass: Pass, turn: Scope, state: LoopState, after: unknown): Promise<void> {
  const loopScope = turn.parent
  if (!loopScope || loopScope.isLeaving) return new Promise(() => {})
  // Before the turn is left, so that a state that cannot be kept fails with everything still there; and it is
  // what it was when the code handed it on, however long something holds the turn.
  const change = state.change(after, turn.values)
  return new Promise((resolve) => {
    const write = ({ abandoned, deliver }: Left): void => {
      const { record, accept, ...written } = abandoning(change, abandoned)
      const { payload, artifacts } = cleaned(written, pass.options.redactor)
      const key = String(state.turn + 1)
      pass.commit({
        drafts: [{ scope: loopScope.path, kind: 'turn.committed', key, record, payload }],
        artifacts,
        deliver,
        committed: ([entry]) => {
          if (!entry) return
          accept(entry.seq)
          if ('base' in record) pass.operations.onWhole(loopScope.path, entry.seq)
          loopScope.time = entry.time
          resolve()
        },
      })
    }
    whenEnding(pass, loopScope, () => {
      if (!loopScope.isLeaving) pass.leave(turn, write)
    })
  })
}
