/** Whatever was thrown, as data that can be recorded. */
import type { ErrorData } from '../base/errors.ts'
import { messageOf } from '../base/message-of.ts'
import { decode } from './codec.ts'
import {
  cut,
  errorUnitsMax,
  messageUnitsMax,
  reading,
  tryWrite,
  type Walk,
  writeError,
} from './write-value.ts'

/** An error stands some levels down in its record, perhaps as the cause of another, and must fit there. */
const levelsAround: readonly string[] = Array.from({ length: 20 }, () => '')

/** The thrown thing as data: anything may be thrown, and nothing about it is trusted to work. */
export function errorData(thrown: unknown): ErrorData {
  const walk: Walk = { refer: undefined, sorted: false, path: [...levelsAround], open: [] }
  if (isError(thrown)) {
    walk.open.push(thrown)
    return decode(writeError(thrown, walk)) as ErrorData
  }
  const text = thrown === undefined ? undefined : tryWrite(thrown, walk)
  return {
    name: 'NonError',
    message: `Not an error was thrown: ${saidBy(thrown) ?? messageOf(thrown).slice(0, 200)}`,
    ...(text === undefined || text.length > errorUnitsMax ? {} : { data: decode(text) }),
  }
}

function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error
  } catch {
    return false // a Proxy that does not want to be looked at
  }
}

/** What a thrown object says itself, as those of many clients do. */
function saidBy(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined
  const message = reading(() => (thrown as { readonly message?: unknown }).message)
  return typeof message === 'string' && message !== '' ? cut(message, messageUnitsMax) : undefined
}
