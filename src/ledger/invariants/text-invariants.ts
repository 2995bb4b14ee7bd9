/** L10, L11 and L15: what an entry is made of, what it refers to and where it stands. */
import type { Entry, OpenScope, PayloadKind, Payloads } from '../entry.ts'
import { isReserved, placeOf } from '../kinds.ts'
import { isRunId, keyUnitsMax, pathUnitsMax } from '../path.ts'
import { fieldsOf, listOf, type ReadEntry } from '../read-entry.ts'
import { type Invariant, invariant } from './invariant.ts'

const digestPattern = /^[A-Za-z0-9_-]{43}$/
const saltPattern = /^[\x21-\x7e]{1,200}$/
const printable = /^[\x20-\x7e]*$/
/** A segment has no "/", and nothing is escaped that need not be. */
const scopePattern = /^([\x20-\x2e\x30-\x7e]+(\/[\x20-\x2e\x30-\x7e]+)*)?$/
const keyPattern = /^[\x20-\x2e\x30-\x7e]*$/

export const textInvariants: readonly Invariant[] = [
  invariant(
    'L10',
    'Kinds are known, texts are printable ASCII of allowed length, and payloads can be read.',
    () => ({ see: (read) => textFlaw(read.entry) ?? payloadFlaw(read) }),
  ),

  invariant('L11', 'What an entry refers to stands before it.', () => ({
    see(read) {
      const { seq } = read.entry
      const ahead = referredTo(read).find((to) => !Number.isSafeInteger(to) || to < 1 || to >= seq)
      return ahead === undefined ? undefined : `refers to entry ${ahead}`
    },
  })),

  invariant(
    'L15',
    'Entries of the run as a whole stand in scope "" without a key, all others have one.',
    () => ({
      see({ entry: { kind, scope, key } }) {
        const place = placeOf(kind)
        if (place === undefined) return undefined
        const isOfRun = scope === '' && key === ''
        if (place === 'run') return isOfRun ? undefined : `is ${kind} of "${scope}", "${key}"`
        if (key === '') return `is ${kind} without a key`
        return place === 'turn' && scope === '' ? 'is a turn of the run itself' : undefined
      },
    }),
  ),
]

function textFlaw(entry: Entry): string | undefined {
  const { run, scope, key, kind, salt, digest, hash } = entry
  if (!isRunId(run)) return 'has an impossible run id'
  if (!scopePattern.test(scope) || scope.length > pathUnitsMax) return 'has an impossible scope'
  if (!keyPattern.test(key) || key.length > keyUnitsMax) return 'has an impossible key'
  if (placeOf(kind) === undefined && !isReserved(kind)) {
    return `is of kind ${JSON.stringify(kind)}, which this version does not know`
  }
  if (salt !== null && !saltPattern.test(salt)) return 'has an impossible salt'
  if (!digestPattern.test(digest)) return 'has an impossible digest'
  return digestPattern.test(hash) ? undefined : 'has an impossible hash'
}

function payloadFlaw({ entry: { payload }, record }: ReadEntry): string | undefined {
  if (payload === null) return undefined
  if (!printable.test(payload)) return 'has a payload that is not printable ASCII'
  return record ? undefined : 'has a payload that cannot be read'
}

/** The numbers of all entries that this one refers to. */
function referredTo(read: ReadEntry): number[] {
  const of = <K extends PayloadKind>(kind: K): Partial<Payloads[K]> => fieldsOf(read, kind) ?? {}
  const retried = of('run.retried')
  const single = [of('run.failed').cause, of('scope.failed').cause, of('input.drifted').of]
  const scopes = [...listOf(retried.reopen), ...listOf(of('scope.failed').scopes)]
  return [
    ...refsIn(read.entry.payload ?? ''),
    ...single.filter((seq) => seq !== undefined),
    ...listOf(retried.forget),
    ...scopes.map((scope) => Number((scope as Partial<OpenScope> | null)?.from)),
  ]
}

/**
 * Quotes inside texts are escaped, so this finds references and nothing else. Those to artifacts,
 * which have 0 and a hash, have no place among entries.
 */
function refsIn(payload: string): number[] {
  if (!payload.includes('"$":"ref"')) return []
  return Array.from(
    payload.matchAll(/"\$":"ref","v":\[(?!0,"[\w-]{43}"(?:,"zstd",\d{1,9})?\])(-?[\d.]*)/g),
    ([, seq]) => Number(seq),
  )
}
