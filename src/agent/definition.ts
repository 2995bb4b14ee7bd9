/** What an agent is made of. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Duration } from '../base/duration.ts'
import type { Budget } from './budgets/budget.ts'
import type { Guard } from './guards/guard.ts'
import type { Title } from './loop/entitle.ts'
import type { ModelRetry } from './model/answer.ts'
import type { Model } from './model/port.ts'
import type { Price } from './model/prices.ts'
import type { AgentSettings } from './settings.ts'
import type { AnyTool } from './tools/tool.ts'

/** What instructions and stop conditions may look at. */
export interface Progress {
  readonly runId: string
  /** Counted from 1. */
  readonly turn: number
  readonly calls: number
  /** The last answer of the model, "" before the first. */
  readonly text: string
}

/** When an agent ends although the model would go on. Whichever comes first. */
export interface Stop {
  /** After so many turns. */
  readonly turns?: number
  /** After a call of one of these tools has returned. */
  readonly tools?: readonly string[]
  /** When this returns true after a turn. */
  readonly when?: (progress: Progress) => boolean
}

/** When and how a long conversation is shortened. */
export interface Compaction {
  /** When a model call had more input tokens than this, the conversation is shortened before the next. */
  readonly above: number
  /** About how many of the newest messages stay as they are. Default 20. */
  readonly keep?: number
  /** Who writes the summary. Default: the agent's model. */
  readonly model?: Model
  /**
   * The settings to write it with. Default: the agent's `headers` and `providerOptions`, where its own model
   * writes the summary.
   */
  readonly settings?: AgentSettings
  /** What the summary must hold. */
  readonly instructions?: string
}

/** What `agent` makes an agent of. */
export interface AgentDefinition<Output = string> {
  /** Runs are found by it: keep it stable. */
  readonly name: string
  readonly version?: string
  readonly model: Model
  /** What people call its runs in lists: a text, or a function of the prompt. Cut to 200 characters. */
  readonly title?: Title
  /** The system prompt, or a function that tells it before each model call. */
  readonly instructions?: string | ((progress: Progress) => string | Promise<string>)
  readonly tools?: readonly AnyTool[]
  readonly guards?: readonly Guard[]
  readonly budget?: Budget
  /** What the final answer must fit. The model is told, and may repair what does not fit. */
  readonly output?: StandardSchemaV1<unknown, Output>
  /** How often an answer that does not fit is sent back. Default 2. */
  readonly repairs?: number
  readonly stop?: Stop
  /** After an answer the agent waits for the next message, at most so long; then its run completes. */
  readonly conversation?: boolean | { readonly idle?: Duration }
  readonly compaction?: Compaction
  readonly settings?: AgentSettings
  /** How model calls are tried again. */
  readonly retry?: ModelRetry
  /** The longest that one attempt at a model call may take. Default "10m". */
  readonly timeout?: Duration
  /** How long a model may send nothing during an attempt. Default "2m". */
  readonly silence?: Duration
  /** Tool calls of one answer that are executed at a time: not those that ask or start a run. Default 32. */
  readonly parallel?: number
  /** Prices by "provider/model", before those of everloop's own table. */
  readonly prices?: Readonly<Record<string, Price>>
}
