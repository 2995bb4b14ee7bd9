/** A program in two versions of its flow: the code is the same, and knows which of them it is. */
import { type AnyAction, type AnyFlow, flow, type Run } from '../../src/run/index.ts'
import type { LoopShape } from './model.ts'
import { flowsOf, type Node, type Program } from './programs.ts'

export const versions = ['1', '2'] as const

/** The flows of the programs: each in the first of these versions, and in all of them if it is no agent. */
export function inVersions(
  [first = '1', ...later]: readonly string[],
  programs: readonly Program[],
  make: (program: Program, flows: readonly AnyFlow[], version: string) => AnyFlow,
): AnyFlow[] {
  const others: AnyFlow[] = []
  const flows = flowsOf<AnyFlow>(programs, (program, children) => {
    const versionsBehind = program.is === 'agent' ? [] : later
    others.push(...versionsBehind.map((version) => make(program, children, version)))
    return make(program, children, first)
  })
  return [...flows, ...others]
}

export function flowIn(
  version: string,
  { name, body }: Program & { is: 'flow' },
  code: {
    readonly actions: readonly AnyAction[]
    readonly run: (run: Run, input: unknown) => Promise<unknown>
  },
): AnyFlow {
  if (version === '1') return flow({ name, ...code })
  const move = (state: LoopShape): LoopShape => ({ ...state, form: version })
  const migrate = { '1': Object.fromEntries(loopsThatMove(body).map((loop) => [loop, move])) }
  return flow({ name, version, migrate, ...code })
}

function loopsThatMove(body: Node): string[] {
  const names: string[] = []
  JSON.stringify(body, (_, part: Node | undefined) => {
    if (part?.is === 'loop' && part.moves) names.push(part.name)
    return part
  })
  return names
}
