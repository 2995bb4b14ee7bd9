/**
 * "This state was reached": situations that a simulation must meet to be worth anything, each with
 * how often it must at least be met in 10,000 seeds. The run of a gate fails below that.
 */
export const states = {
  'append refused by the fence': 200,
  'append displaced by itself after a lost reply': 200,
  'expiry refused because a message came': 50,
  'release with a message nobody has seen': 200,
  'answer raced the expiry and won': 20,
  'answer refused because the question had expired': 20,
  'crash between commit and reply': 100,
  'crash in the body of a step': 200,
  'crash before an append': 100,
  'take-over of a run': 500,
  'take-over during the back-off of a retry': 20,
  'take-over with an operation under way': 100,
  'parked as a crash loop': 20,
  'write of a zombie refused': 100,
  'zombie executed a step': 20,
  'worker lost its session': 200,
  'run given back by a graceful stop': 100,
  'resume of a loop from a chain of changes': 200,
  'whole turn in the middle of a loop': 100,
  'value kept as a reference': 200,
  'cancel while replaying': 50,
  'cancel of a run with a child': 50,
  'cancel of a run that had not begun': 20,
  'cancel of a paused run': 20,
  'operation in a cleanup after a cancel': 50,
  'signal buffered before it was awaited': 200,
  'signal dropped as a duplicate': 200,
  'value refused by the schema of the holder': 100,
  'two answers to one question': 50,
  'child ended while its parent was not in memory': 200,
  'scope closed with abandoned operations': 200,
  'timer due while every worker was down': 50,
  'failed run retried': 100,
  'run paused and resumed': 100,
  'deadline passed': 50,
  'entry time held while the clock was back': 50,
} as const satisfies Record<string, number>

export type State = keyof typeof states
export const stateNames = Object.keys(states) as State[]
