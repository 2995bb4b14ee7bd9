/** All cases, in their order. */
import * as sequentialSteps from './01-sequential-steps.ts'
import * as manyRuns from './02-many-runs.ts'
import * as resumeSteps from './03-resume-steps.ts'
import * as growingState from './04-growing-state.ts'
import * as waitingRuns from './05-waiting-runs.ts'
import * as idlePoll from './06-idle-poll.ts'
import * as longAgent from './07-long-agent.ts'
import * as toolTurns from './08-tool-turns.ts'
import type { Case } from './figure.ts'

export const cases: readonly Case[] = [
  sequentialSteps,
  manyRuns,
  resumeSteps,
  growingState,
  waitingRuns,
  idlePoll,
  longAgent,
  toolTurns,
]
