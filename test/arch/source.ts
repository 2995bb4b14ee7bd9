/**
 * Source files as the architecture checks see them: path, text, syntax tree and imports. Owns the
 * parsing, so that the checks are functions from files to complaints and can be fed bad fixtures.
 * It uses Rolldown's parser through Vitest: TypeScript 7 has no stable API, and regular expressions
 * take comments and strings for code.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { posix, join, relative, sep } from 'node:path'
import { parseAst } from 'vitest/node'

/** The root of the repository. */
export const root = join(import.meta.dirname, '..', '..')

/** A node of the ESTree with TypeScript's additions; fields beyond the type are read by `child`. */
export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
}

/** One way in which a file names another module. */
interface Import {
  /** The text between the quotes; undefined where it is computed. */
  readonly specifier: string | undefined
  readonly line: number
  /** What is imported by name from it; undefined for `*`, `import()` and the like. */
  readonly names: readonly string[] | undefined
}

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string
  readonly text: string
  readonly tree: Node
  readonly imports: readonly Import[]
}

/** A field of a node, as the syntax tree has many shapes and the checks need few. */
export function field(node: Node, name: string): unknown {
  return Reflect.get(node, name)
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}

/** A field that holds a node, or undefined. */
export function child(node: Node, name: string): Node | undefined {
  const value = field(node, name)
  return isNode(value) ? value : undefined
}

/** A field that holds a list of nodes; empty where there is none. */
export function children(node: Node, name: string): readonly Node[] {
  const value = field(node, name)
  return Array.isArray(value) ? value.filter(isNode) : []
}

/** The text of an identifier or string literal. */
export function nameOf(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined
  const value = field(node, node.type === 'Literal' ? 'value' : 'name')
  return typeof value === 'string' ? value : undefined
}

/** Calls back for the node and everything below it, in source order of the fields. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node)
  for (const value of Object.values(node)) {
    if (isNode(value)) walk(value, visit)
    else if (Array.isArray(value)) for (const item of value) if (isNode(item)) walk(item, visit)
  }
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

const specifierHolders = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
])

function importsOf(tree: Node, text: string): Import[] {
  const found: Import[] = []
  walk(tree, (node) => {
    const line = lineAt(text, node.start)
    if (specifierHolders.has(node.type)) {
      const source = child(node, 'source')
      if (source === undefined) return
      const specifiers = children(node, 'specifiers')
      const names = specifiers.map((s) => nameOf(child(s, 'imported') ?? child(s, 'local')))
      const named =
        node.type === 'ImportDeclaration' && specifiers.every((s) => s.type === 'ImportSpecifier')
      found.push({
        specifier: source.type === 'Literal' ? nameOf(source) : undefined,
        line,
        names: named ? names.filter((name) => name !== undefined) : undefined,
      })
    } else if (node.type === 'CallExpression' && nameOf(child(node, 'callee')) === 'require') {
      const [first] = children(node, 'arguments')
      found.push({ specifier: nameOf(first), line, names: undefined })
    }
  })
  return found
}

/** Parses one file; also the way in for fixtures of the tests. */
export function parse(path: string, text: string): SourceFile {
  const lang = path.endsWith('.d.ts') ? 'dts' : 'ts'
  const tree: unknown = parseAst(text, { lang }, path)
  if (!isNode(tree)) throw new Error(`The parser gave no tree for ${path}.`)
  return { path, text, tree, imports: importsOf(tree, text) }
}

/** All TypeScript files of a folder, relative to the root given. */
export function readSources(folder: string, base = root): SourceFile[] {
  return readdirSync(join(base, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => relative(base, path).split(sep).join('/'))
    .toSorted()
    .map((path) => parse(path, readFileSync(join(base, path), 'utf8')))
}

/** The path a relative specifier leads to; undefined for packages and modules of Node. */
export function resolveImport(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return posix.normalize(posix.join(posix.dirname(from), specifier))
}
