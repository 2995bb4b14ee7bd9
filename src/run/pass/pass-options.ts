/** What a pass is made with. */
import type { Ports } from '../../base/ports.ts'
import type { Redactor } from '../../base/redactor.ts'
import type { Entry } from '../../ledger/index.ts'
import type { Message, RunRow, Store } from '../../store/store.ts'
import type { BlockSizes } from '../operations/state-blocks.ts'
import type { Actions } from '../undo/actions.ts'
import type { FairTurns } from '../work/fair-turns.ts'
import type { Journal } from './journal.ts'
import type { Moves } from '../moves.ts'
import type { Publisher } from './publisher.ts'
import type { Reader } from '../replay/reader.ts'
import type { Recorded } from '../replay/recorded.ts'
import type { Resources } from './resource.ts'
import type { PassEnd } from './stop.ts'
import type { Taints } from './taints.ts'

/** What layers above keep for their own code, by names of theirs. */
export type Environment = Readonly<Record<symbol, unknown>>

/** Told of the body of a step that is about to be called, by the step's path and run. Must not throw. */
export type OnBody = (path: string, run: string) => void

/** What a pass `P` is made with. */
export interface PassOptions<P> {
  readonly run: string
  readonly store: Store
  readonly ports: Ports
  /** Shares the event loop with the other passes of the worker. */
  readonly turns: FairTurns
  readonly journal: Pick<Journal, 'push' | 'pending' | 'abandon'>
  readonly recorded: Recorded
  readonly reader: Reader
  readonly resources: Resources
  /** Shows text of steps under way. */
  readonly publisher: Publisher
  readonly actions: Actions
  /** Executes the flow's function on this input, which is its own, with handles of the pass it is given. */
  readonly code: (pass: P, input: unknown) => Promise<unknown>
  /** Where the run stands in the ledger, for reading it again. */
  readonly row: RunRow
  /** Takes secrets out of what is written, before anybody is handed it. */
  readonly redactor: Redactor
  /** Where the run goes on when it has ended a turn, if another version of its flow takes it over. */
  readonly moves: Moves
  /** What layers above keep for their code in this process; the run layer does not look into it. */
  readonly environment: Environment
  /** Execute a few turns twice, to find state outside of the state. */
  readonly development: boolean
  /** Other sizes of blocks than the standard ones: for tests. */
  readonly blockSizes?: BlockSizes | undefined
  /** Set in a second execution, which serves what is recorded and begins nothing. */
  readonly shadow?: Shadow
  /** Open scopes as the ledger has them: the first entry of each that a resume needs. */
  readonly scopes: ReadonlyMap<string, number>
  /** Number of the newest message when the run was claimed. */
  readonly newest: number
  /** When the run must have ended. */
  readonly deadline: number | undefined
  readonly started: Entry
  /** What `run.random` and `run.uuid` derive from. */
  readonly seed: string
  /** What of the run came from outside. */
  readonly taints: Taints
  /** Takes a message, if the pass can make something of it now. */
  readonly onMessage: (pass: P, message: Message) => void
  readonly onBody: OnBody | undefined
  readonly onTrouble: (error: unknown) => void
  readonly onEnd: (end: PassEnd) => void
}

/** What a second execution is observed by. */
export interface Shadow {
  isTarget(turn: string): boolean
  onVerdict(verdict: unknown): void
  /** Nothing more can be handed over; the code has asked for these, which are not recorded. */
  onExhausted(asked: readonly string[]): void
}
