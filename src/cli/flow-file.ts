/**
 * Flow files: TypeScript or JavaScript modules of the user's that export flows, and what is to hold for
 * all that is executed here, loaded as they are by Node's own type stripping.
 */
import { existsSync, type Stats, statSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { EverloopError } from '../base/errors.ts'
import { messageOf } from '../base/message-of.ts'
import { isPolicy, type Policy } from '../agent/policies/policy.ts'
import type { OpenOptions } from '../open.ts'
import { type AnyAction, type AnyFlow, isAction, isFlow } from '../run/index.ts'
import { inOrder } from './flow-order.ts'
import { packageRoot } from './package-root.ts'

/** What a module exports, by the name of the export. */
interface Exported {
  readonly export: string
  readonly flow: AnyFlow
}

export interface FlowFile {
  readonly path: string
  /** What stood behind "#". */
  readonly name: string | undefined
  readonly flows: readonly Exported[]
  /** What it exports for undoing. */
  readonly actions: readonly AnyAction[]
  readonly policies: readonly Policy[]
  /** What it exports under this name; `open` says what is wrong with it. */
  readonly secrets: OpenOptions['secrets']
}

/** Of the option `--with`, which every command has that executes something. */
export const withText = 'modules that export policies, actions and `secrets` for all runs here'

/** Called with what a person should know while a file is loaded. */
type Note = (text: string) => void

/** Loads FILE or FILE#name. Throws FLOW_FILE. */
export async function loadFlowFile(argument: string, note: Note): Promise<FlowFile> {
  const file = await load(argument, note)
  if (file.flows.length > 0) return file
  throw failure(
    `The file ${file.path} exports no flow. Export one: export const hello = flow('hello', async (run, input) => { … })`,
  )
}

/** Loads what can be undone with a file: its actions, and those of its flows. Throws FLOW_FILE. */
export async function loadActions(argument: string, note: Note): Promise<FlowFile> {
  const file = await load(argument, note)
  if (file.actions.length > 0 || file.flows.some(({ flow }) => flow.actions)) return file
  throw failure(
    `The file ${file.path} exports no action. Export one: export const cancelHotel = action('cancel_hotel', async (input) => { … })`,
  )
}

/** Loads files that say what holds for all that is executed here. Throws FLOW_FILE. */
export async function loadGivens(paths: readonly string[], note: Note): Promise<FlowFile[]> {
  const files = await Promise.all(paths.map((path) => load(path, note)))
  const idle = files.find(
    ({ policies, secrets, actions }) =>
      policies.length === 0 && actions.length === 0 && secrets === undefined,
  )
  if (!idle) return files
  throw failure(
    `The file ${idle.path} exports no policy, no action and no \`secrets\`. Export one: export const careful = policy({ name: 'careful', … })`,
  )
}

/** What these files together give to whatever is executed here, for `open`. Throws FLOW_FILE. */
export function givenBy(
  files: readonly FlowFile[],
): Pick<OpenOptions, 'actions' | 'policies' | 'secrets'> {
  const [knowing, other] = files.filter(({ secrets }) => secrets !== undefined)
  if (knowing && other) {
    throw failure(`Both ${knowing.path} and ${other.path} export \`secrets\`. One file has to.`)
  }
  return {
    actions: files.flatMap(({ actions }) => actions),
    policies: [...new Set(files.flatMap(({ policies }) => policies))],
    ...(knowing?.secrets === undefined ? {} : { secrets: knowing.secrets }),
  }
}

async function load(argument: string, note: Note): Promise<FlowFile> {
  const { path, name } = split(argument)
  const stats = statsOf(path)
  if (!stats) throw failure(`The flow file ${path} does not exist.`)
  if (!stats.isFile()) throw failure(`${path} is not a file. Give a module that exports a flow.`)
  let module: Record<string, unknown>
  try {
    module = await evaluated(path, note)
  } catch (cause) {
    if (EverloopError.is(cause) && cause.code === 'FLOW_FILE') throw cause
    throw failure(`The flow file ${path} cannot be loaded. ${whyNot(cause)}`, cause)
  }
  const seen = new Set<unknown>()
  const flows: Exported[] = []
  const actions: AnyAction[] = []
  const policies: Policy[] = []
  // A named export first, so that `export default` of the same flow does not hide its name.
  const keys = Object.keys(module).toSorted(
    (a, b) => Number(a === 'default') - Number(b === 'default'),
  )
  for (const key of keys) {
    const value = module[key]
    if (seen.has(value)) continue
    seen.add(value)
    if (isFlow(value)) flows.push({ export: key, flow: value })
    else if (isAction(value)) actions.push(value)
    else if (isPolicy(value)) policies.push(value)
  }
  const secrets = module['secrets'] as OpenOptions['secrets']
  return { path, name, flows, actions, policies, secrets }
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (cause) {
    throw failure(`The flow file ${path} cannot be read: ${messageOf(cause)}.`, cause)
  }
}

/** A module that takes longer than this to load is awaiting something, which its user should know. */
const promptMs = 5000

/** The module's exports, when all that it awaits at its top level has come. */
async function evaluated(path: string, note: Note): Promise<Record<string, unknown>> {
  const never = Promise.withResolvers<never>()
  // Nothing is left that could settle what it awaits: Node would end the process without a word.
  const onNothingLeft = (): void => {
    const why = 'It awaits something at its top level that never comes.'
    never.reject(failure(`The flow file ${path} cannot be loaded. ${why}`))
  }
  const timer = setTimeout(() => {
    note(`Still loading ${path}: it awaits something at its top level.`)
  }, promptMs).unref()
  process.once('beforeExit', onNothingLeft)
  try {
    const module = import(pathToFileURL(path).href) as Promise<Record<string, unknown>>
    return await Promise.race([module, never.promise])
  } finally {
    clearTimeout(timer)
    process.off('beforeExit', onNothingLeft)
  }
}

/** The flow that was named, or the only one. Throws FLOW_FILE. */
export function chooseFlow({ path, name, flows }: FlowFile): AnyFlow {
  const [first] = flows
  if (name === undefined) {
    if (first && flows.length === 1) return first.flow
    throw failure(`The file ${path} exports several flows. Choose one: ${choices(path, flows)}.`)
  }
  const found =
    flows.find((one) => one.export === name) ?? flows.find((one) => one.flow.name === name)
  if (found) return found.flow
  throw failure(`The file ${path} exports no flow "${name}". It has: ${choices(path, flows)}.`)
}

/** The flows to serve: the named one, or all. */
export const servedFlows = (file: FlowFile): readonly AnyFlow[] =>
  file.name === undefined ? inOrder(file.flows.map(({ flow }) => flow)) : [chooseFlow(file)]

const choices = (path: string, flows: readonly Exported[]): string =>
  flows.map((one) => `${relative(process.cwd(), path)}#${one.export}`).join(', ')

function split(argument: string): { readonly path: string; readonly name: string | undefined } {
  const at = argument.lastIndexOf('#')
  // A "#" may also be a part of the file's name.
  if (at < 1 || existsSync(argument)) return { path: resolve(argument), name: undefined }
  return { path: resolve(argument.slice(0, at)), name: argument.slice(at + 1) }
}

const failure = (message: string, cause?: unknown): EverloopError =>
  new EverloopError('FLOW_FILE', message, cause === undefined ? {} : { cause })

/** What Node said, with the place when it is about syntax, and what to do where that is known. */
function whyNot(cause: unknown): string {
  if (!(cause instanceof Error)) return `It threw ${messageOf(cause)}.`
  const code = 'code' in cause ? String(cause.code) : ''
  const said = `${cause.name}: ${cause.message}`
  switch (code) {
    case 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX':
      return `${said}. Node strips types only: enums, namespaces and parameter properties must be rewritten, or the file compiled first.`
    case 'ERR_MODULE_NOT_FOUND':
      return `${said}. Install what is missing, and write relative imports with their ".ts".`
    case 'ERR_UNKNOWN_FILE_EXTENSION':
      return `${said}. Flow files end in .ts, .mts, .js or .mjs.`
    case 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING':
      return `${said}. Inside node_modules only JavaScript can be loaded.`
    default:
      return cause.name === 'SyntaxError' || code === 'ERR_INVALID_TYPESCRIPT_SYNTAX'
        ? `${placeOf(cause)}${said}${syntaxAdvice(cause)}`
        : `It threw when it was loaded: ${said}${frameOf(cause)}`
  }
}

/** What is behind a syntax error where the file is right: how it is loaded, or an old Node.js. */
function syntaxAdvice({ message }: Error): string {
  // `npm init` makes projects of CommonJS.
  if (/outside a module|token 'export'/.test(message))
    return '. Set "type": "module" in package.json, or call the file .mts or .mjs.'
  const { node } = process.versions
  // Programs in the documents say `await using`, which Node 22 takes for a misplaced name.
  if (Number.parseInt(node) >= 24 || !message.startsWith('Unexpected identifier')) return ''
  return `. \`using\` and \`await using\` need Node 24, and this is Node ${node}: here, say \`const\` and close it at the end.`
}

/** Where a syntax error is: Node puts it in front of the stack. */
function placeOf({ stack = '' }: Error): string {
  const [place = ''] = stack.split('\n')
  return /:\d+$/.test(place) ? `${place}: ` : ''
}

/** Where it was thrown; of what everloop refuses, where everloop was called. */
function frameOf({ stack = '' }: Error): string {
  const frames = stack.split('\n').filter((line) => line.trim().startsWith('at '))
  const ours = ['node:', '/node_modules/everloop/', `${pathToFileURL(packageRoot()).href}/dist/`]
  const frame = frames.find((line) => !ours.some((part) => line.includes(part))) ?? frames[0]
  return frame === undefined ? '' : ` (${frame.trim()})`
}
