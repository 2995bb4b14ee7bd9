/**
 * What a run waits for by its ledger, whether or not a worker holds it, and what of that nothing in its inbox
 * has ended yet.
 */
import type { Ever, WaitInfo } from '../run/index.ts'
import { stateOf } from '../run/outside/settled.ts'
import { waitInfoOf } from '../run/outside/wait-info.ts'
import { unlessBroken } from './unless-broken.ts'

/** None of a run that has not begun or has ended, and where the ledger is broken. */
export async function waitsOf(ever: Ever, run: string): Promise<readonly WaitInfo[]> {
  const state = await unlessBroken(() => stateOf(ever.store, run))
  return Array.from(state?.waits.values() ?? [], (wait) => waitInfoOf(run, wait))
}

/** Those of these waits for which nothing has come, and whose time is not over. */
export async function openOf(
  ever: Ever,
  run: string,
  waits: readonly WaitInfo[],
): Promise<readonly WaitInfo[]> {
  const now = ever.store.clock.now()
  const names = waits.flatMap(({ kind, what }) => (kind === 'signal' ? [what] : []))
  const messages = await ever.store.messages(run, names)
  const came = (kind: 'signal' | 'child'): Set<string> =>
    new Set(messages.flatMap((message) => (message.kind === kind ? [message.name] : [])))
  const signals = came('signal')
  const children = came('child')
  const questions = await ever.store.questions({ run })
  const answered = new Set(questions.flatMap(({ id, state }) => (state === 'open' ? [] : [id])))
  return waits.filter(({ kind, what, question, due = Infinity }) => {
    if (due <= now) return false
    // One signal ends one wait: the next of its name is still awaited.
    if (kind === 'signal') return !signals.delete(what)
    if (kind === 'child') return !children.has(what)
    return question === undefined || !answered.has(question)
  })
}
