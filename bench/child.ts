/** Runs scripts of this folder in fresh processes and takes what they tell, see tell.ts. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** Node 22 calls node:sqlite experimental. */
export const nodeOptions = ['--disable-warning=ExperimentalWarning'] as const

/** Starts `NAME-child` of this folder, with further options of Node. */
export function start(
  name: string,
  args: readonly (string | number)[],
  options: readonly string[] = [],
): ChildProcess {
  const path = fileURLToPath(new URL(`${name}-child.js`, import.meta.url))
  return spawn(process.execPath, [...nodeOptions, ...options, path, ...args.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
}

/** What the child tells, line by line. */
export async function* lines<T>(child: ChildProcess): AsyncGenerator<T, void> {
  if (!child.stdout) return
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line) as T
}

/** The last thing the child told, and how long it lived. */
export async function finish<T>(
  name: string,
  args: readonly (string | number)[] = [],
  options: readonly string[] = [],
): Promise<{ readonly told: T; readonly wallMs: number }> {
  const begun = performance.now()
  const child = start(name, args, options)
  const end = new Promise<number>((resolve) => {
    child.on('exit', () => resolve(performance.now()))
  })
  let told: T | undefined
  for await (const line of lines<T>(child)) told = line
  const wallMs = (await end) - begun
  if (told === undefined) throw new Error(`The child "${name}" told nothing.`)
  return { told, wallMs }
}
