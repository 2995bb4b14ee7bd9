/** Patience with the store: trouble that may pass is waited out. */
import { EverloopError } from '../base/errors.ts'
import type { Ports } from '../base/ports.ts'
import { sleep } from '../base/sleep.ts'

/** How long reading is put off after the store was in trouble. */
const troubleMs = 100

/** Trouble of the store that may pass, and after which the same write may be tried again. */
export const isPassing = (error: unknown): error is EverloopError =>
  EverloopError.is(error) && (error.code === 'STORE_UNAVAILABLE' || error.code === 'STORE_FULL')

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
      await sleep(ports, troubleMs)
    }
  }
}

/** Reads for a pass, as long as it goes on: the trouble of the store is none of the flow's. */
export const readPatiently = <T>(pass: Reading, read: () => Promise<T>): Promise<T> =>
  patiently(
    {
      ports: pass.ports,
      onTrouble: (error) => {
        if (pass.isOver) throw error
        pass.options.onTrouble(error)
      },
    },
    read,
  )

/** What a pass does here. */
interface Reading {
  readonly ports: Ports
  readonly isOver: boolean
  readonly options: { readonly onTrouble: (error: unknown) => void }
}
