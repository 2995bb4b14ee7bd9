/**
 * Shadow replay: finds state that a loop keeps outside of its state value.
 *
 * In development a few turns are executed a second time before they are committed, the way a resume
 * would: the flow's function from its beginning, on what the ledger holds, with fresh closures. The
 * second execution must ask for the same operations and return the same verdict. Nothing it asks
 * for begins, and nothing is written.
 */
import { type Duration, parseDuration } from '../../base/duration.ts'
import type { Redactor } from '../../base/redactor.ts'
import { shortened } from '../../base/shortened.ts'
import { encode, isWithin, redacted } from '../../ledger/index.ts'
import type { RunRow } from '../../store/store.ts'
import { type Next, verdictOf } from '../face.ts'
import { noMoves } from '../moves.ts'
import { Pass, type PassOptions } from './pass.ts'
import { Reader } from '../replay/reader.ts'
import { Recorded } from '../replay/recorded.ts'
import { Resources } from './resource.ts'
import { Taints } from './taints.ts'

/** A turn as it was executed first. */
export interface ShadowedTurn {
  /** Its scope. */
  readonly turn: string
  readonly verdict: unknown
  /** What it asked for and had not been handed when it returned. */
  readonly asked: readonly string[]
}

/** How long the second execution may wait for something that is not an operation. */
const grace: Duration = '100ms'

/** Loops whose state is larger are not sampled: the second execution would hold up the run. */
const chainUnitsMax = 1024 * 1024

/** Whether this turn of a pass, counted from 1, is executed twice: the 2nd, 4th, 8th … */
export const isSampled = (turnsOfPass: number, chainUnits: number): boolean =>
  turnsOfPass > 1 && (turnsOfPass & (turnsOfPass - 1)) === 0 && chainUnits <= chainUnitsMax

/** How the second execution differs, in a sentence; undefined when it does not, or cannot tell. */
export async function shadowReplay(
  options: PassOptions,
  row: RunRow,
  turn: ShadowedTurn,
): Promise<string | undefined> {
  const { run, store, ports, onTrouble } = options
  // The store may be in trouble, or other branches have gone on meanwhile: then it cannot be told.
  const reader = await Reader.read(store, row).catch(() => undefined)
  if (!reader) return undefined
  const resources = new Resources(run, onTrouble)
  const difference = await new Promise<string | undefined>((resolve) => {
    const timer = ports.setTimer(parseDuration(grace), () => resolve(undefined))
    const conclude = (result: string | undefined): void => {
      timer.cancel()
      resolve(result)
    }
    const pass = new Pass({
      ...options,
      reader,
      resources,
      moves: noMoves,
      taints: Taints.of(reader),
      recorded: Recorded.of(reader.open, reader.line),
      journal: { push: () => {}, pending: false, abandon: () => {} },
      shadow: {
        isTarget: (scope) => scope === turn.turn,
        onVerdict: (verdict) => {
          // What the first had asked for and not been handed may have come at a moment of its own.
          const has = (path: string): boolean =>
            pass.operations.has(path) || turn.asked.includes(path)
          const missed = pass.recorded.unclaimed(turn.turn, { has })
          conclude(
            missed === undefined
              ? compareVerdicts(turn.verdict, verdict, options.redactor)
              : `a second execution of the turn did not ask for "${missed}"`,
          )
        },
        onExhausted: (asked) => {
          const other = asked.find(
            (path) => isWithin(path, turn.turn) && !turn.asked.includes(path),
          )
          if (other !== undefined) conclude(`a second execution of the turn asked for "${other}"`)
        },
      },
      onEnd: () => conclude(undefined),
    })
    pass.begin()
    // How it ends does not matter: the verdict of the one turn does.
    options.code(pass, reader.beginning.record.input).catch(() => {})
  })
  await resources.close(ports)
  return difference
}

function compareVerdicts(first: unknown, second: unknown, redactor: Redactor): string | undefined {
  if (verdictOf(first) !== verdictOf(second)) {
    return 'a second execution of the turn ended the loop differently'
  }
  if (verdictOf(first) !== 'next') return undefined
  const [a, b] = [encode((first as Next).state), encode((second as Next).state)]
  if (a === b) return undefined
  // Before it is cut: half a secret would be found by nobody.
  const shown = (text: string): string => shortened(redacted(text, redactor, 'value'), 200)
  return `a second execution of the turn returned another state: ${shown(b)} instead of ${shown(a)}`
}
