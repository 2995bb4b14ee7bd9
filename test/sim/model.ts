/**
 * What must come out of a program, as far as that does not depend on time or on people: computed
 * from the tree alone, without executing anything.
 */
import { isDeepStrictEqual } from 'node:util'
import { effectValue, type EffectSpec } from './effect-spec.ts'
import { takeBack } from './take-back.ts'
import { Place, questionName } from './place.ts'
import type { Node, Program, StepNode } from './programs.ts'

/** Stands for a value that depends on time, chance or people. */
export const anything: unique symbol = Symbol('anything')

export type Expected =
  | { readonly is: 'value'; readonly value: unknown }
  /** `code` is what the code catches, `root` what the run is said to have failed with. */
  | { readonly is: 'error'; readonly code: string; readonly root: string | undefined }
  | { readonly is: 'unknown' }

const unknown: Expected = { is: 'unknown' }
const failing = (code: string): Expected => ({ is: 'error', code, root: code })
const value = (it: unknown): Expected => ({ is: 'value', value: it })

/** What a run of the program ends with when nobody cancels it. */
export function expected(programs: readonly Program[], flow: number): Expected {
  const program = programs[flow]
  return program?.is === 'flow' ? expectedOf(program.body, new Place(''), programs) : unknown
}

/** What a step that succeeds returns. */
export function stepValue(node: StepNode, path: string): unknown {
  switch (node.value) {
    case 'small':
      return `result of ${path}`
    case 'big':
      return { path, text: `${path} `.repeat(60), list: [{ big: `${path}|`.repeat(50) }] }
    case 'tagged':
      return {
        at: new Date(1_700_000_000_000 + path.length),
        map: new Map<unknown, unknown>([
          [path, 1n],
          ['u', undefined],
        ]),
        set: new Set([path, -0]),
        bytes: new Uint8Array([1, 2, path.length]),
        lone: `\ud800${path}`,
        odd: [Number.NaN, Infinity, null],
        $: path,
      }
    case 'nothing':
      return undefined
  }
}

/** What a transactional step returns. */
export const bookingValue = (path: string): string => `booking of ${path}`

/** What code that throws says. */
export const thrown = 'The code does not like it.'

/** The state of a loop before its first turn, and after a turn that produced `result`. */
export interface LoopShape {
  readonly n: number
  readonly log: readonly unknown[]
  readonly pad: string
  /** The version of the code that the state is for. */
  readonly form?: string
}

export const firstState: LoopShape = { n: 0, log: [], pad: '' }

export function nextState(state: LoopShape, result: unknown, units: number): LoopShape {
  const n = state.n + 1
  return { n, log: [...state.log, result], pad: String.fromCharCode(64 + n).repeat(units) }
}

function expectedOf(node: Node, place: Place, programs: readonly Program[]): Expected {
  const inner = (body: Node, where: Place): Expected => expectedOf(body, where, programs)
  switch (node.is) {
    case 'step': {
      const path = place.operation(node.name)
      if (node.heals && !node.hangs) return unknown // it depends on whether somebody retries
      const fails = node.hangs || node.fails >= node.attempts
      return fails ? failing('STEP_FAILED') : value(stepValue(node, path))
    }
    case 'effect':
      return effectOf(node.spec, place.operation(node.name))
    case 'transact': {
      const path = place.operation(node.name)
      return node.fails ? failing('STEP_FAILED') : value(bookingValue(path))
    }
    case 'say':
      return value(anything)
    case 'throw':
      return { is: 'error', code: `RangeError: ${thrown}`, root: undefined }
    case 'undo':
      place.operation(`undo ${takeBack}`)
      return value(null)
    case 'sleep':
      place.operation('sleep')
      return value(null)
    case 'note':
      place.operation('note')
      return value(null)
    case 'signal':
    case 'ask':
      place.operation(node.is === 'ask' ? questionName(node.name) : node.name)
      return node.timeoutMs !== undefined && !node.hasOtherwise ? unknown : value(anything)
    case 'artifact':
      place.operation(`artifact ${node.name}`)
      return value(node.units)
    case 'chance':
      return value(anything)
    case 'resource':
      return value('resource')
    case 'seq':
      return listOf(node.items.map((item) => () => inner(item, place)))
    case 'scope':
      return leaving(inner(node.body, new Place(place.operation(node.name))))
    case 'all': {
      const scope = new Place(place.operation(node.name))
      return leaving(concurrent(node.branches.map((body, i) => inner(body, scope.inner(i)))))
    }
    case 'map': {
      const scope = new Place(place.operation(node.name))
      const branches = Array.from({ length: node.count }, (_, i) =>
        inner(node.body, scope.inner(i)),
      )
      return leaving(concurrent(branches))
    }
    case 'loop': {
      const scope = new Place(place.operation(node.name))
      if (node.moves) return unknown // a move is a turn: those behind it have other numbers
      let state = firstState
      while (state.n < node.turns) {
        const result = inner(node.body, scope.inner(state.n + 1))
        if (result.is !== 'value') return leaving(result)
        state = nextState(state, result.value, node.units)
      }
      return value(state)
    }
    case 'child': {
      place.operation(`flow-${node.flow}`)
      const output = expected(programs, node.flow)
      return output.is === 'error' ? failing('CHILD_FAILED') : output
    }
    case 'race': {
      const both = [inner(node.first, place), inner(node.second, place)]
      return both.every((one) => one.is === 'value') ? value(anything) : unknown
    }
    case 'together': {
      const items = node.items.map((item) => inner(item, place))
      return items.some((item) => item.is === 'unknown')
        ? unknown
        : listOf(items.map((item) => () => item))
    }
    case 'guarded': {
      const body = inner(node.body, place)
      return body.is === 'error' ? value({ caught: body.code }) : body
    }
    case 'finally': {
      const body = inner(node.body, place)
      const cleanup = inner(node.cleanup, new Place(place.operation('cleanup')))
      if (cleanup.is === 'unknown') return unknown
      return cleanup.is === 'error' ? leaving(cleanup) : body
    }
  }
}

/** It depends on people where they may let it fail, and on crashes how often it is called. */
function effectOf({ effect, manner, fails, mayFail }: EffectSpec, path: string): Expected {
  const happens =
    manner === 'returns' || ['throws after', 'hangs after', 'returns late'].includes(manner)
  if (effect === 'once') return happens && !mayFail ? value(effectValue(path)) : unknown
  return manner === 'returns' || fails === 0 ? value(effectValue(path)) : unknown
}

/** An error that leaves a scope is that of a step, or becomes that of the scope. */
const leaving = (outcome: Expected): Expected =>
  outcome.is === 'error' && outcome.code !== 'STEP_FAILED'
    ? { ...outcome, code: 'SCOPE_FAILED' }
    : outcome

/** One after the other: the first error ends it. */
function listOf(items: readonly (() => Expected)[]): Expected {
  const values: unknown[] = []
  for (const item of items) {
    const one = item()
    if (one.is !== 'value') return one
    values.push(one.value)
  }
  return value(values)
}

/** All at once: which of several errors comes first depends on time. */
function concurrent(branches: readonly Expected[]): Expected {
  const errors = branches.filter((branch) => branch.is === 'error')
  const [first] = errors
  if (branches.some((branch) => branch.is === 'unknown')) return unknown
  if (!first) return value(branches.map((branch) => (branch as { value: unknown }).value))
  return errors.every(({ code, root }) => code === first.code && root === first.root)
    ? first
    : unknown
}

/** True when the actual value is the expected one, `anything` apart. */
export function fits(wanted: unknown, actual: unknown): boolean {
  if (wanted === anything) return true
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(actual) &&
      actual.length === wanted.length &&
      wanted.every((item, i) => fits(item, actual[i]))
    )
  }
  if (typeof wanted === 'object' && wanted !== null && isPlain(wanted)) {
    if (typeof actual !== 'object' || actual === null || !isPlain(actual)) return false
    const keys = Object.keys(wanted)
    return (
      keys.length === Object.keys(actual).length &&
      keys.every(
        (key) =>
          Object.hasOwn(actual, key) &&
          fits((wanted as Record<string, unknown>)[key], (actual as Record<string, unknown>)[key]),
      )
    )
  }
  return isDeepStrictEqual(wanted, actual)
}

const isPlain = (it: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(it)
  return prototype === Object.prototype || prototype === null
}
