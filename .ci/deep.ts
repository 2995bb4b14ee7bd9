/**
 * The deep proof, as CI runs it: simulator, stores side by side, mutants, kills, power cuts and other Nodes. Each suite
 * says itself whether it found anything; one that is missing what it needs fails here, because CI=true.
 */
import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One after the other: each uses the cores there are. */
const suites: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  { name: 'simulator', args: ['test/sim/main.ts', '--seeds', '20000', '--jobs', '2'] },
  { name: 'stores alike', args: ['test/alike/main.ts', '--stories', '150'] },
  { name: 'mutants', args: ['test/sim/main.ts', '--mutants', '--jobs', '2'] },
  { name: 'kills', args: ['test/crash/main.ts'] },
  { name: 'power cuts', args: ['test/power/main.ts', '--images', '2000'] },
  { name: 'other Nodes', args: ['test/other-nodes/main.ts'] },
]

const only = process.argv.slice(2)
const chosen = suites.filter(({ name }) => only.length === 0 || only.includes(name))
const failed: string[] = []
for (const { name, args } of chosen) {
  const begun = performance.now()
  console.log(`\n== ${name}: node ${args.join(' ')}`)
  const code = await run(args)
  const minutes = ((performance.now() - begun) / 60_000).toFixed(1)
  console.log(`== ${name}: ${code === 0 ? 'passed' : 'FAILED'} after ${minutes} min`)
  if (code !== 0) failed.push(name)
}
const passed = chosen.length - failed.length
console.log(`\n${passed} passed, ${failed.length} failed`)
if (failed.length > 0 || passed === 0) process.exitCode = 1

function run(args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      // Of a process that loads the sources most of the time is loading them, unless Node keeps them compiled.
      env: { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'), ...process.env, CI: 'true' },
    })
    child.on('close', (code) => resolve(code ?? 1))
  })
}
