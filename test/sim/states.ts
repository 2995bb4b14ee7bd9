/**
 * "This state was reached": situations that a simulation must meet to be worth anything, each with
 * how often it must at least be met in 10,000 seeds. The run of a gate fails below that.
 */
export const states = {
  'append refused by the fence': 500,
  'append displaced by itself after a lost reply': 1000,
  'expiry refused because a message came': 12,
  'release with a message nobody has seen': 200,
  'answer raced the expiry and won': 1,
  'answer refused because the question had expired': 30,
  'crash between commit and reply': 120,
  'crash in the body of a step': 200,
  'crash before an append': 120,
  'take-over of a run': 1500,
  'take-over during the back-off of a retry': 120,
  'take-over with an operation under way': 600,
  'parked as a crash loop': 20,
  'write of a zombie refused': 200,
  'zombie executed a step': 4,
  'worker lost its session': 500,
  'run given back by a graceful stop': 200,
  'resume of a loop from a chain of changes': 1200,
  'whole turn in the middle of a loop': 50,
  'value kept as a reference': 3000,
  'cancel while replaying': 60,
  'cancel of a run with a child': 70,
  'cancel of a run that had not begun': 60,
  'cancel of a paused run': 8,
  'operation in a cleanup after a cancel': 120,
  'signal buffered before it was awaited': 1500,
  'signal dropped as a duplicate': 150,
  'value refused by the schema of the holder': 80,
  'two answers to one question': 400,
  'child ended while its parent was not in memory': 1200,
  'scope closed with abandoned operations': 2000,
  'timer due while every worker was down': 200,
  'failed run retried': 500,
  'success repeated after a retry': 100,
  'retried run completed': 100,
  'run paused and resumed': 300,
  'deadline passed': 200,
  'entry time held while the clock was back': 700,
  'text of a step under way shown': 5000,
  'text of a zombie refused': 20,
} as const satisfies Record<string, number>

export type State = keyof typeof states
export const stateNames = Object.keys(states) as State[]
