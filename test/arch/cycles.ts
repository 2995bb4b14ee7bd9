/** Import cycles, types included: two files that need each other are one file or lack a third. */
import { resolveImport, type SourceFile } from './source.ts'

/** One line for each cycle found, as the path walked. */
export function checkCycles(files: readonly SourceFile[]): string[] {
  const targets = new Map(
    files.map(({ path, imports }) => [
      path,
      imports.flatMap(({ specifier = '' }) => resolveImport(path, specifier) ?? []),
    ]),
  )
  const finished = new Set<string>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start !== -1) found.push([...trail.slice(start), path].join(' -> '))
    if (start !== -1 || finished.has(path)) return
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path])
    finished.add(path)
  }
  for (const path of targets.keys()) visit(path, [])
  return found
}
