/** Signals that have come to a run and that nothing awaits: most likely somebody has misspelt a name. */
import { excerpt, quoted } from './sentence.ts'
import type { Ever, WaitInfo } from '../run/index.ts'

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
    const shown = quoted(excerpt(name, 60))
    return count === 1 ? shown : `${shown} (${count} times)`
  })
  const more = others.length > toldMax ? ' and more' : ''
  const isOne = others.length === 1 && others[0]?.count === 1
  const have = isOne ? 'A signal has come' : 'Signals have come'
  return ` ${have} that nothing awaits so far: ${told.join(', ')}${more}.`
}
