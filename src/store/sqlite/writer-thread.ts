/**
 * The thread that writes. It opens the file, says so, and then answers one message after another:
 * a batch with its result, `close` by closing the file and ending.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../base/errors.ts'
import type { Failure } from './command.ts'
import { Names } from './moved.ts'
import { openLedger, type OpenedFile } from './open.ts'
import { packResult, type PackedBatch, type PackedResult, unpackBatch } from './packed.ts'
import { failureOf, Writer } from './writer.ts'

/** What the thread is sent. */
export type ThreadRequest = PackedBatch | 'close'

/** What it sends, once at its start and then once for each request. */
export type ThreadReply =
  | { readonly is: 'ready' }
  | { readonly is: 'refused'; readonly failure: Failure }
  | { readonly is: 'executed'; readonly result: PackedResult }
  | { readonly is: 'closed' }

/** Serves the port that leads to the thread's owner. */
function serve(port: MessagePort, file: OpenedFile): void {
  const send = (reply: ThreadReply): void => port.postMessage(reply)
  let writer: Writer
  try {
    new Names(file).check() // or it would be made anew
    const connection = openLedger(file)
    writer = new Writer({ connection, file, patience: 'blocks' })
  } catch (error) {
    send({ is: 'refused', failure: failureOf(error) })
    port.close()
    return
  }
  port.on('message', (request: ThreadRequest) => {
    if (request !== 'close') {
      send({ is: 'executed', result: packResult(writer.execute(unpackBatch(request))) })
      return
    }
    writer.close()
    send({ is: 'closed' })
    port.close()
  })
  send({ is: 'ready' })
}

assert(parentPort, 'The writer thread was loaded outside of a thread.')
serve(parentPort, workerData as OpenedFile)
