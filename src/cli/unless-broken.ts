/** Looking at a run whose ledger is broken: a command says what it can of it. */
import { EverloopError } from '../base/errors.ts'

/** What is read; undefined where the ledger is broken. Throws every other trouble: it is the command's. */
export async function unlessBroken<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (EverloopError.is(error) && error.code === 'BROKEN_CHAIN') return undefined
    throw error
  }
}
