/** Model calls and tool calls that the world counts, each under the path of the step it is made in. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { unescape } from '../../src/ledger/index.ts'
import { current } from '../../src/run/current.ts'
import { scriptedModel, type ScriptedModel } from '../../src/scripted/model.ts'
import type { ScriptedAnswer, ScriptedRequest } from '../../src/scripted/script.ts'
import type { World } from './world.ts'

/** The run and the step in whose body, or about whose outcome, the calling code is executed. */
export function place(): { readonly run: string; readonly path: string } {
  const { pass, step } = current() ?? {}
  if (!pass || step === undefined) throw new Error('This is no body of a step.')
  return { run: pass.run, path: unescape(step) }
}

/** Tells the world that the body of a call has begun, and what outside systems know it by. */
export function counted(
  world: World,
  {
    attempt = 1,
    idempotencyKey,
  }: { readonly attempt?: number; readonly idempotencyKey?: string } = {},
): void {
  const { run, path } = place()
  world.executed(run, path, attempt, idempotencyKey)
}

/** Whether the world has seen the call that `reconcile` is asked about. */
export function hasHappened(world: World, { run, path } = place()): boolean {
  return world
    .lines()
    .some((line) => line.is === 'executed' && line.run === run && line.path === path)
}

/** A model whose answer depends on the conversation alone, so that a repeated request changes nothing. */
export const countedModel = (
  world: World,
  answer: (request: ScriptedRequest) => ScriptedAnswer,
): ScriptedModel =>
  scriptedModel((request) => {
    counted(world)
    return answer(request)
  })

/** A `once` call of a killed process is looked for soon: nothing of it is on its way. */
export const soon = { timeout: '1s', settle: '1ms' } as const

/** Durable calls in the midst of a tool's own, so that its process is killed between effect and outcome. */
export function dally(world: World, calls: number): void {
  const file = openSync(join(world.folder, 'store', 'dallying'), 'a')
  for (let i = 0; i < calls; i++) writeSync(file, '.')
  closeSync(file)
}
