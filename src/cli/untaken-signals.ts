/** Signals that come to a run and that nothing awaits: most likely somebody has misspelt a name. */
import type { Ever, WaitInfo } from '../run/index.ts'
import { awaitsMessage } from './awaits-message.ts'
import { openOf, waitsOf } from './open-waits.ts'
import { excerpt, quoted } from './sentence.ts'

/** So many names are told. */
const toldMax = 3

/** In a sentence, where the run waits for a signal; else, and where there are none, nothing. */
export async function untakenText(
  ever: Ever,
  run: string,
  on: readonly WaitInfo[],
): Promise<string> {
  const awaited = new Set(on.filter(({ kind }) => kind === 'signal').map(({ what }) => what))
  if (awaited.size === 0) return ''
  const untaken = await ever.store.untakenSignals(run, toldMax + awaited.size + 1)
  const others = untaken.filter(({ name }) => !awaited.has(name))
  if (others.length === 0) return ''
  const told = others.slice(0, toldMax).map(({ name, count }) => {
    const shown = shownName(name)
    return count === 1 ? shown : `${shown} (${count} times)`
  })
  const more = others.length > toldMax ? ' and more' : ''
  const isOne = others.length === 1 && others[0]?.count === 1
  const have = isOne ? 'A signal has come' : 'Signals have come'
  return ` ${have} that nothing awaits so far: ${told.join(', ')}${more}.`
}

/**
 * The signals that a run waits for while nothing awaits one of this name, each name once. None where it waits for
 * none, or those that it awaits have come: it may await this one next.
 */
export async function awaitedInstead(
  ever: Ever,
  run: string,
  name: string,
): Promise<readonly WaitInfo[]> {
  const waits = (await waitsOf(ever, run)).filter(({ kind }) => kind === 'signal')
  if (waits.some(({ what }) => what === name)) return []
  const open = await openOf(ever, run, waits)
  return open.filter(({ what }, i) => open.findIndex((other) => other.what === what) === i)
}

/** In a sentence behind what was sent; none where nothing is awaited instead. */
export function awaitedText(awaited: readonly WaitInfo[]): string {
  const [first] = awaited
  if (!first) return ''
  const names = awaited.slice(0, toldMax).map(({ what }) => shownName(what))
  const more = awaited.length > toldMax ? ' and more' : ''
  const signals = `the ${awaited.length === 1 ? 'signal' : 'signals'} ${names.join(', ')}${more}`
  const told = awaitsMessage(first) ? `the next message of its conversation (${signals})` : signals
  return ` Nothing awaits it so far: at present the run waits for ${told}.`
}

const shownName = (name: string): string => quoted(excerpt(name, 60))
