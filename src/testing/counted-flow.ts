/**
 * A flow that counts how often each of its step bodies is executed, and changes nothing else.
 *
 * Steps are told apart by the path they have in the ledger, as far as names lead there: the handles
 * that inner scopes are handed are counted too.
 */
import { childPath, explicitKey, nameKey, operationPath } from '../ledger/index.ts'
import { type AnyFlow, flow, type Run } from '../run/index.ts'

/** Called each time a step's body is about to be executed. */
export type OnBody = (path: string) => void

/** The same flow, telling of each step body. */
export function countedFlow(original: AnyFlow, onBody: OnBody): AnyFlow {
  const { name, version, input, output, actions } = original
  const run = (handle: Run, value: unknown): unknown =>
    original.run(counted(handle, '', onBody), value as never)
  const rest = {
    ...(input ? { input } : {}),
    ...(output ? { output } : {}),
    ...(actions ? { actions } : {}),
  }
  return flow({ name, version, ...rest, run })
}

type Method = (...args: readonly unknown[]) => unknown

/** A handle that looks into the bodies it is given. The real one does all the work. */
function counted<Handle extends Run>(handle: Handle, scope: string, onBody: OnBody): Handle {
  const occurrences = new Map<string, number>()
  const keyOf = (name: string): string => {
    const occurrence = (occurrences.get(name) ?? 0) + 1
    occurrences.set(name, occurrence)
    return nameKey(name, occurrence)
  }
  const pathOfScope = (name: string): string => childPath(scope, keyOf(name))
  /** The body at the end of the arguments, handed a counted handle of the scope at this path. */
  const scoped = (
    args: readonly unknown[],
    pathOf: (rest: readonly unknown[]) => string,
  ): unknown =>
    onLast(
      args,
      (body) =>
        (inner, ...rest) =>
          body(counted(inner as Run, pathOf([inner, ...rest]), onBody), ...rest),
    )

  const wrapped = (name: string, args: readonly unknown[]): readonly unknown[] => {
    const [first] = args
    if (typeof first !== 'string' || first === '') return args
    switch (name) {
      case 'step': {
        const { key } = (args.length > 2 ? args[1] : {}) as { readonly key?: string }
        const path = operationPath(scope, key === undefined ? keyOf(first) : explicitKey(key))
        return onLast(args, (body) => (...rest) => {
          onBody(path)
          return body(...rest)
        })
      }
      case 'scope':
      case 'cleanup': {
        const path = pathOfScope(first)
        return scoped(args, () => path) as readonly unknown[]
      }
      case 'loop': {
        const path = pathOfScope(first)
        return scoped(args, ([turn]) =>
          childPath(path, (turn as { readonly turn: number }).turn),
        ) as readonly unknown[]
      }
      case 'map': {
        const path = pathOfScope(first)
        return scoped(args, (rest) => childPath(path, rest[2] as number)) as readonly unknown[]
      }
      case 'all': {
        const path = pathOfScope(first)
        const branches = args[1] as readonly Method[]
        const counting = branches.map(
          (branch, i) =>
            (run: unknown): unknown =>
              branch(counted(run as Run, childPath(path, i), onBody)),
        )
        return [first, counting, ...args.slice(2)]
      }
      default:
        return args
    }
  }

  return new Proxy(handle, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function' || typeof name !== 'string') return value
      return (...args: readonly unknown[]): unknown =>
        Reflect.apply(value, target, wrapped(name, args))
    },
  })
}

/** The arguments with their last one replaced, when it is a function. */
function onLast(args: readonly unknown[], change: (body: Method) => Method): readonly unknown[] {
  const body = args.at(-1)
  return typeof body === 'function' ? [...args.slice(0, -1), change(body as Method)] : args
}
