/** Reading a run that is held: trouble of the store that may pass is waited out. */
import { EverloopError } from '../base/errors.ts'
import type { Ports } from '../base/ports.ts'

/** How long reading is put off after the store was in trouble. */
const troubleMs = 100

/** Reads until the store can be read. */
export async function patiently<T>(
  { ports, onTrouble }: { readonly ports: Ports; readonly onTrouble: (error: unknown) => void },
  read: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await read()
    } catch (error) {
      if (!EverloopError.is(error) || error.code !== 'STORE_UNAVAILABLE') throw error
      onTrouble(error)
      await new Promise<void>((resolve) => void ports.setTimer(troubleMs, resolve))
    }
  }
}
