interface Regression {
  /** See extras.ts. */
  readonly generation: number
  readonly seed: number
  readonly found: string
}

/**
 * Seeds that found something, and what it was. They must pass for ever, in the generation of the
 * generator that found it: a seed goes on doing what it did then. What is changed elsewhere in the
 * simulator may change what it does all the same, so a bug of importance gets a test of its own as well.
 */
export const regressions: readonly Regression[] = [
  {
    generation: 1,
    seed: 1,
    found: 'a linger that a second look replaced gave a run back while a step was busy',
  },
  {
    generation: 1,
    seed: 2,
    found: 'a step aborted by the end of its scope wrote step.retrying into it',
  },
  {
    generation: 1,
    seed: 7,
    found: 'a deadline that passed while the store was slow was written again and again',
  },
  {
    generation: 1,
    seed: 10,
    found: 'an outcome committed after its scope had closed blocked all that followed',
  },
  { generation: 1, seed: 14, found: 'a signal that had come expired after a resume' },
  { generation: 1, seed: 17, found: 'two waiters took one message while a schema was asked' },
  { generation: 1, seed: 24, found: 'a retried run waited for ever for a child that had failed' },
  { generation: 1, seed: 29, found: 'a second signal of a name was not looked for' },
  {
    generation: 1,
    seed: 60,
    found: 'an alarm rang while the run was being given back, and began an attempt',
  },
  {
    generation: 1,
    seed: 118,
    found: 'a child that was being started was not cancelled with its parent',
  },
  {
    generation: 1,
    seed: 126,
    found: 'a retried run diverged when its code had cleaned up after the failure',
  },
  {
    generation: 1,
    seed: 2813,
    found: 'a scope that was opened inside one that had ended executed its steps',
  },
  {
    generation: 1,
    seed: 31055,
    found: 'a run was parked as a crash loop with a cancel in its inbox, and rested',
  },
  {
    generation: 1,
    seed: 2326,
    found: 'a worker that was overtaken while it opened a run took the ledger for broken',
  },
  {
    generation: 1,
    seed: 11249,
    found: 'a run was executed twice when it was given back while lost claims were sought',
  },
  {
    generation: 1,
    seed: 5442,
    found: 'a run was parked while it was undone, with a cancel in its inbox',
  },
  {
    generation: 1,
    seed: 10494,
    found: 'a read that came back after the lease was lost let a run be undone by two workers',
  },
  {
    generation: 1,
    seed: 13488,
    found:
      'a frozen process whose clock was set back made a call that was said not to have happened',
  },
  {
    generation: 1,
    seed: 15426,
    found: 'a budget was looked at again although people had been asked about the call behind it',
  },
  {
    generation: 1,
    seed: 1368,
    found:
      'code that had killed three workers was taken to have ended a run that another cancel ended',
  },
  {
    generation: 1,
    seed: 8684,
    found: 'a run that had ended just before its deadline was driven again behind it',
  },
  {
    generation: 1,
    seed: 7169,
    found: 'a child that took its cancel while it was undone was said to have none',
  },
  { generation: 1, seed: 18231, found: 'a pause that a cancel had overruled paused the undoing' },
  {
    generation: 1,
    seed: 1003331,
    found: 'a pause that a stopping worker had left to the next one won over a later cancel',
  },
  {
    generation: 1,
    seed: 1018847,
    found: 'a retry that had kept the first attempt at a call did not know of the second',
  },
  {
    generation: 1,
    seed: 3043227,
    found: 'a simulated call that was frozen while the clock was set back took itself for early',
  },
  {
    generation: 11,
    seed: 2960,
    found:
      'a simulated step killed the last worker when the faults had stopped and nobody would start another',
  },
  {
    generation: 11,
    seed: 6002170,
    found: 'of two cancels of a paused run that was being undone, one stayed in its inbox for ever',
  },
  {
    generation: 12,
    seed: 6011698,
    found:
      'a retried run that waited for a time from before its failure said that it waited for nothing',
  },
  {
    generation: 12,
    seed: 6012017,
    found:
      'the output of an agent whose messages were all refused was thought to be seen by no guard',
  },
  {
    generation: 12,
    seed: 7001824,
    found:
      'runs that were lost with a session were given back as if they had never begun, where it was just being asked what a claim without a reply had brought',
  },
  {
    generation: 12,
    seed: 3776,
    found:
      'a call that a budget had refused, and that went on when a deploy had taken the limits away, was not asked for in a replay',
  },
]
