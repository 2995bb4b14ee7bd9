/**
 * What a holder does with each message from outside: it becomes an entry, exactly once, in the
 * append that takes it. What nothing waits for yet stays in the inbox.
 */
import type { ErrorData } from '../../base/errors.ts'
import { decode, encode, errorData, type Taint, questionId } from '../../ledger/index.ts'
import type { Message } from '../../store/store.ts'
import { actor } from '../actor.ts'
import { beginCancelling } from './cancelling.ts'
import { payloadWith } from '../replay/large.ts'
import type { Operation } from './operation.ts'
import type { Pass } from './pass.ts'
import { isLine } from '../replay/recorded.ts'
import { checked } from '../schema.ts'
import { askedPause } from './stop.ts'
import { tainted } from './taints.ts'

/** Lets a run go on. `anew`: other runs may take the place of children that cannot. */
interface Permission {
  readonly by?: string | undefined
  readonly anew?: true | undefined
}

/** What messages carry, by kind. */
export interface MessageRecords {
  readonly signal: { readonly value: unknown; readonly by?: string | undefined }
  readonly answer: { readonly value: unknown; readonly by?: string | undefined }
  readonly cancel: { readonly reason: string; readonly by?: string | undefined }
  readonly pause: { readonly reason?: string | undefined; readonly by?: string | undefined }
  readonly resume: Permission
  readonly retry: Permission
  readonly child: (
    | { readonly status: 'completed'; readonly output: unknown }
    | { readonly status: 'failed' | 'cancelled'; readonly error: ErrorData }
  ) & { readonly taints?: readonly Taint[] | undefined }
}

/** The decoded record of a message of this kind. */
export const recordOf = <K extends keyof MessageRecords>(message: Message): MessageRecords[K] =>
  decode(message.payload) as MessageRecords[K]

/** Takes the message if the pass can make something of it now. */
export function takeMessage(pass: Pass, message: Message): void {
  const taken = [message.number]
  switch (message.kind) {
    case 'cancel': {
      const { reason, by } = recordOf<'cancel'>(message)
      const all = [...pass.overrule(message.number), ...taken]
      if (pass.cancelled) pass.commit({ drafts: [], taken: all })
      else beginCancelling(pass, { reason, ...actor(by) }, all)
      return
    }
    case 'pause':
      pass.stop({ ...askedPause(recordOf<'pause'>(message)), taken })
      return
    case 'resume':
    case 'retry':
      pass.commit({ drafts: [], taken }) // the run goes on already
      return
    case 'signal':
      takeSignal(pass, message)
      return
    case 'answer':
      takeAnswer(pass, message)
      return
    case 'child':
      takeChild(pass, message)
  }
}

function takeSignal(pass: Pass, message: Message): void {
  const waiting = find(
    pass,
    ({ begun, live }) =>
      (isLine(begun, 'signal.awaited') ? begun.record.name : live.receives) === message.name,
  )
  if (waiting?.live.receives !== undefined) receive(pass, waiting, message)
  else if (waiting) void takeValue(pass, waiting, message, ['signal.received', 'signal.refused'])
}

function receive(pass: Pass, waiting: Operation, message: Message): void {
  const { value, by } = recordOf<'signal'>(message)
  const record = { value, ...origin(message, by) }
  pass.conclude(waiting, 'message.received', record, { taken: [message.number] })
}

function takeAnswer(pass: Pass, message: Message): void {
  const waiting = find(
    pass,
    ({ begun, live }) =>
      begun !== undefined &&
      (begun.kind === 'question.asked' || live.onAnswer !== undefined) &&
      questionId(pass.run, begun.entry.seq) === message.name,
  )
  if (waiting?.live.onAnswer) {
    const { value, by } = recordOf<'answer'>(message)
    const { number, time } = message
    waiting.phase = 'busy'
    pass.mailbox.reserve(number)
    waiting.live.onAnswer(waiting, { number, value, by, time })
  } else if (waiting)
    void takeValue(pass, waiting, message, ['question.answered', 'question.refused'])
}

/** A value that does not fit is refused with an entry, and the wait goes on. */
async function takeValue(
  pass: Pass,
  waiting: Operation,
  message: Message,
  [received, refused]:
    | readonly ['signal.received', 'signal.refused']
    | readonly ['question.answered', 'question.refused'],
): Promise<void> {
  const { due } = waiting
  const { value, by } = recordOf<'signal' | 'answer'>(message)
  const taken = [message.number]
  const from = origin(message, by)
  // Nothing else may take it while it is being checked.
  waiting.phase = 'busy'
  pass.mailbox.reserve(message.number)
  const isOver = (): boolean => waiting.phase !== 'busy' || waiting.scope.closed
  try {
    const fitting = await checked(waiting.live.schema, value, 'The value', { run: pass.run })
    if (isOver()) pass.mailbox.giveBack(message.number)
    else {
      const { largeAt } = waiting.live
      const written = payloadWith('value', encode(fitting), from, { largeAt })
      pass.conclude(waiting, received, { value: fitting, ...from }, { taken, ...written })
    }
  } catch (error) {
    if (isOver()) {
      pass.mailbox.giveBack(message.number)
      return
    }
    const record = { reason: errorData(error).message, ...from }
    pass.commit({
      drafts: [{ ...waiting.place, kind: refused, record }],
      taken,
      committed: () => pass.wait(waiting, due),
    })
  }
}

/** Under which id a message was sent, and by whom. */
const origin = (
  { id }: Message,
  by: string | undefined,
): { readonly id?: string; readonly by?: string } => ({
  ...(id === undefined ? {} : { id }),
  ...actor(by),
})

function takeChild(pass: Pass, message: Message): void {
  const waiting = find(pass, ({ child }) => child === message.name)
  if (!waiting) return
  if (!waiting.begun) return waiting.live.onEnd?.(waiting)
  const end = recordOf<'child'>(message)
  // Before the outcome: what the code makes of it is marked from the beginning.
  const before = tainted(pass.options.taints.add(end.taints))
  const item = { taken: [message.number], before }
  if (end.status === 'completed') {
    const { output } = end
    const { largeAt } = waiting.live
    const written = payloadWith('output', encode(output), {}, { largeAt })
    pass.conclude(waiting, 'child.completed', { output }, { ...item, ...written })
  } else pass.conclude(waiting, 'child.failed', { status: end.status, error: end.error }, item)
}

function find(pass: Pass, fits: (operation: Operation) => boolean): Operation | undefined {
  for (const operation of pass.operations) {
    if (operation.phase === 'waiting' && fits(operation)) return operation
  }
  return undefined
}
