/**
 * What a flow is: a name, a version, schemas, and the async function that is executed durably.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { EverloopError } from '../base/errors.ts'
import { isObject } from '../base/is-object.ts'
import { checkList, checkOptions } from '../base/options.ts'
import { checkName } from './check-name.ts'
import type { AnyAction, AnyFlow, Flow, Migrations, Run } from './face.ts'
import { checkSchema } from './schema.ts'

/** Shared by all copies of everloop in a process, so that a flow file may bring its own. */
const brand = Symbol.for('everloop.flow')

/** What `flow` makes a flow of. */
export interface FlowDefinition<Input, Output, Given = Input> {
  /** Runs are found by it: keep it stable. 1 to 100 characters. */
  readonly name: string
  /** Runs stay on the version they were started with, unless `migrate` takes them over. Default "1". */
  readonly version?: string
  readonly input?: StandardSchemaV1<Given, Input>
  readonly output?: StandardSchemaV1<unknown, Output>
  /** What its runs register for being undone. Whoever opens the flow has them. */
  readonly actions?: readonly AnyAction[]
  /** Takes over runs of older versions that stand in front of this one in `open({ flows })`. */
  readonly migrate?: Migrations
  readonly run: (run: Run, input: Input) => Promise<Output> | Output
}

/**
 * Defines a flow. Nothing runs yet: `start` does that.
 *
 * @example
 * const hello = flow('hello', async (run, name: string) => run.step('greet', () => `Hello ${name}`))
 */
export function flow<Input, Output>(
  name: string,
  run: (run: Run, input: Input) => Promise<Output> | Output,
): Flow<Input, Output>
export function flow<Input, Output, Given = Input>(
  definition: FlowDefinition<Input, Output, Given>,
): Flow<Input, Output, Given>
export function flow<Input, Output, Given>(
  nameOrDefinition: string | FlowDefinition<Input, Output, Given>,
  run?: (run: Run, input: Input) => Promise<Output> | Output,
): Flow<Input, Output, Given> {
  const definition: Partial<FlowDefinition<Input, Output, Given>> =
    typeof nameOrDefinition === 'string'
      ? { name: nameOrDefinition, ...(run ? { run } : {}) }
      : nameOrDefinition
  const known = ['name', 'version', 'input', 'output', 'actions', 'migrate', 'run']
  checkOptions('flow', definition, known)
  if (typeof definition.run !== 'function') {
    throw new EverloopError(
      'BAD_OPTION',
      'A flow needs `run`: an async function that is handed the run and the input.',
    )
  }
  const { version = '1', input, output, actions, migrate } = definition
  checkName("A flow's name", definition.name)
  checkName("A flow's version", version)
  checkSchema('flow', 'input', input)
  checkSchema('flow', 'output', output)
  if (actions !== undefined) checkList('flow({ actions })', actions)
  if (migrate !== undefined) checkMigrations(migrate, version)
  const made = {
    name: definition.name,
    version,
    input,
    output,
    run: definition.run,
    ...(actions === undefined ? {} : { actions: Object.freeze([...actions]) }),
    ...(migrate === undefined ? {} : { migrate }),
  }
  Object.defineProperty(made, brand, { value: true })
  return Object.freeze(made)
}

function checkMigrations(migrate: Migrations, own: string): void {
  const takes =
    'flow({ migrate }) takes, by older version and by name of the loop, a function that makes the state of this version: { "1": { myLoop: (state) => … } }.'
  if (!isObject(migrate)) throw new EverloopError('BAD_OPTION', takes)
  for (const [version, loops] of Object.entries(migrate)) {
    checkName('A version in flow({ migrate })', version)
    const isSound =
      isObject(loops) && Object.values(loops).every((each) => typeof each === 'function')
    if (isSound && version !== own) continue
    throw new EverloopError(
      'BAD_OPTION',
      isSound
        ? `A flow of version "${own}" cannot take over runs of its own version: name older ones in flow({ migrate }).`
        : takes,
    )
  }
}

/** True for flows made by any copy of everloop. */
export function isFlow(value: unknown): value is AnyFlow {
  return typeof value === 'object' && value !== null && brand in value
}
