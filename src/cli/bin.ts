#!/usr/bin/env node
/**
 * The executable owns one decision: whether this Node can run everloop at all. It has no static
 * imports, because a module that an old Node cannot load would fail before the first statement
 * here, with a message that names neither the cause nor the cure.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `everloop needs Node 22.18 or newer, but this is Node ${process.versions.node} (${process.execPath}).\n`,
  )
  process.exitCode = 1
} else {
  if (major === 22) silenceSqliteWarning()
  keepCompiled()
  await import('./main.ts')
}

/** Node 22 calls node:sqlite experimental at each start; every other warning stays. */
function silenceSqliteWarning(): void {
  const emitWarning: (...args: never[]) => void = process.emitWarning.bind(process)
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    const text = typeof warning === 'string' ? warning : warning.message
    if (text.startsWith('SQLite is an experimental feature')) return
    Reflect.apply(emitWarning, process, [warning, ...rest])
  }
}

/**
 * Most of a short command's time is reading its modules. Node can keep what came of that, in the
 * system's folder for temporary files; the variable hands this on to threads and child processes.
 */
function keepCompiled(): void {
  const { directory } = process.getBuiltinModule('node:module').enableCompileCache()
  if (directory === undefined) return
  process.env['NODE_COMPILE_CACHE'] ??= process.getBuiltinModule('node:path').dirname(directory)
}
