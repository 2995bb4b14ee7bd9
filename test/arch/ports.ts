/**
 * What base, ledger, store, run, agent and scripted may not touch except through the ports: the wall clock, timers,
 * randomness and the environment. One hidden read of a clock is enough to make a simulated failure
 * impossible to repeat, so the names are searched in the syntax tree, whatever object they hang on.
 */
import {
  child,
  children,
  field,
  lineAt,
  nameOf,
  walk,
  type Node,
  type SourceFile,
} from './source.ts'

const guarded = /^src\/(base|ledger|store|run|agent|scripted)\//

/** The file that is the ports. */
const exempt = new Set(['src/base/system.ts'])

const bannedGlobals = new Set([
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'performance',
])

const bannedMembers = new Set([
  'Date.now',
  'Math.random',
  'process.env',
  'process.hrtime',
  'process.uptime',
  'process.nextTick',
  'AbortSignal.timeout',
  'performance.now',
  'crypto.getRandomValues',
  'crypto.randomUUID',
  'crypto.randomBytes',
  'crypto.randomInt',
])

const bannedImports: Record<string, RegExp> = {
  'node:crypto': /^(default|webcrypto|getRandomValues|random.*)$/,
  'node:process': /./,
  'node:timers': /./,
  'node:timers/promises': /./,
  'node:perf_hooks': /./,
}

/** Fields that name something instead of using the variable of that name. */
const naming = new Map([
  ['MemberExpression', 'property'],
  ['Property', 'key'],
  ['PropertyDefinition', 'key'],
  ['MethodDefinition', 'key'],
  ['TSPropertySignature', 'key'],
  ['TSMethodSignature', 'key'],
  ['TSQualifiedName', 'right'],
])

/** `a.b` and `a['b']` as "a.b", `globalThis.a.b` as well. */
function memberPath(node: Node): string | undefined {
  const property = child(node, 'property')
  const object = child(node, 'object')
  if (node.type !== 'MemberExpression' || property === undefined || object === undefined)
    return undefined
  if (field(node, 'computed') === true && property.type !== 'Literal') return undefined
  const left = object.type === 'MemberExpression' ? memberPath(object) : nameOf(object)
  return `${left}.${nameOf(property)}`.replace(/^(globalThis|global)\./, '')
}

function isBannedDate(node: Node): boolean {
  if (nameOf(child(node, 'callee')) !== 'Date') return false
  if (node.type === 'CallExpression') return true
  return node.type === 'NewExpression' && children(node, 'arguments').length === 0
}

function usesIn({ tree, text, path, imports }: SourceFile): string[] {
  const found: string[] = []
  const report = (line: number, what: string): void => {
    found.push(`${path}:${line} uses ${what} past the ports.`)
  }
  const names = new Set<Node>()
  walk(tree, (node) => {
    const key = naming.get(node.type)
    const named = key === undefined ? undefined : child(node, key)
    const shorthand = field(node, 'shorthand') === true
    if (named !== undefined && field(node, 'computed') !== true && !shorthand) names.add(named)
    const line = lineAt(text, node.start)
    const member = memberPath(node)
    if (isBannedDate(node)) report(line, 'the current Date')
    else if (member !== undefined && (bannedMembers.has(member) || bannedGlobals.has(member)))
      report(line, member)
    else if (node.type === 'Identifier' && !names.has(node)) {
      const name = nameOf(node) ?? ''
      if (bannedGlobals.has(name)) report(line, name)
    } else if (node.type === 'VariableDeclarator' || node.type === 'AssignmentExpression') {
      reportDestructured(node, (what) => report(line, what))
    }
  })
  for (const { specifier = '', names: imported = ['default'], line } of imports) {
    const banned = bannedImports[specifier]
    for (const name of imported) if (banned?.test(name)) report(line, `${name} of ${specifier}`)
  }
  return found
}

/** `const { now } = Date` is the same read by another road. */
function reportDestructured(node: Node, report: (what: string) => void): void {
  const pattern = child(node, 'id') ?? child(node, 'left')
  const value = child(node, 'init') ?? child(node, 'right')
  if (pattern?.type !== 'ObjectPattern' || value === undefined) return
  const object = value.type === 'MemberExpression' ? memberPath(value) : nameOf(value)
  for (const property of children(pattern, 'properties')) {
    const what = `${object}.${nameOf(child(property, 'key'))}`
    if (bannedMembers.has(what)) report(what)
  }
}

/** One sentence for each use that goes past the ports. */
export function checkPorts(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => guarded.test(path) && !exempt.has(path))
    .flatMap((file) => usesIn(file))
}
