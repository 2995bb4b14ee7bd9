/**
 * The public face as text: for every entry point of the package the declarations it exports, and
 * those that they mention, without comments. The snapshots live in api/, so that a change of the
 * public face is a diff that somebody reads. `npm run api` writes them, a test compares them.
 */
import {
  child,
  children,
  nameOf,
  resolveImport,
  walk,
  type Node,
  type SourceFile,
} from './source.ts'

/** Reads one emitted declaration file by its path below the output folder. */
export type ReadDeclarations = (path: string) => SourceFile

/** Where a name is declared: in a file below the output folder, or in a package. */
interface Place {
  readonly path: string
  readonly name: string
  readonly foreign: boolean
}

interface Module {
  readonly file: SourceFile
  /** Declarations by local name; several where functions are overloaded. */
  readonly declarations: ReadonlyMap<string, readonly Node[]>
  /** What the local name of an import or the public name of an export stands for. */
  readonly imports: ReadonlyMap<string, Place>
  readonly exports: ReadonlyMap<string, Place>
}

const head = `// Written by "npm run api": the public declarations of one entry point.
// A difference here is a change of what users build on; review it as one.
`

/** The snapshot of one entry point. */
export function snapshot(entry: string, read: ReadDeclarations): string {
  const modules = new Map<string, Module>()
  const moduleAt = (path: string): Module => {
    const module = modules.get(path) ?? readModule(read(path))
    modules.set(path, module)
    return module
  }
  const locate = (place: Place): Place => {
    if (place.foreign) return place
    const { path, name } = place
    const { exports, imports, declarations } = moduleAt(path)
    const next = exports.get(name) ?? (declarations.has(name) ? undefined : imports.get(name))
    if (next === undefined || (next.path === path && next.name === name)) return place
    return locate(next)
  }

  const done = new Set<string>()
  const waiting: Place[] = []
  const render = (place: Place): string => {
    if (place.foreign) return `{ ${place.name} } from '${place.path}'`
    const { file, declarations, imports } = moduleAt(place.path)
    const nodes = declarations.get(place.name)
    if (nodes === undefined) throw new Error(`${place.path} does not declare ${place.name}.`)
    for (const node of nodes) {
      walk(node, (inner) => {
        const name = inner.type === 'Identifier' ? nameOf(inner) : undefined
        if (name === undefined) return
        if (declarations.has(name)) waiting.push({ ...place, name })
        const imported = imports.get(name)
        if (imported?.foreign === false) waiting.push(locate(imported))
      })
    }
    return nodes.map((node) => textOf(file, node)).join('\n')
  }

  const lines = [head]
  for (const name of [...moduleAt(entry).exports.keys()].toSorted()) {
    const place = locate({ path: entry, name, foreign: false })
    done.add(`${place.path} ${place.name}`)
    const alias = place.name === name ? '' : `// as ${name}:\n`
    lines.push(`${alias}export ${render(place)}\n`)
  }
  const reached: [name: string, text: string][] = []
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const id = `${place.path} ${place.name}`
    if (done.has(id)) continue
    done.add(id)
    reached.push([id, render(place)])
  }
  if (reached.length > 0) lines.push('// Mentioned above, not exported by this entry point:\n')
  for (const [, text] of reached.toSorted(([a], [b]) => (a < b ? -1 : 1))) lines.push(`${text}\n`)
  return lines.join('\n')
}

/** The declaration without the words that say how it left its file. */
function textOf({ text }: SourceFile, node: Node): string {
  return text.slice(node.start, node.end).replace(/^(export )?(default )?(declare )?/, '')
}

function readModule(file: SourceFile): Module {
  const declarations = new Map<string, Node[]>()
  const imports = new Map<string, Place>()
  const exports = new Map<string, Place>()
  const { path } = file
  const declare = (node: Node, declaration: Node, exported: boolean): void => {
    const declarators = children(declaration, 'declarations')
    for (const named of declarators.length > 0 ? declarators : [declaration]) {
      const name = nameOf(child(named, 'id'))
      if (name === undefined) continue
      declarations.set(name, [...(declarations.get(name) ?? []), node])
      if (exported) exports.set(name, { path, name, foreign: false })
    }
  }
  for (const node of children(file.tree, 'body')) {
    const place = placeOf(path, nameOf(child(node, 'source')))
    const declaration = child(node, 'declaration')
    if (node.type === 'ExportAllDeclaration')
      throw new Error(`${path} uses "export *": public names are listed one by one.`)
    if (node.type === 'ExportDefaultDeclaration')
      throw new Error(`${path} has a default export: public things have one name.`)
    if (node.type === 'ImportDeclaration') {
      for (const specifier of children(node, 'specifiers')) {
        const local = nameOf(child(specifier, 'local')) ?? ''
        const name = nameOf(child(specifier, 'imported')) ?? '*'
        // A namespace is mentioned as such; what it holds is not followed.
        if (name !== '*') imports.set(local, { ...place, name })
      }
    } else if (node.type !== 'ExportNamedDeclaration') declare(node, node, false)
    else if (declaration !== undefined) declare(node, declaration, true)
    else
      for (const specifier of children(node, 'specifiers')) {
        const local = nameOf(child(specifier, 'local')) ?? ''
        const exported = nameOf(child(specifier, 'exported')) ?? local
        exports.set(exported, { ...place, name: local })
      }
  }
  for (const [name, place] of exports) {
    const imported = place.path === path ? imports.get(place.name) : undefined
    if (imported !== undefined) exports.set(name, imported)
  }
  return { file, declarations, imports, exports }
}

/** What `from` names: a declaration file, a package, or without it the file itself. */
function placeOf(path: string, from: string | undefined): Omit<Place, 'name'> {
  if (from === undefined) return { path, foreign: false }
  const target = resolveImport(path, from)
  if (target === undefined) return { path: from, foreign: true }
  return { path: target.replace(/\.[jt]s$/, '.d.ts'), foreign: false }
}
