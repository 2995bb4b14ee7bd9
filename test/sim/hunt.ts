/**
 * Applies each mutant to a copy of the sources and lets the simulator hunt it there. A mutant is
 * caught by a seed that fails with it and passes without.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Mutant, mutants } from './mutants.ts'
import { runSeed } from './seed.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Seeds a mutant may live through. One that needs a run lost and claimed again in one session lives for thousands. */
const seedsMax = 11_000
/** A copy that does not answer any more has been caught too: some bugs never let go of the thread. */
const silenceMs = 300_000

/** Where and how a mutant was caught. */
export interface Catch {
  readonly seed: number
  readonly how: string
}

/** Hunts all mutants, or those whose name contains this text. Returns an exit code. */
export async function huntMutants(jobs: number, only = ''): Promise<number> {
  using copy = new Copy()
  const chosen = mutants.filter(({ name }) => name.includes(only))
  let escaped = 0
  for (const mutant of chosen) {
    const begun = performance.now()
    const places = placesOf(mutant)
    if (places !== 1) {
      escaped++
      console.log(
        `OUTDATED ${mutant.name}: ${places} places of ${mutant.file} have its text, not one`,
      )
      continue
    }
    const caught = await hunt(mutant, jobs, copy)
    const seconds = Math.round((performance.now() - begun) / 1000)
    if (caught)
      console.log(`caught   ${mutant.name}: seed ${caught.seed}, ${seconds} s: ${caught.how}`)
    else {
      escaped++
      console.log(`ESCAPED  ${mutant.name} (${seconds} s)`)
    }
  }
  console.log(`${chosen.length - escaped} of ${chosen.length} mutants caught`)
  return escaped === 0 && chosen.length > 0 ? 0 : 1
}

/** The first seed that fails because of this mutant; undefined when none does. */
export async function hunt(mutant: Mutant, jobs: number, copy: Copy): Promise<Catch | undefined> {
  const takeBack = copy.apply(mutant)
  try {
    let { from = 1 } = mutant
    while (from <= seedsMax) {
      const found = await firstFailure(copy, from, jobs)
      if (!found) return undefined
      // Seeds that fail without the mutant say nothing about it.
      const healthy = (await runSeed(found.seed)).violations.length === 0
      if (healthy) return found
      from = found.seed + 1
    }
    return undefined
  } finally {
    takeBack()
  }
}

/** The sources and the simulator, for one mutant after the other: Node keeps compiled what none of them touches. */
export class Copy implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'everloop-mutants-'))

  constructor() {
    for (const part of ['src', 'test/sim', 'package.json']) {
      cpSync(join(root, part), join(this.path, part), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(this.path, 'node_modules'))
  }

  /** Until what it returns is called. */
  apply({ file, find, replace }: Mutant): () => void {
    const path = join(this.path, 'src', file)
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.split(find).join(replace))
    return () => writeFileSync(path, text)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** How often the text stands in the sources that the mutant changes: it must be once. */
export const placesOf = ({ file, find }: Mutant): number =>
  readFileSync(join(root, 'src', file), 'utf8').split(find).length - 1

function firstFailure({ path }: Copy, from: number, jobs: number): Promise<Catch | undefined> {
  const args = ['test/sim/main.ts', '--quick', '--from', String(from), '--jobs', String(jobs)]
  const child = spawn(process.execPath, [...args, '--seeds', String(seedsMax + 1 - from)], {
    cwd: path,
    env: { ...process.env, NODE_COMPILE_CACHE: join(path, 'compiled') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  let silence: NodeJS.Timeout
  const wait = (): void => {
    clearTimeout(silence)
    silence = setTimeout(() => child.kill('SIGKILL'), silenceMs)
  }
  wait()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    wait()
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (_, signal) => {
      clearTimeout(silence)
      const failure = /FAILED seed (\d+): (.*)/.exec(said)
      if (failure) resolve({ seed: Number(failure[1]), how: failure[2]?.slice(0, 150) ?? '' })
      else resolve(signal === 'SIGKILL' ? { seed: from, how: 'it never answered' } : undefined)
    })
  })
}
