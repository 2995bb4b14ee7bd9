/** A thread that runs ranges of seeds; see batch.ts. */
import { parentPort } from 'node:worker_threads'
import { runRange } from './batch.ts'

const port = parentPort
if (!port) throw new Error('This file is the thread of batch.ts and does nothing by itself.')

port.on('message', ({ from, to }: { readonly from: number; readonly to: number }) => {
  runRange(from, to).then(
    (summary) => port.postMessage(summary),
    // A bug of the simulator itself ends the thread, and with it the command.
    (error: unknown) =>
      setImmediate(() => {
        throw error
      }),
  )
})
